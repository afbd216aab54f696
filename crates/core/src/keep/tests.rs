use farm_model::kept::{Snapshot, Trust};
use farm_model::message::progress::{LogSummary, Outcome};
use farm_model::record::{Attempt, Job, JobState, Part, Verdict};
use proptest::prelude::*;

use super::*;

const DAY: i64 = 86_400;

fn day(number: i64) -> Timestamp {
    Timestamp::from_second(number * DAY).unwrap()
}

/// A digest whose first half tells it apart.
fn blob(number: u8) -> BlobId {
    format!("{number:016x}{}", "0".repeat(48)).parse().unwrap()
}

fn report(snapshot: Option<u8>, whole: Option<u8>, tests: Option<u8>) -> AttemptReport {
    AttemptReport {
        snapshot: snapshot.map(blob),
        log: LogSummary {
            whole: whole.map(blob),
            ..LogSummary::default()
        },
        tests_whole: tests.map(blob),
        ..AttemptReport::bare(Outcome::Ok, String::new())
    }
}

/// One attempt for each report.
fn run(reports: Vec<AttemptReport>, over: Option<i64>) -> Run {
    let attempt = |report| Attempt {
        number: 1,
        hub: "h1".parse().unwrap(),
        machine: "h1/m1".parse().unwrap(),
        leased: day(0),
        start_by: day(0),
        state: AttemptState::Finished { at: day(0), report },
        last_seq: 1,
        continues: None,
        mentioned: None,
    };
    Run {
        build: "b".repeat(32).parse().unwrap(),
        number: 1,
        opened: day(0),
        cause: "push".to_owned(),
        jobs: vec![Job {
            name: "steps".parse().unwrap(),
            needs: Vec::new(),
            part: Part::Whole,
            state: JobState::Waiting { not_before: day(0) },
            attempts: reports.into_iter().map(attempt).collect(),
        }],
        trace: None,
        verdict: over.map(|over| Verdict {
            outcome: Outcome::Ok,
            reason: String::new(),
            at: day(over),
            superseded: false,
        }),
    }
}

fn snapshot(number: u8) -> Kept {
    Kept::Snapshot(Snapshot {
        builder: "linux".parse().unwrap(),
        repo: "go".parse().unwrap(),
        commit: "c".repeat(40).parse().unwrap(),
        trust: Trust::PostSubmit,
        blob: blob(number),
        at: day(0),
    })
}

/// Which of all blobs would go that were stored on these days.
fn gone(stored: &[i64], references: &References, keep: &KeepDays, now: Timestamp) -> Vec<u8> {
    let before = Area::Blobs.before(keep, now).unwrap();
    let goes = |number: &u8| {
        let name = blob(*number);
        let object = Aged {
            name: name.as_str(),
            ends: day(stored[usize::from(*number)]),
        };
        may_go(Area::Blobs, before, references, object)
    };
    let all = u8::try_from(stored.len()).unwrap();
    (0..all).filter(goes).collect()
}

fn some_blob() -> impl Strategy<Value = Option<u8>> {
    proptest::option::of(0..20u8)
}

fn some_run() -> impl Strategy<Value = Run> {
    let reports = proptest::collection::vec((some_blob(), some_blob(), some_blob()), 0..4);
    let over = proptest::option::of(0..400i64);
    (reports, over).prop_map(|(reports, over)| {
        let reports = reports.into_iter().map(|(a, b, c)| report(a, b, c));
        run(reports.collect(), over)
    })
}

/// The definition, in the plainest words: is this blob wanted?
fn is_wanted(number: u8, runs: &[Run], book: &[u8], keep: &KeepDays, now: i64) -> bool {
    let of_run = |run: &Run| {
        let over = run.verdict.as_ref().map(|verdict| verdict.at);
        let kept = keep.logs == 0 || over.is_none_or(|at| at >= day(now - i64::from(keep.logs)));
        reports(run).any(|report| {
            let log = report.log.whole == Some(blob(number));
            let tests = report.tests_whole == Some(blob(number));
            let archive = report.snapshot == Some(blob(number));
            (kept && (log || tests)) || (over.is_none() && archive)
        })
    };
    book.contains(&number) || runs.iter().any(of_run)
}

proptest! {
    /// Nothing that is referred to goes, and everything else does as soon as it is old enough.
    #[test]
    fn what_goes_is_what_is_old_and_wanted_by_nobody(
        runs in proptest::collection::vec(some_run(), 0..6),
        book in proptest::collection::vec(0..20u8, 0..4),
        stored in proptest::collection::vec(0..400i64, 20),
        logs in prop_oneof![Just(0u32), 3..200u32],
        now in 0..500i64,
    ) {
        let keep = KeepDays { logs, ..KeepDays::default() };
        let mut references = References::default();
        let since = logs_since(&keep, day(now));
        runs.iter().for_each(|run| references.run(run, since));
        book.iter().for_each(|number| references.kept(&snapshot(*number)));
        let expected: Vec<u8> = (0..20u8)
            .filter(|number| !is_wanted(*number, &runs, &book, &keep, now))
            .filter(|number| stored[usize::from(*number)] < now - 30)
            .collect();
        prop_assert_eq!(gone(&stored, &references, &keep, day(now)), expected);
    }

    /// However the days are set, what is younger than they say stays, in every part of the bucket.
    #[test]
    fn nothing_goes_before_its_time(
        days in proptest::array::uniform5(0..500u32), now in 500..1000i64, ends in 0..1000i64,
    ) {
        let [logs, deliveries, history, snapshots, said] = days;
        let keep = KeepDays { logs, deliveries, history, snapshots, said };
        for (area, days) in [
            (Area::Logs, logs), (Area::Deliveries, deliveries), (Area::History, history), (Area::Said, said),
        ] {
            let Some(before) = area.before(&keep, day(now)) else {
                prop_assert_eq!(days, 0);
                continue;
            };
            let object = Aged { name: "x", ends: day(ends) };
            let goes = may_go(area, before, &References::default(), object);
            prop_assert_eq!(goes, now - ends > i64::from(days));
        }
    }
}

#[test]
fn moments_after_the_limit_can_still_be_made() {
    let limit = day(100);
    assert_eq!(history_begins(limit, Some(day(99))), day(99));
    assert_eq!(
        history_begins(limit, Some(day(3))),
        day(3),
        "nothing happened for long"
    );
    assert_eq!(history_begins(limit, None), limit);
}

#[test]
fn what_has_no_name_of_a_blob_is_left_alone() {
    let object = Aged {
        name: "README",
        ends: day(0),
    };
    assert!(!may_go(
        Area::Blobs,
        day(100),
        &References::default(),
        object
    ));
    assert!(may_go(
        Area::Staging,
        day(100),
        &References::default(),
        object
    ));
}
