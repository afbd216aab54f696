//! A hub as its contract has it: what it takes, refuses and remembers, and what it says of that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use farm_model::id::{AttemptKey, HostType, HubId, HubSession, MachineId, MachineName};
use farm_model::message::progress::{
    AttemptEvent, HubHeartbeat, MachineGone, MachineReport, Missing,
};
use farm_model::message::work::RunJob;

use crate::job::Job;
use crate::outside::{Order, Outside, Word};
use crate::queue::{Handle, Life};

/// Between two heartbeats, in milliseconds.
const PERIOD: i64 = 1_000;

pub struct Hub {
    pub id: HubId,
    machines: Vec<(MachineId, HostType)>,
    up: Option<Up>,
    /// When a dead one comes back.
    back_at: i64,
    frozen_until: i64,
    /// Made machines that were told to halt: they do not come back.
    halted: BTreeSet<MachineId>,
}

/// One life of a hub.
struct Up {
    life: Life,
    session: HubSession,
    /// Counts what is said of machines.
    seq: u64,
    beat_due: i64,
    draining: bool,
    /// Machines that are away, and until when.
    away: BTreeMap<MachineId, i64>,
    running: BTreeMap<AttemptKey, Job>,
    /// Machines that are kept as an attempt left them.
    held: BTreeMap<MachineId, Held>,
    /// The last word on attempts that were offered.
    said: BTreeMap<AttemptKey, Word>,
    cancelled: BTreeSet<AttemptKey>,
    /// To be published, each with the offer that is acknowledged then.
    outgoing: VecDeque<(Word, Option<Handle>)>,
    /// Since when it has spoken without a long pause.
    talking_since: i64,
    /// Machines that were told to halt since somebody looked.
    halted: Vec<MachineId>,
}

/// A machine that is kept.
struct Held {
    of: AttemptKey,
    until: i64,
    /// It is told to halt afterwards.
    halts: bool,
}

impl Hub {
    pub fn new(name: &str, machines: &[(&str, &str)]) -> Self {
        let id: HubId = name.parse().unwrap();
        let machine = |(name, host): &(&str, &str)| {
            let machine = MachineId::on(&id, name).unwrap();
            (machine, host.parse().unwrap())
        };
        let machines = machines.iter().map(machine).collect();
        Self {
            id,
            machines,
            up: None,
            back_at: 0,
            frozen_until: 0,
            halted: BTreeSet::new(),
        }
    }

    pub fn step(&mut self, outside: &mut Outside) {
        if outside.now < self.frozen_until {
            return;
        }
        if self.up.is_none() && outside.now >= self.back_at {
            self.start(outside);
        }
        self.hear(outside);
        let Some(up) = &mut self.up else { return };
        up.work(&self.id, outside);
        up.publish(&self.id, outside);
        if outside.source.is_pooled() {
            let halted = up.halted.drain(..).collect::<Vec<_>>();
            self.machines.retain(|(id, _)| !halted.contains(id));
            self.halted.extend(halted);
        }
        up.beat(&self.id, &self.machines, outside);
    }

    fn start(&mut self, outside: &mut Outside) {
        let life = outside.new_life();
        // Sessions sort by the time of their start.
        let session = format!("{:012}-{life}", outside.now).parse().unwrap();
        outside.note(|| format!("{} starts life {life}", self.id));
        let away = |(id, _): &(MachineId, HostType)| {
            let delay = outside.rng.between(0, 1_500);
            (id.clone(), outside.now + delay)
        };
        let away = self.machines.iter().map(away).collect();
        self.up = Some(Up {
            life,
            session,
            seq: 0,
            beat_due: outside.now,
            draining: false,
            away,
            running: BTreeMap::new(),
            held: BTreeMap::new(),
            said: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            outgoing: VecDeque::new(),
            talking_since: outside.now,
            halted: Vec::new(),
        });
    }

    /// Its process ends, with all that it drove, and comes back after `pause`.
    pub fn kill(&mut self, pause: i64, outside: &mut Outside) {
        if let Some(up) = self.up.take() {
            outside.note(|| format!("{} is killed", self.id));
            let queue = outside.queues.work.entry(self.id.clone()).or_default();
            queue.let_go(up.life, outside.now);
        }
        self.back_at = outside.now + pause;
    }

    /// Its process stands still for a while.
    pub fn freeze(&mut self, pause: i64, outside: &mut Outside) {
        outside.note(|| format!("{} stands still for {pause} ms", self.id));
        self.frozen_until = outside.now + pause;
    }

    pub fn drain(&mut self, draining: bool, outside: &mut Outside) {
        if let Some(up) = &mut self.up {
            outside.note(|| format!("{} draining: {draining}", self.id));
            up.draining = draining;
        }
    }

    /// A machine of its own vanishes for a while.
    pub fn lose_machine(&mut self, pause: i64, outside: &mut Outside) {
        let Some((machine, _)) = outside.rng.pick(&self.machines).cloned() else {
            return;
        };
        if let Some(up) = &mut self.up {
            outside.note(|| format!("{machine} vanishes for {pause} ms"));
            up.lose(&self.id, &machine, outside.now + pause, false);
        }
    }

    /// A machine that was made registers; not one that was told to halt.
    pub fn join(&mut self, name: &MachineName, host: &HostType) {
        let machine = MachineId::on(&self.id, name.as_str()).unwrap();
        if !self.halted.contains(&machine) {
            self.machines.push((machine, host.clone()));
        }
    }

    /// A machine that was made is no more.
    pub fn leave(&mut self, name: &MachineName, now: i64) {
        let machine = MachineId::on(&self.id, name.as_str()).unwrap();
        let before = self.machines.len();
        self.machines.retain(|(id, _)| *id != machine);
        if let Some(up) = self.up.as_mut().filter(|_| self.machines.len() < before) {
            up.lose(&self.id, &machine, now, false);
        }
    }

    /// Nothing keeps it from working any more.
    pub fn heal(&mut self, outside: &mut Outside) {
        self.frozen_until = 0;
        self.back_at = self.back_at.min(outside.now);
        self.drain(false, outside);
    }

    /// Whether it drives this attempt at `now`, has done so since before `before`, and has spoken all the while.
    pub fn drives_and_says_so(&self, attempt: &AttemptKey, before: i64, now: i64) -> bool {
        self.up.as_ref().is_some_and(|up| {
            let job = up.running.get(attempt);
            let talks = up.talking_since < before && now - up.beat_due < PERIOD;
            job.is_some_and(|job| job.accepted_at < before) && talks
        })
    }

    /// What its machines work on.
    pub fn busy(&self) -> impl Iterator<Item = &AttemptKey> {
        self.up.iter().flat_map(|up| up.running.keys())
    }

    pub fn is_quiet(&self) -> bool {
        let quiet = |up: &Up| up.running.is_empty() && up.outgoing.is_empty();
        self.up.as_ref().is_some_and(quiet)
    }

    fn hear(&mut self, outside: &mut Outside) {
        let Some(up) = &mut self.up else { return };
        let queue = outside.queues.work.entry(self.id.clone()).or_default();
        let Some((handle, order)) = queue.take(outside.now, up.life, &mut outside.rng) else {
            return;
        };
        match order {
            Order::Cancel(cancel) => {
                outside.note(|| format!("{} hears: cancel {}", self.id, cancel.attempt));
                up.cancel(cancel.attempt);
                let queue = outside.queues.work.entry(self.id.clone()).or_default();
                queue.ack(handle);
            }
            Order::Run(job) => {
                let word = up.offered(&job, &self.machines, outside);
                up.outgoing.push_back((word, Some(handle)));
            }
        }
    }
}

impl Up {
    /// Decides about an offer; what is said of it.
    fn offered(
        &mut self,
        job: &RunJob,
        machines: &[(MachineId, HostType)],
        outside: &mut Outside,
    ) -> Word {
        if let Some(word) = self.said.get(&job.attempt) {
            return word.clone();
        }
        let refusal = self.refusal(job, machines, outside);
        let mut taken = Job::new(job, &self.session, outside);
        let what = match refusal {
            None => AttemptEvent::Accepted,
            Some((reason, missing)) => AttemptEvent::Refused { reason, missing },
        };
        outside.note(|| format!("{} to {}: {what:?}", job.hub, job.attempt));
        let accepted = what == AttemptEvent::Accepted;
        let word = taken.word(what, outside);
        self.said.insert(job.attempt.clone(), word.clone());
        if accepted {
            self.running.insert(job.attempt.clone(), taken);
            self.held.remove(&job.machine);
            self.beat_due = outside.now;
        }
        word
    }

    fn refusal(
        &self,
        job: &RunJob,
        machines: &[(MachineId, HostType)],
        outside: &Outside,
    ) -> Option<(String, Option<Missing>)> {
        let busy = || {
            self.running
                .values()
                .any(|other| other.machine == job.machine)
        };
        let known = machines.iter().any(|(id, _)| *id == job.machine);
        let reason = if self.cancelled.contains(&job.attempt) {
            "cancelled"
        } else if outside.time() > job.start_by {
            "past its start-by"
        } else if self.draining {
            "draining"
        } else if !known || self.away.contains_key(&job.machine) {
            "its machine is gone"
        } else if busy() {
            "its machine is busy"
        } else {
            let missing = self.missing(job, outside)?;
            return Some((format!("missing: {missing:?}"), Some(missing)));
        };
        Some((reason.to_owned(), None))
    }

    /// What it should go on from, if that is not there.
    fn missing(&self, job: &RunJob, outside: &Outside) -> Option<Missing> {
        let held = self.held.get(&job.machine).map(|held| &held.of);
        if job.continues.is_some() {
            return (held != job.continues.as_ref()).then_some(Missing::WorkDir);
        }
        let gone = Job::restores(job).is_some_and(|blob| !outside.blobs.contains(blob));
        gone.then_some(Missing::Snapshot)
    }

    fn cancel(&mut self, attempt: AttemptKey) {
        match self.running.get_mut(&attempt) {
            Some(job) => job.stop("cancelled"),
            None if self.said.contains_key(&attempt) => {
                let held = self.held.values_mut().find(|held| held.of == attempt);
                held.into_iter().for_each(|held| held.until = 0);
            }
            None => drop(self.cancelled.insert(attempt)),
        }
    }

    /// A machine goes away; `dismissed` if we told it to.
    fn lose(&mut self, hub: &HubId, machine: &MachineId, until: i64, dismissed: bool) {
        if self.away.insert(machine.clone(), until).is_some() {
            return;
        }
        self.held.remove(machine);
        for job in self.running.values_mut() {
            if job.machine == *machine {
                job.stop("its machine went");
            }
        }
        self.seq += 1;
        let gone = MachineGone {
            hub: hub.clone(),
            session: self.session.clone(),
            seq: self.seq,
            machine: machine.clone(),
            reason: "connection reset".to_owned(),
            dismissed,
        };
        self.outgoing.push_back((Word::Gone(gone), None));
    }

    /// What runs goes on; machines come back.
    fn work(&mut self, hub: &HubId, outside: &mut Outside) {
        let now = outside.now;
        let before = self.away.len();
        self.away.retain(|_, until| now < *until);
        let over: Vec<_> = self
            .held
            .extract_if(.., |_, held| now >= held.until)
            .collect();
        if self.away.len() != before || !over.is_empty() {
            self.beat_due = now;
        }
        for (machine, _) in over.into_iter().filter(|(_, held)| held.halts) {
            self.halt(hub, &machine, outside);
        }
        for job in self.running.values_mut() {
            // Steps begin once the queue has the acceptance.
            if !job.told {
                continue;
            }
            if let Some(what) = job.go_on(outside) {
                outside.note(|| format!("{}: {what:?}", job.attempt));
                let word = job.word(what, outside);
                self.said.insert(job.attempt.clone(), word.clone());
                self.outgoing.push_back((word, None));
            }
        }
    }

    /// It is told to halt, and comes back fresh.
    fn halt(&mut self, hub: &HubId, machine: &MachineId, outside: &mut Outside) {
        let back = outside.now + outside.rng.between(200, 2_000);
        self.lose(hub, machine, back, true);
        self.halted.push(machine.clone());
    }

    /// The queue is given one thing; then the offer it answers is acknowledged, unless that gets lost.
    fn publish(&mut self, hub: &HubId, outside: &mut Outside) {
        let Some((word, offer)) = self.outgoing.pop_front() else {
            return;
        };
        outside.say(&word);
        if let Word::Progress(progress) = &word {
            if matches!(progress.what, AttemptEvent::Finished { .. }) {
                if let Some(job) = self.running.remove(&progress.attempt) {
                    self.after(hub, job, outside);
                }
                self.beat_due = outside.now;
            } else if let Some(job) = self.running.get_mut(&progress.attempt) {
                job.told = true;
            }
        }
        let lost = outside.storm && outside.rng.chance(50);
        if let Some(handle) = offer.filter(|_| !lost) {
            let queue = outside.queues.work.entry(hub.clone()).or_default();
            queue.ack(handle);
        }
    }

    /// What becomes of the machine of a job that is over.
    fn after(&mut self, hub: &HubId, job: Job, outside: &mut Outside) {
        if self.away.contains_key(&job.machine) {
            return;
        }
        let (hold, halts) = (job.holds(), job.halts);
        if hold > 0 {
            let held = Held {
                of: job.attempt,
                until: outside.now + hold,
                halts,
            };
            self.held.insert(job.machine, held);
        } else if halts {
            self.halt(hub, &job.machine, outside);
        }
    }

    fn beat(&mut self, hub: &HubId, machines: &[(MachineId, HostType)], outside: &mut Outside) {
        let now = outside.now;
        if now < self.beat_due {
            return;
        }
        if now - self.beat_due > PERIOD {
            self.talking_since = now;
        }
        self.beat_due = now + PERIOD;
        self.seq += 1;
        let present = machines
            .iter()
            .filter(|(id, _)| !self.away.contains_key(id));
        let beat = HubHeartbeat {
            hub: hub.clone(),
            session: self.session.clone(),
            seq: self.seq,
            at: outside.time(),
            period_milliseconds: PERIOD.unsigned_abs(),
            draining: self.draining,
            machines: present.map(|(id, host)| self.report(id, host)).collect(),
        };
        outside.say(&Word::Beat(beat));
    }

    fn report(&self, id: &MachineId, host: &HostType) -> MachineReport {
        let busy = self.running.values().find(|job| job.machine == *id);
        MachineReport {
            machine: id.clone(),
            host_type: host.clone(),
            version: 23,
            busy: busy.map(|job| job.attempt.clone()),
            labels: BTreeSet::new(),
            identity: None,
            held: self.held.get(id).map(|held| held.of.clone()),
            owner: None,
            owner_unread: false,
        }
    }
}
