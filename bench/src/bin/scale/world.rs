//! What happens outside the coordinator: pushes, machines that work and finish, hubs that tell of them.

use std::collections::{BTreeSet, HashMap};

use farm_core::Fact;
use farm_core::fact::Observation;
use farm_model::Timestamp;
use farm_model::event::{Event, Topic};
use farm_model::id::{AttemptKey, HubId, MachineId};
use farm_model::message::progress::{
    AttemptEvent, AttemptProgress, AttemptReport, HubHeartbeat, MachineReport, Outcome, StepReport,
};
use farm_model::message::work::RunJob;
use farm_model::record::Branch;

use super::shape;

/// Machines in one heartbeat, as hubs send them.
const PART: usize = 200;
/// Machines of one hub.
const OF_HUB: usize = 2000;
/// By how much time goes on with each fact: what comes to a thousand facts a second.
const STEP: i64 = 1;
/// Where pushed commits are counted from, beyond those that are there at the start.
const PUSHED: usize = 1 << 40;

/// The world.
pub struct World {
    /// The time that the farm is told.
    pub now: Timestamp,
    repositories: Vec<Vec<Branch>>,
    machines: Vec<Machine>,
    places: HashMap<MachineId, usize>,
    /// Machines that work.
    busy: Vec<usize>,
    part: usize,
    seq: u64,
    pushed: usize,
    dice: u64,
}

struct Machine {
    hub: HubId,
    report: MachineReport,
}

impl World {
    /// With so many builds to come from what has been pushed, and so many machines.
    pub fn new(builds: usize, machines: usize) -> Self {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let machines: Vec<_> = (0..machines).map(machine).collect();
        let name = |(place, machine): (usize, &Machine)| (machine.report.machine.clone(), place);
        Self {
            now,
            repositories: shape::branches(builds, now),
            places: machines.iter().enumerate().map(name).collect(),
            machines,
            busy: Vec::new(),
            part: 0,
            seq: 0,
            pushed: 0,
            dice: 0x2545_F491_4F6C_DD1D,
        }
    }

    /// All repositories as they are read at the start.
    pub fn observations(&self) -> Vec<Fact> {
        let all = self.repositories.iter();
        all.map(|branches| self.observed(branches)).collect()
    }

    /// How many heartbeats speak of every machine once.
    pub fn parts(&self) -> usize {
        self.machines.len().div_ceil(PART)
    }

    /// Machines that work.
    pub fn working(&self) -> usize {
        self.busy.len()
    }

    /// One more commit on some branch; its repository as it is read then.
    pub fn push(&mut self) -> Fact {
        self.pass();
        let repository = self.roll(self.repositories.len());
        let branch = self.roll(self.repositories[repository].len());
        let now = self.now;
        for branch in &mut self.repositories[repository] {
            branch.observed = now;
        }
        let commits = &mut self.repositories[repository][branch].commits;
        commits.insert(0, shape::commit(PUSHED + self.pushed));
        commits.truncate(Branch::KEPT);
        self.pushed += 1;
        self.observed(&self.repositories[repository])
    }

    /// Some machine's work is done; none if none works.
    pub fn finish(&mut self) -> Option<Fact> {
        self.pass();
        if self.busy.is_empty() {
            return None;
        }
        let place = self.roll(self.busy.len());
        let place = self.busy.swap_remove(place);
        let machine = &mut self.machines[place];
        Some(Fact::Progress(AttemptProgress {
            hub: machine.hub.clone(),
            session: "s1".parse().unwrap(),
            machine: machine.report.machine.clone(),
            attempt: machine.report.busy.take()?,
            seq: 9,
            at: self.now,
            what: AttemptEvent::Finished {
                report: report(self.now),
            },
        }))
    }

    /// A hub tells of the next of its machines.
    pub fn heartbeat(&mut self) -> Fact {
        self.pass();
        self.seq += 1;
        self.part = (self.part + 1) % self.parts();
        let machines = self.machines.iter().skip(self.part * PART).take(PART);
        Fact::Heartbeat(HubHeartbeat {
            hub: self.machines[self.part * PART].hub.clone(),
            session: "s1".parse().unwrap(),
            seq: self.seq,
            at: self.now,
            period_milliseconds: 2000,
            draining: false,
            machines: machines.map(|machine| machine.report.clone()).collect(),
        })
    }

    /// Machines begin what they are told.
    pub fn told(&mut self, events: &[(Topic, Event)]) {
        let work = events.iter().filter(|(topic, _)| *topic == Topic::Work);
        for work in work.filter_map(|(_, event)| event.decode::<RunJob>().ok()) {
            let place = self.places[&work.machine];
            self.machines[place].report.busy = Some(work.attempt);
            self.busy.push(place);
        }
    }

    fn observed(&self, branches: &[Branch]) -> Fact {
        Fact::Observed(Observation {
            repo: branches[0].repo.clone(),
            branches: branches.to_vec(),
            at: self.now,
            trace: None,
        })
    }

    fn pass(&mut self) {
        self.now += jiff::SignedDuration::from_millis(STEP);
    }

    /// A number below `sides`: xorshift, so that each run does the same.
    fn roll(&mut self, sides: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice % sides as u64) as usize
    }
}

/// The `number`-th machine. Those of a hub lie together.
fn machine(number: usize) -> Machine {
    let hub: HubId = format!("h{}", number / OF_HUB).parse().unwrap();
    let name = format!("machine-{number:05}");
    let report = MachineReport {
        machine: MachineId::on(&hub, &name).unwrap(),
        host_type: shape::host_name(number % shape::HOSTS).parse().unwrap(),
        version: 23,
        busy: None::<AttemptKey>,
        labels: BTreeSet::new(),
        identity: None,
        held: None,
        owner: None,
        owner_unread: false,
    };
    Machine { hub, report }
}

fn report(now: Timestamp) -> AttemptReport {
    let step = StepReport {
        name: "all".to_owned(),
        state: "ok".to_owned(),
        started: now,
        milliseconds: 1000,
    };
    AttemptReport {
        steps: vec![step],
        ..AttemptReport::bare(Outcome::Ok, String::new())
    }
}
