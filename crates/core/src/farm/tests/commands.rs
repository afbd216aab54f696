//! What people ask for, and what ends without being asked.

use super::*;
use crate::book::Book;
use farm_model::kept::{Kept, KeptKind};
use farm_model::record::JobState;

impl Dialogue {
    fn ask(&mut self, id: &str, ask: Ask) -> Effects {
        self.tell(Fact::Command(Command {
            id: id.parse().unwrap(),
            actor: "user:gopher".to_owned(),
            ask,
        }))
    }
}

fn asked(book: &Book) -> Vec<String> {
    book.of(KeptKind::Asked)
        .filter_map(|kept| match kept {
            Kept::Asked(asked) => Some(format!("{} {}", asked.actor, asked.effect)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_cancelled_build_ends_on_its_machine_and_is_never_red() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    let build = work.attempt.build.clone();
    let effects = t.ask(
        "c1",
        Ask::Cancel {
            build: build.clone(),
        },
    );
    let cancel = &told::<CancelJob>(&effects)[0];
    assert_eq!(cancel.attempt, work.attempt);
    assert_eq!(cancel.reason, "cancelled by user:gopher");
    assert_eq!(told::<RunFinished>(&effects)[0].outcome, Outcome::Lost);
    assert_eq!(t.farm.runs(&build)[0].jobs[0].state, JobState::Dropped);
    // What the hub says of it afterwards changes nothing, and the machine is free again.
    let late = t.finish(&work.attempt, Outcome::Failed);
    assert!(told::<RunFinished>(&late).is_empty());
    t.beat(&[("m1", None)]);
    assert_eq!(the_work(&t.push(&[2, 1])).source.commit, commit(2).id);
    let again = t.ask("c2", Ask::Cancel { build });
    assert!(told::<RunFinished>(&again).is_empty());
    assert_eq!(
        asked(t.farm.book()),
        [
            "user:gopher cancelled its open run",
            "user:gopher nothing: there is no such build that is open"
        ]
    );
}

#[test]
fn a_command_that_comes_twice_is_one_command() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.finish(&work.attempt, Outcome::Failed);
    let retry = || Ask::Retry {
        build: work.attempt.build.clone(),
    };
    assert_eq!(the_work(&t.ask("c1", retry())).attempt.run, 2);
    let effects = t.ask("c1", retry());
    assert!(told::<RunJob>(&effects).is_empty() && effects.ignored > 0);
    assert_eq!(asked(t.farm.book()).len(), 1);
}

#[test]
fn a_retry_does_not_touch_an_open_build() {
    let mut t = Dialogue::new(3, 1);
    t.push(&[1]);
    let build = t.build(1);
    t.ask(
        "c1",
        Ask::Retry {
            build: build.clone(),
        },
    );
    assert_eq!(t.farm.runs(&build).len(), 1);
}

#[test]
fn a_drained_machine_ends_what_it_runs_and_gets_no_more() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.ask(
        "c1",
        Ask::Drain {
            machine: "m1".parse().unwrap(),
            reason: "new disk".to_owned(),
        },
    );
    assert_eq!(t.status(1), Some(Status::Running));
    t.finish(&work.attempt, Outcome::Ok);
    t.push(&[2, 1]);
    t.beat(&[("m1", None)]);
    assert_eq!(t.status(2), Some(Status::Queued));
    let effects = t.ask(
        "c2",
        Ask::Undrain {
            machine: "m1".parse().unwrap(),
        },
    );
    assert_eq!(the_work(&effects).source.commit, commit(2).id);
}

#[test]
fn a_branch_that_is_rewritten_drops_what_it_has_no_more() {
    let mut t = Dialogue::new(3, 2);
    t.push(&[2, 1]);
    let (kept, gone) = (t.build(1), t.build(2));
    let effects = t.push(&[3, 1]);
    let finished = told::<RunFinished>(&effects);
    assert_eq!(finished.len(), 1, "{finished:?}");
    assert_eq!(finished[0].build, gone);
    assert!(finished[0].reason.contains("was rewritten"));
    assert!(t.farm.open().any(|id| *id == kept));
}

#[test]
fn a_branch_that_moves_on_drops_nothing() {
    let mut t = Dialogue::new(3, 1);
    t.push(&[1]);
    let effects = t.push(&[3, 2, 1]);
    assert!(told::<RunFinished>(&effects).is_empty());
    // Nothing in common may be very many commits at once.
    let effects = t.push(&[200, 199]);
    assert!(told::<RunFinished>(&effects).is_empty());
    assert_eq!(t.farm.open().len(), 3);
}

/// What is read of the repository when it has the branches `names`, each with the commits of `main`.
fn reading(t: &Dialogue, names: &[&str]) -> Fact {
    let branch = |name: &&str| Branch {
        repo: "sample".parse().unwrap(),
        name: (*name).to_owned(),
        default: *name == "main",
        commits: vec![commit(1)],
        total: 0,
        observed: t.now,
    };
    Fact::Observed(Observation {
        repo: "sample".parse().unwrap(),
        branches: names.iter().map(branch).collect(),
        at: t.now,
        trace: None,
    })
}

#[test]
fn a_branch_that_is_gone_is_not_built_until_it_is_back() {
    let mut t = Dialogue::new(3, 1);
    t.push(&[1]);
    let build = t.build(1);
    let effects = t.tell(reading(&t, &["topic"]));
    assert!(told::<RunFinished>(&effects)[0].reason.contains("is gone"));
    assert!(t.farm.runs(&build)[0].verdict.is_some());
    t.now += SignedDuration::from_secs(1);
    t.tell(reading(&t, &["main", "topic"]));
    assert_eq!(t.farm.runs(&build).len(), 2);
    assert_eq!(t.farm.runs(&build)[1].cause, "its branch has it again");
}

#[test]
fn a_source_that_shows_no_branch_at_all_is_not_believed() {
    let mut t = Dialogue::new(3, 1);
    t.push(&[1]);
    let effects = t.tell(reading(&t, &[]));
    assert!(told::<RunFinished>(&effects).is_empty());
    assert_eq!(t.farm.open().len(), 1);
    assert!(t.farm.troubles().any(|text| text.contains("no branches")));
}

#[test]
fn no_run_takes_or_waits_for_ever() {
    let mut t = Dialogue::new(3, 1);
    t.push(&[1]);
    t.now += Policy::default().wait_limit;
    let effects = t.wait(2);
    assert_eq!(
        told::<RunFinished>(&effects)[0].reason,
        "no machine took it in 14 days"
    );
    t.push(&[2, 1]);
    let work = the_work(&t.beat(&[("m1", None)]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    t.now += Policy::default().run_limit;
    t.beat(&[("m1", Some(&work.attempt))]);
    let effects = t.wait(2);
    let told_of = told::<RunFinished>(&effects);
    assert!(told_of[0].reason.contains("48 hours"), "{told_of:?}");
    assert_eq!(t.farm.open().len(), 0);
}

#[test]
fn an_attempt_far_over_its_time_is_given_up_though_its_hub_speaks_of_it() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    t.now += SignedDuration::from_secs(86_400);
    t.beat(&[("m1", Some(&work.attempt))]);
    assert!(told::<CancelJob>(&t.wait(2)).is_empty());
    t.now += Policy::default().overtime;
    t.beat(&[("m1", Some(&work.attempt))]);
    t.wait(1);
    let effects = t.beat(&[("m1", Some(&work.attempt))]);
    assert_eq!(told::<CancelJob>(&effects)[0].attempt, work.attempt);
}
