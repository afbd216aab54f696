//! What broke, and who is told.

use farm_model::event::MAX_EVENT_BYTES;
use farm_model::kept::{Broken, Flake, Kept, KeptKind};
use farm_model::message::progress::{TestOutcome, TestResult};
use farm_model::message::result::{BuildersBroken, BuildersMended};
use farm_model::view::BreakagesView;

use super::*;
use crate::effects::ViewKey;
use crate::page::render;

use Outcome::{Failed, Lost, Ok as Good};

const MACHINES: usize = 700;
const GATHER: i64 = 60;

impl Dialogue {
    /// A farm that builds every commit on builders of these names at once.
    fn with_builders(names: &[&str]) -> Self {
        let mut config = config(1, 100);
        let builder = config.builders.values().next().unwrap().clone();
        config.builders.clear();
        for name in names {
            config
                .builders
                .insert(name.parse().unwrap(), builder.clone());
        }
        for repository in config.repositories.values_mut() {
            repository.builders = names.iter().map(|name| name.parse().unwrap()).collect();
        }
        let mut t = Self::with(config);
        t.beat_all();
        t
    }

    fn beat_all(&mut self) {
        let names: Vec<String> = (0..MACHINES).map(|n| format!("m{n}")).collect();
        let idle: Vec<_> = names.iter().map(|name| (name.as_str(), None)).collect();
        self.beat(&idle);
    }

    /// A line of one builder, newest commit first, whose results come in the order of `order`: positions in it.
    fn results(&mut self, line: &str, order: &[usize]) -> Effects {
        let count = u32::try_from(line.len()).unwrap();
        let newest_first: Vec<u32> = (1..=count).rev().collect();
        self.push(&newest_first);
        self.beat_all();
        let mut all = Effects::default();
        for at in order {
            let outcome = outcome(line.as_bytes()[*at]);
            let number = newest_first[*at];
            let one = self.end(number, |_| outcome);
            all.outbox.extend(one.outbox);
        }
        all
    }

    /// The open builds of a commit end, as `outcome` says of each builder; without one they go on.
    fn end(&mut self, number: u32, outcome: impl Fn(&str) -> Option<Outcome>) -> Effects {
        let id = commit(number).id;
        let of_commit = |build: &&BuildId| self.farm.build(build).unwrap().key.commit == id;
        let open: Vec<BuildId> = self.farm.open().filter(of_commit).cloned().collect();
        let mut all = Effects::default();
        for build in open {
            let run = self.farm.runs(&build).last().unwrap();
            let number = run.jobs[0].attempts.last().expect("it is leased").number;
            let attempt = run.attempt_key(&run.jobs[0].name, number);
            let builder = self.farm.build(&build).unwrap().key.builder.clone();
            if let Some(outcome) = outcome(builder.as_str()) {
                all.outbox.extend(self.finish(&attempt, outcome).outbox);
            }
        }
        all
    }

    fn clear(&mut self, number: u32) {
        let ask = Ask::Clear {
            builder: "a".parse().unwrap(),
            commit: commit(number).id,
        };
        self.seq += 1;
        self.tell(Fact::Command(Command {
            id: format!("c{}", self.seq).parse().unwrap(),
            actor: "user:gopher".to_owned(),
            ask,
        }));
        self.beat_all();
    }

    /// The current attempt at a commit.
    fn attempt_of(&self, number: u32) -> AttemptKey {
        let run = self.farm.runs(&self.build(number)).last().unwrap();
        let attempt = run.jobs[0].attempts.last().expect("it is leased").number;
        run.attempt_key(&run.jobs[0].name, attempt)
    }

    fn document(&self) -> BreakagesView {
        let key = ViewKey::Breakages {
            repo: "sample".parse().unwrap(),
            branch: "main".to_owned(),
        };
        serde_json::from_str(&render(&self.farm, &key, self.now).unwrap().unwrap()).unwrap()
    }
}

fn outcome(letter: u8) -> Option<Outcome> {
    match letter {
        b'g' => Some(Good),
        b'r' => Some(Failed),
        b'x' => Some(Lost),
        _ => None,
    }
}

fn number_of(id: &CommitId) -> u32 {
    u32::from_str_radix(id.as_str(), 16).unwrap()
}

/// Commits, and the builders that each broke.
fn broken(effects: &Effects) -> Vec<(u32, String)> {
    let all = told::<BuildersBroken>(effects).into_iter();
    let names = |broken: &BuildersBroken| {
        let names = broken.breakages.iter().map(|of| of.builder.as_str());
        names.collect::<Vec<_>>().join(" ")
    };
    all.map(|broken| (number_of(&broken.commit), names(&broken)))
        .collect()
}

/// Commits that broke what others mended.
fn mended(effects: &Effects) -> Vec<(u32, u32)> {
    let all = told::<BuildersMended>(effects).into_iter();
    let by =
        |mended: &BuildersMended| number_of(&mended.breakages[0].mended.as_ref().unwrap().commit);
    all.map(|mended| (number_of(&mended.commit), by(&mended)))
        .collect()
}

fn one(number: u32) -> Vec<(u32, String)> {
    vec![(number, "a".to_owned())]
}

#[test]
fn the_first_red_after_a_green_is_told_in_whichever_order_results_come() {
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 2, 0], [2, 0, 1, 3]] {
        let mut t = Dialogue::with_builders(&["a"]);
        let at_once = t.results("rrgg", &order);
        assert_eq!(broken(&at_once), [], "it is gathered");
        let told = t.wait(GATHER);
        assert_eq!(broken(&told), one(3), "{order:?}");
        let id = format!("broken:sample:main:{}:1", commit(3).id);
        assert_eq!(told.outbox[0].1.id, id);
        assert_eq!(broken(&t.wait(2 * GATHER)), []);
        t.restart();
        assert_eq!(broken(&t.wait(2 * GATHER)), []);
    }
}

#[test]
fn what_is_told_says_who_and_why() {
    let mut t = Dialogue::with_builders(&["a"]);
    t.results("rg", &[0, 1]);
    let told = told::<BuildersBroken>(&t.wait(GATHER));
    let breakage = &told[0].breakages[0];
    assert_eq!(breakage.subject, "commit 2");
    assert_eq!(breakage.author, "a <a@b>");
    assert_eq!((number_of(&breakage.green), breakage.run), (1, 1));
    assert_eq!(breakage.failure.reason, "why");
    assert_eq!(
        breakage.failure.attempt.as_ref().unwrap().build,
        breakage.build
    );
    assert_eq!(t.document().breakages, told[0].breakages);
}

#[test]
fn nothing_is_told_without_a_green_right_before_the_red() {
    for line in ["rrr", "r.g", "rxg", "ggg", "gxr", "..r"] {
        let mut t = Dialogue::with_builders(&["a"]);
        let order: Vec<usize> = (0..line.len()).collect();
        t.results(line, &order);
        assert_eq!(broken(&t.wait(2 * GATHER)), [], "{line}");
        assert_eq!(t.document().breakages, [], "{line}");
    }
}

#[test]
fn what_is_mended_is_told_once_where_it_was_told_to_be_broken() {
    let mut t = Dialogue::with_builders(&["a"]);
    t.results(".rg", &[1, 2]);
    assert_eq!(broken(&t.wait(GATHER)), one(2));
    t.push(&[4, 3, 2, 1]);
    t.beat_all();
    assert_eq!(mended(&t.end(4, |_| Some(Good))), []);
    t.restart();
    let told = t.wait(GATHER);
    assert_eq!(mended(&told), [(2, 4)]);
    let id = format!("mended:sample:main:{}:1", commit(2).id);
    assert_eq!(told.outbox[0].1.id, id);
    t.restart();
    assert_eq!(mended(&t.wait(2 * GATHER)), []);
    assert_eq!(
        number_of(&t.document().breakages[0].mended.as_ref().unwrap().commit),
        4
    );
}

#[test]
fn what_is_mended_before_it_was_told_is_not_told() {
    let mut t = Dialogue::with_builders(&["a"]);
    t.results("grg", &[2, 1, 0]);
    let told = t.wait(3 * GATHER);
    assert_eq!((broken(&told), mended(&told)), (vec![], vec![]));
    assert!(t.document().breakages[0].mended.is_some());
}

#[test]
fn the_breaking_commit_mends_itself_when_it_comes_out_well_after_all() {
    let mut t = Dialogue::with_builders(&["a"]);
    t.results("rrg", &[0, 1, 2]);
    assert_eq!(broken(&t.wait(GATHER)), one(2));
    t.beat_all();
    t.clear(2);
    assert_eq!(mended(&t.wait(GATHER)), [], "it is not known yet");
    t.clear(2);
    t.end(2, |_| Some(Good));
    let told = t.wait(GATHER);
    assert_eq!(mended(&told), [(2, 2)]);
    assert_eq!(broken(&told), one(3), "which leaves the next one red");
}

#[test]
fn what_one_commit_breaks_is_told_together_and_later_finds_in_another_part() {
    let mut t = Dialogue::with_builders(&["a", "b", "c"]);
    t.push(&[2, 1]);
    t.beat_all();
    t.end(1, |_| Some(Good));
    t.end(2, |builder| (builder == "a").then_some(Failed));
    t.wait(10);
    t.beat_all();
    t.end(2, |builder| (builder == "c").then_some(Failed));
    let told = t.wait(GATHER - 10);
    assert_eq!(broken(&told), [(2, "a c".to_owned())]);
    t.beat_all();
    t.end(2, |_| Some(Failed));
    let told = t.wait(GATHER);
    assert_eq!(broken(&told), [(2, "b".to_owned())]);
    assert!(
        told.outbox[0].1.id.ends_with(":2"),
        "{}",
        told.outbox[0].1.id
    );
}

#[test]
fn more_than_a_message_holds_is_told_in_parts() {
    let names: Vec<String> = (0..300)
        .map(|n| format!("b{n:03}-{}", "x".repeat(40)))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut t = Dialogue::with_builders(&names);
    t.push(&[2, 1]);
    t.beat_all();
    t.end(1, |_| Some(Good));
    t.end(2, |_| Some(Failed));
    let effects = t.wait(GATHER);
    let parts = told::<BuildersBroken>(&effects);
    let count: usize = parts.iter().map(|of| of.breakages.len()).sum();
    assert_eq!(count, 300);
    let numbers: Vec<u32> = parts.iter().map(|of| of.part).collect();
    let expected: Vec<u32> = (1..=u32::try_from(parts.len()).unwrap()).collect();
    assert!(parts.len() > 1);
    assert_eq!(numbers, expected);
    for (_, event) in &effects.outbox {
        assert!(event.data.len() < MAX_EVENT_BYTES, "{}", event.data.len());
    }
}

#[test]
fn a_red_of_known_flakes_alone_does_not_count() {
    let mut t = Dialogue::with_builders(&["a"]);
    t.results(".g", &[1]);
    let flake = Flake {
        builder: "a".parse().unwrap(),
        repo: "sample".parse().unwrap(),
        unit: "net".to_owned(),
        name: "TestDial".to_owned(),
        flaked: 5,
        ran: 100,
        first: t.now,
        last: t.now,
        evidence: t.attempt_of(2),
    };
    t.saved.kept.push(Kept::Flake(flake));
    let attempt = t.attempt_of(2);
    t.restart();
    t.beat_all();
    let mut report = AttemptReport::bare(Failed, "tests".to_owned());
    report.tests = vec![TestResult {
        unit: "net".to_owned(),
        name: "TestDial".to_owned(),
        outcome: TestOutcome::Failed,
        milliseconds: 1,
        output: String::new(),
    }];
    t.report(&attempt, 9, AttemptEvent::Finished { report });
    assert_eq!(broken(&t.wait(2 * GATHER)), []);
}

#[test]
fn a_builder_without_a_search_for_culprits_is_told_of_as_well() {
    let mut t = Dialogue::with_builders(&["a"]);
    let mut config = t.farm.config().clone();
    let builders = config.builders.values_mut();
    builders.for_each(|builder| builder.culprit = false);
    t.tell(Fact::Configured {
        digest: "e".to_owned(),
        config: Box::new(config),
    });
    t.results("rg", &[0, 1]);
    assert_eq!(broken(&t.wait(GATHER)), one(2));
}

#[test]
fn a_farm_that_learns_to_look_does_not_tell_old_news() {
    let mut t = Dialogue::with_builders(&["a"]);
    t.results("rg", &[0, 1]);
    t.wait(GATHER);
    t.saved.kept.clear();
    t.now += SignedDuration::from_hours(25);
    t.restart();
    assert_eq!(broken(&t.wait(2 * GATHER)), []);
    assert_eq!(t.document().breakages.len(), 1);
}

#[test]
fn a_branch_that_is_rewritten_is_mended_by_what_came_instead() {
    let mut t = Dialogue::with_builders(&["a"]);
    t.results("rg", &[0, 1]);
    assert_eq!(broken(&t.wait(GATHER)), one(2));
    t.push(&[1]);
    assert_eq!(mended(&t.wait(2 * GATHER)), [], "that was green before");
    t.push(&[3, 1]);
    t.beat_all();
    t.end(3, |_| Some(Good));
    assert_eq!(mended(&t.wait(GATHER)), [(2, 3)]);
}

#[test]
fn a_branch_keeps_the_newest_and_what_could_be_found_again() {
    let mut t = Dialogue::with_builders(&["a"]);
    t.results("rg", &[0, 1]);
    let Some(Kept::Breakage(found)) = t.farm.book().of(KeptKind::Breakage).next().cloned() else {
        panic!("it is found");
    };
    for number in 1000..1300 {
        let mut old: Broken = found.clone();
        old.breakage.commit = commit(number).id;
        old.breakage.at += SignedDuration::from_secs(i64::from(number) - 10_000);
        t.saved.kept.push(Kept::Breakage(old));
    }
    t.restart();
    t.push(&[3, 2, 1]);
    t.beat_all();
    t.end(3, |_| Some(Good));
    assert_eq!(t.document().breakages.len(), BreakagesView::MOST);
    t.push(&[4, 3, 2, 1]);
    t.wait(1);
    t.beat_all();
    t.end(4, |_| Some(Failed));
    let kept = t.farm.book().count(KeptKind::Breakage);
    assert_eq!(kept, BreakagesView::MOST);
    let commits: Vec<u32> = t
        .document()
        .breakages
        .iter()
        .map(|of| number_of(&of.commit))
        .collect();
    assert_eq!(commits[..3], [4, 2, 1299]);
}
