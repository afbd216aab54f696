//! A run of several jobs: set-up, shards, a second try, and machines held between them.

use super::*;
use farm_model::kept::{Kept, KeptKind};
use farm_model::message::progress::{Missing, TestOutcome, TestResult};
use farm_model::message::work::Step;
use farm_model::record::{JobState, Part};

const SHARDS: &str = r#"
name = "t"
[hosts.local]
clean = "wipe"
[builders.test]
host = "local"
timeout = "24h"
rerun-failed = true
steps = [{ name = "make", argv = ["make"] }]
[builders.test.tests]
list = "list"
run = "run"
shards = 2
target = "1s"
keep = true
[repositories.sample]
url = "/src"
"#;

fn test(unit: &str, outcome: TestOutcome) -> TestResult {
    TestResult {
        unit: unit.to_owned(),
        name: String::new(),
        outcome,
        milliseconds: 5,
        output: String::new(),
    }
}

impl Dialogue {
    /// Two machines, a commit, and its set-up under way.
    fn set_up() -> (Self, RunJob) {
        let mut t = Self::with(configured(SHARDS, 3, 1));
        t.beat(&[("m1", None), ("m2", None)]);
        let work = the_work(&t.push(&[1]));
        (t, work)
    }

    fn made(&mut self, attempt: &AttemptKey, units: &[&str]) -> Effects {
        let report = AttemptReport {
            snapshot: Some("a".repeat(64).parse().unwrap()),
            units: units.iter().map(|unit| (*unit).to_owned()).collect(),
            ..AttemptReport::bare(Outcome::Ok, String::new())
        };
        self.report(attempt, 9, AttemptEvent::Finished { report })
    }

    fn tested(
        &mut self,
        attempt: &AttemptKey,
        outcome: Outcome,
        tests: Vec<TestResult>,
        complete: bool,
    ) -> Effects {
        let report = AttemptReport {
            tests,
            tests_complete: complete,
            ..AttemptReport::bare(outcome, "a test".to_owned())
        };
        self.report(attempt, 9, AttemptEvent::Finished { report })
    }

    fn parts(&self, id: &BuildId) -> Vec<(String, JobState)> {
        let run = self.farm.runs(id).last().unwrap();
        let jobs = run.jobs.iter();
        jobs.map(|job| (job.name.to_string(), job.state.clone()))
            .collect()
    }
}

#[test]
fn shards_follow_the_list_one_on_the_machine_that_is_held_the_other_from_the_snapshot() {
    let (mut t, make) = Dialogue::set_up();
    assert!(make.hold_seconds > 0 && make.continues.is_none());
    let shards = told::<RunJob>(&t.made(&make.attempt, &["a", "b"]));
    assert_eq!(shards.len(), 2);
    let on = |machine: &MachineId| shards.iter().find(|work| work.machine == *machine).unwrap();
    assert_eq!(on(&make.machine).continues, Some(make.attempt.clone()));
    let other = shards
        .iter()
        .find(|work| work.machine != make.machine)
        .unwrap();
    assert_eq!(other.continues, None);
    let text = serde_json::to_string(&other.steps).unwrap();
    assert!(text.contains("restore"), "{text}");
    t.tested(&shards[0].attempt, Outcome::Ok, Vec::new(), true);
    assert!(
        t.farm
            .status(&make.attempt.build)
            .is_some_and(|of| of == Status::Running)
    );
    let end = t.tested(&shards[1].attempt, Outcome::Ok, Vec::new(), true);
    assert_eq!(told::<RunFinished>(&end)[0].outcome, Outcome::Ok);
}

#[test]
fn a_red_set_up_drops_what_needs_it() {
    let (mut t, make) = Dialogue::set_up();
    let end = t.tested(&make.attempt, Outcome::Failed, Vec::new(), true);
    let finished = &told::<RunFinished>(&end)[0];
    assert_eq!(
        (finished.outcome, finished.reason.as_str()),
        (Outcome::Failed, "a test")
    );
}

#[test]
fn what_fails_and_passes_alone_on_the_same_snapshot_is_a_flake_and_the_run_is_green() {
    let (mut t, make) = Dialogue::set_up();
    let shards = told::<RunJob>(&t.made(&make.attempt, &["a", "b"]));
    let red = vec![test("a", TestOutcome::Failed)];
    let again = told::<RunJob>(&t.tested(&shards[0].attempt, Outcome::Failed, red, true));
    assert_eq!(again.len(), 1, "the failed unit is tried once more");
    assert!(again[0].attempt.job.as_str().ends_with(".again"));
    t.tested(&shards[1].attempt, Outcome::Ok, Vec::new(), true);
    let green = vec![test("a", TestOutcome::Ok)];
    let end = t.tested(&again[0].attempt, Outcome::Ok, green, true);
    let finished = &told::<RunFinished>(&end)[0];
    assert_eq!(finished.outcome, Outcome::Ok);
    assert!(
        finished.reason.contains("passed when tried again: a"),
        "{}",
        finished.reason
    );
    let flakes: Vec<_> = t.farm.book().of(KeptKind::Flake).collect();
    let [Kept::Flake(flake)] = flakes[..] else {
        panic!("{flakes:?}")
    };
    assert_eq!((flake.unit.as_str(), flake.flaked), ("a", 1));
}

#[test]
fn what_was_not_told_of_is_run_again_and_is_no_flake_if_it_passes() {
    let (mut t, make) = Dialogue::set_up();
    let shards = told::<RunJob>(&t.made(&make.attempt, &["a", "b"]));
    t.tested(&shards[1].attempt, Outcome::Ok, Vec::new(), true);
    let silent = (0..20).map(|number| test(&format!("u{number}"), TestOutcome::NotTold));
    let red = std::iter::once(test("a", TestOutcome::Failed)).chain(silent);
    let again = the_work(&t.tested(&shards[0].attempt, Outcome::Failed, red.collect(), true));
    let groups = again.steps.iter().find_map(|step| match step {
        Step::Tests(tests) => Some(&tests.groups),
        _ => None,
    });
    assert_eq!(groups.unwrap().len(), 21, "each alone, however many");
    let green = vec![test("a", TestOutcome::Ok), test("u0", TestOutcome::Ok)];
    let end = t.tested(&again.attempt, Outcome::Ok, green, true);
    let finished = &told::<RunFinished>(&end)[0];
    assert_eq!(finished.outcome, Outcome::Ok);
    assert!(
        finished.reason.ends_with(", u8 and 11 more"),
        "{}",
        finished.reason
    );
    let flakes = t.farm.book().of(KeptKind::Flake).map(|kept| match kept {
        Kept::Flake(flake) => flake.unit.clone(),
        other => panic!("{other:?}"),
    });
    assert_eq!(flakes.collect::<Vec<_>>(), ["a"]);
}

#[test]
fn what_fails_twice_is_red() {
    let (mut t, make) = Dialogue::set_up();
    let shards = told::<RunJob>(&t.made(&make.attempt, &["a", "b"]));
    let red = || vec![test("a", TestOutcome::Failed)];
    let again = the_work(&t.tested(&shards[0].attempt, Outcome::Failed, red(), true));
    t.tested(&shards[1].attempt, Outcome::Ok, Vec::new(), true);
    let end = t.tested(&again.attempt, Outcome::Failed, red(), true);
    assert_eq!(told::<RunFinished>(&end)[0].outcome, Outcome::Failed);
    assert_eq!(t.farm.book().of(KeptKind::Flake).count(), 0);
}

#[test]
fn a_shard_of_which_not_everything_is_known_is_not_excused() {
    let (mut t, make) = Dialogue::set_up();
    let shards = told::<RunJob>(&t.made(&make.attempt, &["a", "b"]));
    let red = vec![test("a", TestOutcome::Failed)];
    let effects = t.tested(&shards[0].attempt, Outcome::Failed, red, false);
    assert!(told::<RunJob>(&effects).is_empty());
    let end = t.tested(&shards[1].attempt, Outcome::Ok, Vec::new(), true);
    assert_eq!(told::<RunFinished>(&end)[0].outcome, Outcome::Failed);
}

#[test]
fn without_snapshot_and_work_dir_the_set_up_is_done_again() {
    let (mut t, make) = Dialogue::set_up();
    let shards = told::<RunJob>(&t.made(&make.attempt, &["a", "b"]));
    t.report(
        &shards[0].attempt,
        1,
        AttemptEvent::Refused {
            reason: "the snapshot is gone".to_owned(),
            missing: Some(Missing::Snapshot),
        },
    );
    let parts = t.parts(&make.attempt.build);
    let waits = |name: &str| {
        parts
            .iter()
            .find(|(of, _)| of == name)
            .map(|(_, state)| state.clone())
    };
    assert_eq!(
        waits(shards[0].attempt.job.as_str()),
        Some(JobState::Blocked)
    );
    let setup = waits(make.attempt.job.as_str());
    assert!(
        matches!(setup, Some(JobState::Waiting { .. } | JobState::Leased)),
        "{setup:?}"
    );
}

/// Makes commit `number`, which keeps an archive.
fn make_of(t: &mut Dialogue, number: u32) {
    let make = the_work(&t.push(&[number]));
    t.made(&make.attempt, &[]);
}

#[test]
fn a_snapshot_that_is_old_is_forgotten_but_for_the_newest_and_those_of_heads() {
    let mut t = Dialogue::with(configured(SHARDS, 3, 1));
    t.beat(&[("m1", None)]);
    let made = |t: &Dialogue| -> Vec<String> {
        let all = t.farm.book().all().filter_map(|kept| match kept {
            Kept::Snapshot(of) => Some(of.commit.to_string()),
            _ => None,
        });
        all.collect()
    };
    let ids = |numbers: &[u32]| -> Vec<String> {
        let ids = numbers.iter().map(|number| commit(*number).id.to_string());
        ids.collect()
    };
    make_of(&mut t, 1);
    make_of(&mut t, 2);
    assert_eq!(made(&t), ids(&[1, 2]));
    t.now += SignedDuration::from_hours(31 * 24);
    t.beat(&[("m1", None)]);
    // The next is made of a commit that is the head from now on, and the newest.
    make_of(&mut t, 3);
    assert_eq!(made(&t), ids(&[3]));
}

#[test]
fn a_run_of_several_jobs_survives_the_coordinator() {
    let (mut t, make) = Dialogue::set_up();
    let shards = told::<RunJob>(&t.made(&make.attempt, &["a", "b"]));
    for shard in &shards {
        t.report(&shard.attempt, 1, AttemptEvent::Accepted);
    }
    t.restart();
    t.tested(&shards[0].attempt, Outcome::Ok, Vec::new(), true);
    let end = t.tested(&shards[1].attempt, Outcome::Ok, Vec::new(), true);
    assert_eq!(told::<RunFinished>(&end)[0].outcome, Outcome::Ok);
    let run = t.farm.runs(&make.attempt.build).last().unwrap();
    assert!(
        run.jobs
            .iter()
            .any(|job| matches!(job.part, Part::Tests { .. }))
    );
}
