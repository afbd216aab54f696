//! The search for who broke it.

use farm_model::kept::{Flake, Kept};
use farm_model::message::progress::{TestOutcome, TestResult};
use farm_model::message::result::CulpritFound;

use super::*;

impl Dialogue {
    /// Every commit is built as soon as it is wanted: red from `culprit` on, lost where `lost` says so. Returns which
    /// were built, in order, and who was named.
    fn build_all(
        &mut self,
        mut work: Vec<RunJob>,
        culprit: u32,
        lost: &[u32],
    ) -> (Vec<u32>, Vec<CulpritFound>) {
        let (mut built, mut found) = (Vec::new(), Vec::new());
        while let Some(next) = work.pop() {
            let number = number_of(&next.source.commit);
            built.push(number);
            let outcome = match number {
                number if lost.contains(&number) => Outcome::Lost,
                number if number >= culprit => Outcome::Failed,
                _ => Outcome::Ok,
            };
            let effects = self.finish(&next.attempt, outcome);
            found.extend(told::<CulpritFound>(&effects));
            work.extend(told::<RunJob>(&effects));
        }
        (built, found)
    }

    /// A farm that has seen commit 1 green, and then many at once.
    fn after_many(commits: u32) -> (Self, Vec<RunJob>) {
        let mut t = Self::new(1, 1);
        t.beat(&[("m1", None)]);
        let first = the_work(&t.push(&[1]));
        t.finish(&first.attempt, Outcome::Ok);
        let newest_first: Vec<u32> = (1..=commits).rev().collect();
        let work = told(&t.push(&newest_first));
        (t, work)
    }
}

fn number_of(id: &CommitId) -> u32 {
    u32::from_str_radix(id.as_str(), 16).unwrap()
}

fn suspects(found: &[CulpritFound]) -> Vec<Vec<u32>> {
    let of = |found: &CulpritFound| found.culprit.suspects.iter().map(number_of).collect();
    found.iter().map(of).collect()
}

#[test]
fn the_middle_is_built_until_the_culprit_is_known_and_it_is_told_once() {
    let (mut t, work) = Dialogue::after_many(17);
    let (built, found) = t.build_all(work, 6, &[]);
    assert_eq!(built, [17, 9, 5, 7, 6]);
    assert_eq!(suspects(&found), [[6]]);
    let id = t.build(7);
    assert!(
        t.farm.runs(&id)[0]
            .cause
            .starts_with("culprit search between 00000000 and ")
    );
    t.restart();
    let effects = t.wait(3);
    assert!(told::<CulpritFound>(&effects).is_empty() && told::<RunJob>(&effects).is_empty());
}

#[test]
fn what_is_lost_leaves_a_list_with_the_likeliest_first() {
    let (mut t, work) = Dialogue::after_many(5);
    let (built, found) = t.build_all(work, 4, &[3]);
    assert_eq!(built, [5, 3, 4, 2]);
    assert_eq!(suspects(&found), [[4, 3]]);
}

#[test]
fn a_builder_can_be_left_out() {
    let (mut t, work) = Dialogue::after_many(9);
    let mut config = t.farm.config().clone();
    config
        .builders
        .values_mut()
        .for_each(|builder| builder.culprit = false);
    t.tell(Fact::Configured {
        digest: "e".to_owned(),
        config: Box::new(config),
    });
    assert_eq!(t.build_all(work, 2, &[]).0, [9]);
}

#[test]
fn a_search_goes_on_after_a_restart() {
    let (mut t, work) = Dialogue::after_many(9);
    let asked = the_work(&t.finish(&work[0].attempt, Outcome::Failed));
    assert_eq!(number_of(&asked.source.commit), 5);
    t.restart();
    t.beat(&[("m1", Some(&asked.attempt))]);
    let (built, found) = t.build_all(vec![asked], 4, &[]);
    assert_eq!((built, suspects(&found)), (vec![5, 3, 4], vec![vec![4]]));
}

#[test]
fn a_search_takes_what_waits_as_history_first() {
    let mut t = Dialogue::new(1, 9);
    t.beat(&[("m1", None)]);
    let first = the_work(&t.push(&[1]));
    t.finish(&first.attempt, Outcome::Ok);
    let newest_first: Vec<u32> = (1..=9).rev().collect();
    let work = told(&t.push(&newest_first));
    let (built, found) = t.build_all(work, 4, &[]);
    assert_eq!(built[..4], [9, 5, 3, 4], "then the rest of history");
    assert_eq!((built.len(), suspects(&found)), (8, vec![vec![4]]));
}

#[test]
fn mass_failure_is_not_a_storm() {
    let mut t = Dialogue::new(1, 1);
    let names: Vec<String> = (0..40).map(|n| format!("b{n}")).collect();
    let mut config = t.farm.config().clone();
    let builder = config.builders.values().next().unwrap().clone();
    for name in &names {
        config
            .builders
            .insert(name.parse().unwrap(), builder.clone());
    }
    let repository = config.repositories.values_mut().next().unwrap();
    repository.builders = names.iter().map(|name| name.parse().unwrap()).collect();
    t.tell(Fact::Configured {
        digest: "e".to_owned(),
        config: Box::new(config),
    });
    let machines: Vec<String> = (0..80).map(|n| format!("m{n}")).collect();
    let idle: Vec<_> = machines.iter().map(|name| (name.as_str(), None)).collect();
    t.beat(&idle);
    for work in told::<RunJob>(&t.push(&[1])) {
        t.finish(&work.attempt, Outcome::Ok);
    }
    let newest_first: Vec<u32> = (1..=30).rev().collect();
    let mut searched = 0;
    for work in told::<RunJob>(&t.push(&newest_first)) {
        searched += told::<RunJob>(&t.finish(&work.attempt, Outcome::Failed)).len();
    }
    assert_eq!(searched, Policy::default().searches);
    // As one ends, the next begins, and in the end all are named.
    let mut found = BTreeSet::new();
    for _ in 0..40 * 6 {
        let open: Vec<BuildId> = t.farm.open().cloned().collect();
        for id in open {
            let run = t.farm.runs(&id).last().unwrap();
            let attempt = run.attempt_key(&run.jobs[0].name, 1);
            let bad = number_of(&t.farm.build(&id).unwrap().key.commit) >= 8;
            let effects = t.finish(&attempt, if bad { Outcome::Failed } else { Outcome::Ok });
            found.extend(
                told::<CulpritFound>(&effects)
                    .into_iter()
                    .map(|found| found.culprit.builder),
            );
            assert!(t.farm.open().len() <= Policy::default().searches);
        }
    }
    assert_eq!(found.len(), 40);
}

#[test]
fn a_red_of_known_flakes_alone_begins_a_search_only_when_it_comes_again() {
    let (mut t, work) = Dialogue::after_many(9);
    let flake = Flake {
        builder: "test".parse().unwrap(),
        repo: "sample".parse().unwrap(),
        unit: "net".to_owned(),
        name: "TestDial".to_owned(),
        flaked: 5,
        ran: 100,
        first: t.now,
        last: t.now,
        evidence: work[0].attempt.clone(),
    };
    t.saved.kept.push(Kept::Flake(flake));
    t.restart();
    t.beat(&[("m1", Some(&work[0].attempt))]);
    let failed = |name: &str| TestResult {
        unit: "net".to_owned(),
        name: name.to_owned(),
        outcome: TestOutcome::Failed,
        milliseconds: 1,
        output: String::new(),
    };
    assert!(told::<RunJob>(&t.fail_by(&work[0].attempt, &[failed("TestDial")])).is_empty());
    let retry = Ask::Retry { build: t.build(9) };
    let again = the_work(&t.tell(Fact::Command(Command {
        id: "r".parse().unwrap(),
        actor: "user:gopher".to_owned(),
        ask: retry,
    })));
    let search = the_work(&t.fail_by(&again.attempt, &[failed("TestDial")]));
    assert_eq!(number_of(&search.source.commit), 5);
    // A test that is not known to flake is enough at once.
    let both = [failed("TestDial"), failed("TestListen")];
    let next = the_work(&t.fail_by(&search.attempt, &both));
    assert_eq!(number_of(&next.source.commit), 3);
}

impl Dialogue {
    fn fail_by(&mut self, attempt: &AttemptKey, tests: &[TestResult]) -> Effects {
        let mut report = AttemptReport::bare(Outcome::Failed, "tests".to_owned());
        report.tests = tests.to_vec();
        self.report(attempt, 9, AttemptEvent::Finished { report })
    }
}
