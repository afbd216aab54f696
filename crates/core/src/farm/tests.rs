//! A dialogue with the farm: tell it facts, look at what it wants stored and told.

mod anew;
mod breakage;
mod canary;
mod commands;
mod culprit;
mod explain;
mod graph;
mod ledger;
mod owned;
mod pages;
mod past;
mod pools;
mod quarantine;
mod queue;
mod recall;
mod recovery;
mod supersede;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use farm_model::config::FarmConfig;
use farm_model::event::Message;
use farm_model::id::{AttemptKey, BuildId, CommitId, HubId, HubSession, MachineId};
use farm_model::message::activity::{Activity, GithubHint, Hint};
use farm_model::message::command::{Ask, Command};
use farm_model::message::progress::{
    AttemptEvent, AttemptProgress, AttemptReport, HubHeartbeat, MachineGone, MachineReport, Outcome,
};
use farm_model::message::result::RunFinished;
use farm_model::message::work::{CancelJob, RunJob};
use farm_model::record::{Branch, Build, CommitInfo, Run};
use farm_model::trace::TraceParent;
use farm_model::view::Status;

use super::{Farm, Saved};
use crate::effects::Effects;
use crate::fact::{Fact, Observation};
use crate::policy::Policy;

/// A farm with a hub `h`, and a clock that moves when told.
struct Dialogue {
    farm: Farm,
    now: Timestamp,
    seq: u64,
    session: HubSession,
    /// Whose machines are.
    owner: Option<String>,
    /// Whether it could not be read.
    owner_unread: bool,
    /// What machines have beyond their host type, by name.
    labels: BTreeMap<String, BTreeSet<String>>,
    /// What is stored, for a restart.
    saved: Saved,
}

fn config(max_losses: u32, history: u32) -> FarmConfig {
    configured(PLAIN, max_losses, history)
}

const PLAIN: &str = r#"
name = "t"
[hosts.local]
clean = "none"
[builders.test]
host = "local"
timeout = "24h"
log-limit = "1MiB"
steps = [{ name = "test", argv = ["true"], timeout = "60s" }]
[repositories.sample]
url = "/src"
github = "local/sample"
"#;

fn configured(text: &str, max_losses: u32, history: u32) -> FarmConfig {
    let mut config = FarmConfig::parse("farm.toml", text).unwrap();
    for builder in config.builders.values_mut() {
        builder.max_losses = max_losses;
    }
    for repository in config.repositories.values_mut() {
        repository.history = history;
    }
    config
}

fn commit(number: u32) -> CommitInfo {
    CommitInfo {
        id: format!("{number:040x}").parse::<CommitId>().unwrap(),
        parents: Vec::new(),
        author: "a".to_owned(),
        email: "a@b".to_owned(),
        time: Timestamp::UNIX_EPOCH,
        subject: format!("commit {number}"),
    }
}

impl Dialogue {
    fn new(max_losses: u32, history: u32) -> Self {
        Self::with(config(max_losses, history))
    }

    fn with(config: FarmConfig) -> Self {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let farm = Farm::restore(Policy::default(), Saved::default(), now);
        let mut dialogue = Self {
            farm,
            now,
            seq: 0,
            owner: None,
            owner_unread: false,
            labels: BTreeMap::new(),
            session: "s1".parse().unwrap(),
            saved: Saved::default(),
        };
        dialogue.tell(Fact::Configured {
            digest: "d".to_owned(),
            config: Box::new(config),
        });
        dialogue
    }

    /// Applies a fact, chooses, and keeps what would be stored.
    fn tell(&mut self, fact: Fact) -> Effects {
        let mut effects = Effects::default();
        self.farm.apply(fact, self.now, &mut effects);
        self.farm.choose(self.now, &mut effects);
        for build in effects.builds.values() {
            self.saved.builds.retain(|known| known.id != build.id);
            self.saved.builds.push(build.clone());
        }
        for run in effects.runs.values() {
            self.saved
                .runs
                .retain(|known| (&known.build, known.number) != (&run.build, run.number));
            self.saved.runs.push(run.clone());
        }
        for machine in effects.owned.values() {
            self.saved.owned.retain(|known| known.name != machine.name);
            self.saved.owned.push(machine.clone());
        }
        self.saved.branches.extend(effects.branches.iter().cloned());
        for (key, kept) in &effects.kept {
            self.saved.kept.retain(|known| known.key() != *key);
            self.saved.kept.extend(kept.clone());
        }
        effects
    }

    fn wait(&mut self, seconds: i64) -> Effects {
        // Second by second: a longer gap is a process that slept.
        let mut all = Effects::default();
        for _ in 0..seconds {
            self.now += SignedDuration::from_secs(1);
            let one = self.tell(Fact::Tick);
            all.outbox.extend(one.outbox);
            all.dirty.extend(one.dirty);
            all.ignored += one.ignored;
        }
        all
    }

    fn push(&mut self, commits: &[u32]) -> Effects {
        self.push_in(commits, None)
    }

    /// A push whose hint belongs to a trace.
    fn push_in(&mut self, commits: &[u32], trace: Option<TraceParent>) -> Effects {
        let branch = Branch {
            repo: "sample".parse().unwrap(),
            name: "main".to_owned(),
            default: true,
            commits: commits.iter().map(|number| commit(*number)).collect(),
            total: 0,
            observed: self.now,
        };
        let observation = Observation {
            repo: branch.repo.clone(),
            branches: vec![branch],
            at: self.now,
            trace,
        };
        self.tell(Fact::Observed(observation))
    }

    fn beat(&mut self, machines: &[(&str, Option<&AttemptKey>)]) -> Effects {
        self.seq += 1;
        let machines = machines.iter().map(|(name, busy)| MachineReport {
            machine: machine(name),
            host_type: "local".parse().unwrap(),
            version: 23,
            labels: self.labels.get(*name).cloned().unwrap_or_default(),
            identity: None,
            held: None,
            busy: busy.cloned(),
            owner: self.owner.clone(),
            owner_unread: self.owner_unread,
        });
        self.tell(Fact::Heartbeat(HubHeartbeat {
            hub: hub(),
            session: self.session.clone(),
            seq: self.seq,
            at: self.now,
            period_milliseconds: 2000,
            draining: false,
            machines: machines.collect(),
        }))
    }

    fn report(&mut self, attempt: &AttemptKey, seq: u64, what: AttemptEvent) -> Effects {
        self.tell(Fact::Progress(AttemptProgress {
            hub: hub(),
            session: self.session.clone(),
            machine: machine("m1"),
            attempt: attempt.clone(),
            seq,
            at: self.now,
            what,
        }))
    }

    fn finish(&mut self, attempt: &AttemptKey, outcome: Outcome) -> Effects {
        let report = AttemptReport::bare(outcome, "why".to_owned());
        self.report(attempt, 9, AttemptEvent::Finished { report })
    }

    fn status(&self, number: u32) -> Option<Status> {
        self.farm.status(&self.build(number))
    }

    fn build(&self, number: u32) -> BuildId {
        let id = commit(number).id;
        self.saved
            .builds
            .iter()
            .find(|build| build.key.commit == id)
            .unwrap()
            .id
            .clone()
    }

    /// The coordinator dies and a new leader starts from what was stored.
    fn restart(&mut self) {
        let saved = std::mem::take(&mut self.saved);
        self.saved = Saved {
            builds: saved.builds.clone(),
            runs: saved.runs.clone(),
            owned: saved.owned.clone(),
            branches: saved.branches.clone(),
            kept: saved.kept.clone(),
            ..Saved::default()
        };
        let config = Some(("d".to_owned(), self.farm.config().clone()));
        self.farm = Farm::restore(Policy::default(), Saved { config, ..saved }, self.now);
    }
}

fn hub() -> HubId {
    "h".parse().unwrap()
}

fn machine(name: &str) -> MachineId {
    MachineId::on(&hub(), name).unwrap()
}

fn told<M: Message>(effects: &Effects) -> Vec<M> {
    effects
        .outbox
        .iter()
        .filter_map(|(_, event)| event.decode().ok())
        .collect()
}

fn the_work(effects: &Effects) -> RunJob {
    let mut work = told::<RunJob>(effects);
    assert_eq!(work.len(), 1, "{effects:?}");
    work.remove(0)
}

#[test]
fn a_push_becomes_work_and_work_becomes_a_verdict() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    assert_eq!(work.source.commit, commit(1).id);
    assert_eq!(t.status(1), Some(Status::Running));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    let finished = told::<RunFinished>(&t.finish(&work.attempt, Outcome::Failed));
    assert_eq!(
        (finished[0].outcome, finished[0].attempts),
        (Outcome::Failed, 1)
    );
    assert_eq!(t.status(1), Some(Status::Failed));
    assert_eq!(t.farm.open().len(), 0);
}

#[test]
fn seeing_the_same_commit_again_wants_nothing_new() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    assert!(told::<RunJob>(&t.push(&[1])).is_empty());
    t.finish(&work.attempt, Outcome::Ok);
    assert!(told::<RunJob>(&t.push(&[1])).is_empty());
    t.restart();
    t.beat(&[("m1", None)]);
    assert!(told::<RunJob>(&t.push(&[1])).is_empty());
}

#[test]
fn only_as_many_commits_as_asked_for_are_wanted() {
    let mut t = Dialogue::new(3, 2);
    t.push(&[3, 2, 1]);
    assert_eq!(t.farm.open().len(), 2);
}

#[test]
fn a_head_goes_before_its_history() {
    let mut t = Dialogue::new(3, 3);
    t.push(&[3, 2, 1]);
    let first = the_work(&t.beat(&[("m1", None)]));
    assert_eq!(first.source.commit, commit(3).id);
    let second = the_work(&t.finish(&first.attempt, Outcome::Ok));
    assert_eq!(second.source.commit, commit(2).id);
}

#[test]
fn progress_told_twice_counts_once() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.finish(&work.attempt, Outcome::Ok);
    let again = t.finish(&work.attempt, Outcome::Failed);
    assert!(again.outbox.is_empty() && again.ignored > 0);
    assert_eq!(t.status(1), Some(Status::Ok));
}

#[test]
fn a_loss_is_tried_again_elsewhere_after_a_pause_and_never_red() {
    let mut t = Dialogue::new(2, 1);
    t.beat(&[("m1", None), ("m2", None)]);
    let first = the_work(&t.push(&[1]));
    assert!(told::<RunJob>(&t.finish(&first.attempt, Outcome::Lost)).is_empty());
    let second = the_work(&t.wait(1));
    assert_eq!(second.attempt.attempt, 2);
    assert_ne!(second.machine, first.machine);
    let verdict = told::<RunFinished>(&t.finish(&second.attempt, Outcome::Lost));
    assert_eq!(verdict[0].outcome, Outcome::Lost);
    assert_eq!(t.status(1), Some(Status::Lost));
}

#[test]
fn a_refusal_counts_against_nobody() {
    let mut t = Dialogue::new(1, 1);
    t.beat(&[("m1", None)]);
    let mut work = the_work(&t.push(&[1]));
    for _ in 0..10 {
        t.report(
            &work.attempt,
            1,
            AttemptEvent::Refused {
                reason: "busy".to_owned(),
                missing: None,
            },
        );
        t.wait(1);
        work = the_work(&t.beat(&[("m1", None)]));
    }
    t.finish(&work.attempt, Outcome::Ok);
    assert_eq!(t.status(1), Some(Status::Ok));
}

#[test]
fn a_new_life_of_a_hub_loses_what_the_old_one_ran() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    t.session = "s2".parse().unwrap();
    t.beat(&[]);
    assert_eq!(t.status(1), Some(Status::Queued));
    t.wait(1);
    let second = the_work(&t.beat(&[("m1", None)]));
    assert_eq!(second.attempt.attempt, 2);
    // The old life's last words come late.
    t.session = "s1".parse().unwrap();
    t.finish(&work.attempt, Outcome::Ok);
    assert_eq!(t.status(1), Some(Status::Running));
}

#[test]
fn a_silent_hub_loses_its_attempts_after_the_grace_period() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    t.wait(15);
    assert_eq!(t.status(1), Some(Status::Running));
    t.wait(15);
    assert_eq!(t.status(1), Some(Status::Queued));
}

#[test]
fn silence_does_not_count_while_we_are_deaf() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    for _ in 0..100 {
        t.tell(Fact::Deaf);
        t.wait(10);
    }
    assert_eq!(t.status(1), Some(Status::Running));
}

#[test]
fn an_attempt_its_hub_speaks_of_is_never_lost() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    for _ in 0..100 {
        t.wait(10);
        t.beat(&[("m1", Some(&work.attempt))]);
    }
    assert_eq!(t.status(1), Some(Status::Running));
}

#[test]
fn an_attempt_its_hub_no_longer_speaks_of_is_lost() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    for _ in 0..3 {
        t.wait(10);
        t.beat(&[]);
    }
    assert_eq!(t.status(1), Some(Status::Queued));
}

#[test]
fn a_running_build_survives_the_coordinator() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    t.now += SignedDuration::from_hours(1);
    t.restart();
    t.wait(1);
    assert_eq!(t.status(1), Some(Status::Running));
    let idle_elsewhere = t.beat(&[("m1", Some(&work.attempt)), ("m2", None)]);
    assert!(told::<RunJob>(&idle_elsewhere).is_empty());
    t.finish(&work.attempt, Outcome::Ok);
    assert_eq!(t.status(1), Some(Status::Ok));
}

#[test]
fn a_leased_machine_is_not_leased_again_by_an_old_heartbeat() {
    let mut t = Dialogue::new(3, 2);
    t.beat(&[("m1", None)]);
    the_work(&t.push(&[2, 1]));
    assert!(told::<RunJob>(&t.beat(&[("m1", None)])).is_empty());
}

#[test]
fn a_stale_attempt_that_goes_on_is_cancelled() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.wait(90);
    assert_eq!(t.status(1), Some(Status::Queued), "not accepted in time");
    let late = t.report(&work.attempt, 1, AttemptEvent::Accepted);
    assert_eq!(told::<CancelJob>(&late)[0].attempt, work.attempt);
}

#[test]
fn a_machine_that_went_away_gets_nothing() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    t.seq += 1;
    let gone = MachineGone {
        hub: hub(),
        session: t.session.clone(),
        seq: t.seq,
        machine: machine("m1"),
        reason: "reset".to_owned(),
        dismissed: false,
    };
    t.tell(Fact::MachineGone(gone));
    assert!(told::<RunJob>(&t.push(&[1])).is_empty());
}

#[test]
fn clearing_a_result_opens_one_more_run_however_often_it_is_told() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.finish(&work.attempt, Outcome::Failed);
    let ask = Ask::Clear {
        builder: "test".parse().unwrap(),
        commit: commit(1).id,
    };
    let clear = Command {
        id: "c1".parse().unwrap(),
        actor: "user:gopher".to_owned(),
        ask,
    };
    let second = the_work(&t.tell(Fact::Command(clear.clone())));
    assert_eq!(second.attempt.run, 2);
    t.finish(&second.attempt, Outcome::Ok);
    assert!(told::<RunJob>(&t.tell(Fact::Command(clear))).is_empty());
    assert_eq!(t.farm.runs(&t.build(1)).len(), 2);
}

#[test]
fn a_delivery_enters_the_feed_once_and_stamps_increase() {
    let mut t = Dialogue::new(3, 1);
    let hint = Hint::Github(GithubHint {
        event: "issues".to_owned(),
        action: "opened".to_owned(),
        owner: "golang".to_owned(),
        repo: "go".to_owned(),
        git_ref: None,
        issue: Some(2),
        pull_request: None,
    });
    let activity = |n: u8| Activity {
        delivery: format!("{n:064x}").parse().unwrap(),
        guid: None,
        received: Timestamp::UNIX_EPOCH,
        hint: hint.clone(),
    };
    for n in [1, 1, 2, 2] {
        t.tell(Fact::Heard(activity(n)));
    }
    let times: Vec<_> = t.farm.feed().map(|event| event.time).collect();
    assert_eq!(times.len(), 2);
    assert!(times[0] < times[1]);
}

#[test]
fn a_builder_that_is_gone_ends_its_waiting_builds() {
    let mut t = Dialogue::new(3, 1);
    t.push(&[1]);
    let mut other = config(3, 1);
    other.builders.clear();
    other.repositories.clear();
    let effects = t.tell(Fact::Configured {
        digest: "e".to_owned(),
        config: Box::new(other),
    });
    assert_eq!(told::<RunFinished>(&effects)[0].outcome, Outcome::Lost);
    assert_eq!(t.farm.open().len(), 0);
}
