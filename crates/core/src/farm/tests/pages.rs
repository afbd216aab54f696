//! What the documents of commits, builders and sheets say.

use farm_model::message::progress::{LogSummary, TestOutcome, TestResult};
use farm_model::view::{BuilderView, CommitView, GridView, SetView, TestsView};
use serde::de::DeserializeOwned;

use super::*;
use crate::effects::ViewKey;
use crate::page;

fn said<T: DeserializeOwned>(t: &Dialogue, key: &ViewKey) -> Option<T> {
    let text = page::render(&t.farm, key, t.now).unwrap()?;
    Some(serde_json::from_str(&text).unwrap())
}

fn sheet(sheet: u64) -> ViewKey {
    ViewKey::Sheet {
        repo: "sample".parse().unwrap(),
        branch: "main".to_owned(),
        sheet,
    }
}

fn of_commit(number: u32) -> ViewKey {
    ViewKey::Commit {
        repo: "sample".parse().unwrap(),
        commit: commit(number).id,
    }
}

fn tests_of_main() -> ViewKey {
    ViewKey::Tests {
        repo: "sample".parse().unwrap(),
        branch: "main".to_owned(),
    }
}

/// A report of one failed test, with a log.
fn red() -> AttemptReport {
    AttemptReport {
        log: LogSummary {
            hash: Some("a94a8fe5ccb19ba61c4c0873d391e987982fbbd3".parse().unwrap()),
            ..LogSummary::default()
        },
        tests: vec![TestResult {
            unit: "net".to_owned(),
            name: "TestDial".to_owned(),
            outcome: TestOutcome::Failed,
            milliseconds: 1,
            output: "é".repeat(300),
        }],
        ..AttemptReport::bare(Outcome::Failed, "ö".repeat(300))
    }
}

#[test]
fn a_red_cell_says_why_wherever_it_is_shown() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    let what = AttemptEvent::Finished { report: red() };
    let effects = t.report(&work.attempt, 9, what);
    let keys = [sheet(0), of_commit(1), tests_of_main()];
    assert!(keys.iter().all(|key| effects.dirty.contains(key)));
    let grid = page::grid(&t.farm, t.farm.branches().next().unwrap(), t.now);
    let cell = grid.rows[0].cells[0].clone().unwrap();
    let failure = cell.failure.clone().unwrap();
    assert_eq!((failure.reason.len(), failure.by_chance), (200, false));
    assert_eq!(failure.attempt, Some(work.attempt.clone()));
    assert_eq!(failure.log, red().log.hash);
    let shown: GridView = said(&t, &sheet(0)).unwrap();
    assert_eq!(shown.rows, grid.rows);
    let shown: CommitView = said(&t, &of_commit(1)).unwrap();
    assert_eq!(shown.places, [("main".to_owned(), 0)]);
    assert_eq!(shown.builds[0].failure, cell.failure);
    let builder = "test".parse().unwrap();
    let shown: BuilderView = said(&t, &ViewKey::Builder { builder }).unwrap();
    assert_eq!(shown.runs[0].subject, "commit 1");
    assert_eq!(shown.runs[0].line.failure, cell.failure);
    let tests: TestsView = said(&t, &tests_of_main()).unwrap();
    let failed = &tests.tests[0].failures[0];
    assert_eq!((failed.output.len(), failed.flaked), (300, false));
    assert_eq!(failed.attempt, work.attempt);
}

#[test]
fn steps_of_a_run_leave_alone_what_does_not_show_them() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let pushed = t.push(&[1]);
    assert!(pushed.dirty.contains(&sheet(0)) && pushed.dirty.contains(&of_commit(1)));
    let work = the_work(&pushed);
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    let step = AttemptEvent::StepStarted {
        step: 0,
        name: "test".to_owned(),
    };
    let effects = t.report(&work.attempt, 2, step);
    let id = work.attempt.build.clone();
    assert!(effects.dirty.contains(&ViewKey::Build { id }));
    assert!(!effects.dirty.contains(&sheet(0)));
    let effects = t.finish(&work.attempt, Outcome::Ok);
    assert!(effects.dirty.contains(&sheet(0)));
    assert!(!effects.dirty.contains(&tests_of_main()));
}

#[test]
fn numbers_are_those_of_the_sheets_and_outlive_the_leader() {
    let mut t = Dialogue::new(3, 1);
    let first: Vec<u32> = (0..40).rev().collect();
    t.push(&first);
    let more: Vec<u32> = (0..70).rev().collect();
    let effects = t.push(&more);
    assert_eq!(effects.numbers[0].first, 40);
    assert_eq!(effects.builds.values().next().unwrap().number, Some(69));
    t.restart();
    let numbers = |t: &Dialogue, at| -> Vec<u64> {
        let shown: GridView = said(t, &sheet(at)).unwrap();
        assert_eq!((shown.sheet, shown.total), (Some(at), 70));
        shown.rows.iter().map(|row| row.number).collect()
    };
    assert_eq!(numbers(&t, 2), (60..70).rev().collect::<Vec<u64>>());
    assert_eq!(numbers(&t, 0), (0..30).rev().collect::<Vec<u64>>());
    assert!(numbers(&t, 3).is_empty(), "behind the end");
    assert_eq!(
        t.farm.branches().next().unwrap().number_of(&commit(7).id),
        Some(7)
    );
}

#[test]
fn what_is_not_there_has_no_document() {
    let mut t = Dialogue::new(3, 1);
    t.push(&[1]);
    assert_eq!(said::<CommitView>(&t, &of_commit(2)), None);
    let builder = "none".parse().unwrap();
    assert_eq!(said::<BuilderView>(&t, &ViewKey::Builder { builder }), None);
    let set = ViewKey::Set {
        repo: "sample".parse().unwrap(),
        commit: commit(1).id,
        set: "t1".to_owned(),
    };
    assert_eq!(said::<SetView>(&t, &set), None);
    assert!(
        page::wants(&t.farm, &set).is_some(),
        "the store may have it"
    );
}

#[test]
fn all_pages_are_out_of_date_when_somebody_asks_for_it() {
    let mut t = Dialogue::new(3, 1);
    t.push(&(0..70).rev().collect::<Vec<_>>());
    let effects = t.tell(Fact::Command(Command {
        id: "c1".parse().unwrap(),
        actor: "user:gopher".to_owned(),
        ask: Ask::RebuildViews,
    }));
    let below = |sheet| ViewKey::Below {
        repo: "sample".parse().unwrap(),
        branch: "main".to_owned(),
        sheet,
    };
    let wanted = (0..3).flat_map(|number| [sheet(number), below(number)]);
    let heads = page::heads(&t.farm).into_iter();
    assert!(heads.chain(wanted).all(|key| effects.dirty.contains(&key)));
    assert_eq!(page::wants(&t.farm, &sheet(2)), None);
}
