//! Admission by canary (design 11.13): where a host type asks for it, a machine of an unknown identity gets no work before
//! it has come out as expected with a job of which the outcome is known.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use farm_model::config::Canary;
use farm_model::id::{AttemptKey, BuildId, BuilderName, HostType, MachineId, MachineName};
use farm_model::kept::{Admission, Kept, KeptKind};
use farm_model::message::progress::Outcome;
use farm_model::record::{BuildKey, BuildKind, Run};

use super::{Farm, Machine, newest};
use crate::effects::Effects;
use crate::plan::Wanted;
use crate::policy::later;
use crate::queue::JobRef;

/// Green builds of a canary builder that are remembered.
const GREENS: usize = 10;

/// A known outcome: a build that came out well, and where.
#[derive(Debug)]
struct Green {
    key: BuildKey,
    machines: BTreeSet<MachineName>,
}

/// All known jobs, and the machines that have yet to do one.
#[derive(Debug, Default)]
pub(super) struct Canaries {
    /// Newest first.
    greens: BTreeMap<BuilderName, VecDeque<Green>>,
    /// The open run of each identity, and the machine that it is for.
    open: BTreeMap<String, (MachineName, BuildId)>,
    /// Its jobs that wait, and from when on they may go.
    waiting: BTreeMap<JobRef, Timestamp>,
    /// Identities of which the known job was lost: so many times, and when it is tried again.
    pub(super) lost: BTreeMap<String, (usize, Timestamp)>,
}

impl Canaries {
    /// A job of a known build waits: it is for one machine, not for the queue.
    pub(super) fn wait(&mut self, job: &JobRef, not_before: Timestamp) {
        self.waiting.insert(job.clone(), not_before);
    }

    /// A job no longer waits.
    pub(super) fn take(&mut self, job: &JobRef) {
        self.waiting.remove(job);
    }

    /// When the next pause of one that waits ends.
    pub(super) fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        let jobs = self.waiting.values();
        let lost = self.lost.values().map(|(_, again)| again);
        jobs.chain(lost).filter(|at| **at > now).min().copied()
    }

    fn jobs_of<'a>(
        &'a self,
        build: &'a BuildId,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a JobRef> {
        let of_build = self
            .waiting
            .iter()
            .filter(move |(job, _)| job.build == *build);
        of_build
            .filter(move |(_, at)| **at <= now)
            .map(|(job, _)| job)
    }
}

/// What a machine's trust hangs on; its id where its hub does not say.
pub(super) fn identity(machine: &Machine) -> String {
    let own = || format!("machine/{}", machine.id);
    machine.identity.clone().unwrap_or_else(own)
}

impl Farm {
    /// The canary that a host type asks for.
    fn canary_of(&self, host: &HostType) -> Option<&Canary> {
        self.config.hosts.get(host)?.canary.as_ref()
    }

    /// A machine was heard of: does it have to prove itself?
    pub(super) fn reconsider(&mut self, id: &MachineId, now: Timestamp) {
        let Some(machine) = self.fleet.machine(id) else {
            return;
        };
        let unproved = self.must_prove(machine, now);
        if unproved != machine.is_unproved() {
            self.fleet.set_unproved(id, unproved);
        }
    }

    fn must_prove(&self, machine: &Machine, now: Timestamp) -> bool {
        let Some(canary) = self.canary_of(&machine.host_type) else {
            return false;
        };
        !self.is_admitted(&identity(machine), now)
            && self.known_job(&canary.builder, &machine.id).is_some()
    }

    /// The builder of which a machine of this host type has to do a known job first.
    #[must_use]
    pub fn canary_builder(&self, host: &HostType) -> Option<&BuilderName> {
        self.canary_of(host).map(|canary| &canary.builder)
    }

    /// The machines that prove themselves with a build.
    #[must_use]
    pub fn proves(&self, build: &BuildId) -> Vec<MachineId> {
        let open = self.canaries.open.values();
        let names = open.filter(|(_, of)| of == build).map(|(name, _)| name);
        names
            .flat_map(|name| self.fleet.named(name))
            .cloned()
            .collect()
    }

    fn is_admitted(&self, identity: &str, now: Timestamp) -> bool {
        match self.book.get(KeptKind::Admission, identity) {
            Some(Kept::Admission(known)) => known.outcome == Outcome::Ok && known.until > now,
            _ => false,
        }
    }

    /// The newest build that came out well elsewhere. While there is none, a machine is admitted provisionally.
    fn known_job(&self, builder: &BuilderName, machine: &MachineId) -> Option<&BuildKey> {
        let name = machine.name()?;
        let greens = self.canaries.greens.get(builder)?;
        let mut greens = greens.iter().filter(|green| {
            // A build whose commit is no longer shown may have left the memory: it is not built again.
            let key = &green.key;
            self.commit(&key.repo, &key.branch, &key.commit).is_some()
        });
        let elsewhere = greens.find(|green| !green.machines.contains(&name));
        elsewhere.map(|green| &green.key)
    }

    /// Gives machines that have to prove themselves their known job.
    pub(super) fn prove_machines(&mut self, now: Timestamp, effects: &mut Effects) -> usize {
        let machines: Vec<MachineId> = self.fleet.unproved().cloned().collect();
        let leased = machines
            .iter()
            .filter(|machine| self.prove(machine, now, effects));
        leased.count()
    }

    fn prove(&mut self, id: &MachineId, now: Timestamp, effects: &mut Effects) -> bool {
        self.reconsider(id, now);
        let Some(machine) = self
            .fleet
            .machine(id)
            .filter(|machine| machine.is_unproved())
        else {
            return false;
        };
        let identity = identity(machine);
        let Some(build) = self.known_build(id, &identity, now, effects) else {
            return false;
        };
        let next = self.canaries.jobs_of(&build, now).next().cloned();
        next.is_some_and(|job| {
            self.canaries.take(&job);
            let leased = self.lease(&job, id, now, effects).is_some();
            if !leased {
                self.cannot_lease(&job, now, effects);
            }
            leased
        })
    }

    /// The build that a machine proves itself with: the one that is open, or a new run of the known one.
    fn known_build(
        &mut self,
        machine: &MachineId,
        identity: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Option<BuildId> {
        if let Some((_, build)) = self.canaries.open.get(identity) {
            return Some(build.clone());
        }
        let paused = self.canaries.lost.get(identity);
        if paused.is_some_and(|(_, again)| *again > now) {
            return None;
        }
        let name = machine.name()?;
        let host = &self.fleet.machine(machine)?.host_type;
        let builder = self.canary_of(host)?.builder.clone();
        let mut key = self.known_job(&builder, machine)?.clone();
        key.kind = BuildKind::Canary {
            identity: identity.to_owned(),
        };
        let id = key.id();
        self.end_other_canaries(&name, now, effects);
        let cause = format!("does {machine} do what others do?");
        match self.runs.get(&id).map(|runs| newest(runs)) {
            // Somebody has asked for it.
            Some(run) if run.verdict.is_none() => {}
            Some(run) => self.open_run(&id, run.number + 1, &cause, now, effects),
            None => {
                let wanted = Wanted {
                    key,
                    behind: 0,
                    number: None,
                };
                self.want(&wanted, &cause, now, effects);
            }
        }
        self.runs.get(&id)?;
        self.canaries
            .open
            .insert(identity.to_owned(), (name, id.clone()));
        Some(id)
    }

    /// The machine has come with another identity: what it should have done with the one before is not wanted any more.
    fn end_other_canaries(&mut self, machine: &MachineName, now: Timestamp, effects: &mut Effects) {
        let of_machine = self
            .canaries
            .open
            .values()
            .filter(|(name, _)| name == machine);
        let others: Vec<BuildId> = of_machine.map(|(_, build)| build.clone()).collect();
        for build in others {
            let why = "the machine has come with another identity";
            self.end_run(&build, Outcome::Lost, why, now, effects);
        }
    }

    /// A build has come out: perhaps a machine has proved itself, or there is a new known outcome.
    pub(super) fn note_canary(&mut self, id: &BuildId, now: Timestamp, effects: &mut Effects) {
        let Some(key) = self.builds.get(id).map(|build| build.key.clone()) else {
            return;
        };
        match &key.kind {
            BuildKind::Canary { identity } => self.admit(id, identity, now, effects),
            BuildKind::PostSubmit => self.note_green(&key),
            BuildKind::Try { .. } => {}
        }
    }

    fn note_green(&mut self, key: &BuildKey) {
        let hosts = self.config.hosts.values();
        let mut canaries = hosts.filter_map(|host| host.canary.as_ref());
        let wanted = canaries.any(|canary| canary.builder == key.builder);
        let Some(run) = self.runs.get(&key.id()).map(|runs| newest(runs)) else {
            return;
        };
        let green = run
            .verdict
            .as_ref()
            .is_some_and(|verdict| verdict.outcome == Outcome::Ok);
        if wanted && green {
            let machines = machines_of(run);
            let greens = self.canaries.greens.entry(key.builder.clone()).or_default();
            greens.push_front(Green {
                key: key.clone(),
                machines,
            });
            greens.truncate(GREENS);
        }
    }

    fn admit(&mut self, id: &BuildId, identity: &str, now: Timestamp, effects: &mut Effects) {
        let run = newest(&self.runs[id]).clone();
        self.canaries.waiting.retain(|job, _| job.build != *id);
        let Some((machine, _)) = self.canaries.open.remove(identity) else {
            return;
        };
        let (Some(verdict), Some(evidence)) = (&run.verdict, last_attempt(&run)) else {
            return;
        };
        if verdict.outcome == Outcome::Lost {
            let times = self
                .canaries
                .lost
                .get(identity)
                .map_or(1, |(times, _)| times + 1);
            let again = later(now, self.policy.canary_again_in(times));
            self.canaries
                .lost
                .insert(identity.to_owned(), (times, again));
            return;
        }
        self.canaries.lost.remove(identity);
        let admission = Admission {
            identity: identity.to_owned(),
            machine: machine.clone(),
            outcome: verdict.outcome,
            evidence: evidence.clone(),
            at: now,
            until: later(now, self.valid_for(&machine)),
        };
        self.book.put(Kept::Admission(admission), effects);
        if verdict.outcome == Outcome::Failed && self.may_set_aside() {
            let reason = format!("it failed what others pass: {}", verdict.reason);
            self.set_aside(&machine, reason, vec![evidence], now, effects);
        }
        let named: Vec<MachineId> = self.fleet.named(&machine).cloned().collect();
        for id in named {
            self.reconsider(&id, now);
        }
    }

    fn valid_for(&self, machine: &MachineName) -> SignedDuration {
        let hosts = self
            .fleet
            .named(machine)
            .filter_map(|id| self.fleet.machine(id));
        let mut canaries = hosts.filter_map(|machine| self.canary_of(&machine.host_type));
        let seconds = canaries.next().map_or(0, |canary| canary.valid_seconds);
        SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX / 4))
    }

    /// What a new leader knows of canaries: open runs, and outcomes of the builders that hosts name.
    pub(super) fn restore_canaries(&mut self) {
        let open = self.open.iter().map(|(_, id)| &self.builds[id]);
        let canaries: Vec<(String, BuildId)> = open
            .filter_map(|build| match &build.key.kind {
                BuildKind::Canary { identity } => Some((identity.clone(), build.id.clone())),
                _ => None,
            })
            .collect();
        for (identity, build) in canaries {
            let run = newest(&self.runs[&build]);
            let name = machines_of(run).into_iter().next();
            let machine = name.or_else(|| identity.rsplit('/').next()?.parse().ok());
            if let Some(machine) = machine {
                self.canaries.open.insert(identity, (machine, build));
            }
        }
        let hosts = self.config.hosts.values();
        let builders: BTreeSet<_> = hosts
            .filter_map(|host| Some(host.canary.as_ref()?.builder.clone()))
            .collect();
        let greens = self.builds.values().filter(|build| {
            build.key.kind == BuildKind::PostSubmit && builders.contains(&build.key.builder)
        });
        let mut greens: Vec<(Timestamp, BuildKey)> = greens
            .map(|build| (build.wanted, build.key.clone()))
            .collect();
        greens.sort();
        for (_, key) in greens {
            self.note_green(&key);
        }
    }
}

/// Where the jobs of a run came out.
fn machines_of(run: &Run) -> BTreeSet<MachineName> {
    let attempts = run.jobs.iter().filter_map(|job| job.attempts.last());
    attempts
        .filter_map(|attempt| attempt.machine.name())
        .collect()
}

fn last_attempt(run: &Run) -> Option<AttemptKey> {
    run.jobs
        .iter()
        .rev()
        .find_map(|job| Some(run.attempt_key(&job.name, job.attempts.last()?.number)))
}
