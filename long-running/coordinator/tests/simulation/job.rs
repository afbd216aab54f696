//! One attempt on a machine: steps that take their time, and an end that chance decides.

use farm_model::config::Clean;
use farm_model::id::{AttemptKey, BlobId, HubId, HubSession, MachineId};
use farm_model::message::progress::{
    AttemptEvent, AttemptProgress, AttemptReport, Outcome, TestOutcome, TestResult,
};
use farm_model::message::work::{RunJob, Step};

use crate::outside::{Outside, Word};

pub struct Job {
    pub attempt: AttemptKey,
    pub machine: MachineId,
    pub accepted_at: i64,
    /// Whether the queue has the acceptance.
    pub told: bool,
    hub: HubId,
    session: HubSession,
    seq: u64,
    next_at: i64,
    /// Still to be done, the next one last.
    steps: Vec<Step>,
    begun: u32,
    report: AttemptReport,
    ended: bool,
    /// For how long its machine is kept afterwards, in milliseconds.
    hold: i64,
    /// Whether its machine halts afterwards.
    pub halts: bool,
}

/// What a job can list.
const UNITS: [&str; 5] = ["archive", "bytes", "net", "runtime", "sync"];

impl Job {
    pub fn new(job: &RunJob, session: &HubSession, outside: &mut Outside) -> Self {
        let (outcome, reason) = match outside.rng.below(10) {
            0 => (Outcome::Lost, "the machine's disk is full"),
            1 | 2 => (Outcome::Failed, "step test: exit status 1"),
            _ => (Outcome::Ok, ""),
        };
        Self {
            attempt: job.attempt.clone(),
            machine: job.machine.clone(),
            accepted_at: outside.now,
            told: false,
            hub: job.hub.clone(),
            session: session.clone(),
            seq: 0,
            next_at: outside.now,
            steps: job.steps.iter().rev().cloned().collect(),
            begun: 0,
            report: AttemptReport::bare(outcome, reason.to_owned()),
            ended: false,
            hold: i64::try_from(job.hold_seconds).unwrap() * 1000,
            halts: job.clean == Clean::Halt,
        }
    }

    /// It ends now, for a reason that is not the code's.
    pub fn stop(&mut self, reason: &str) {
        self.steps.clear();
        self.next_at = 0;
        self.report = AttemptReport::bare(Outcome::Lost, reason.to_owned());
    }

    /// How long its machine is kept as it is, in milliseconds.
    pub fn holds(&self) -> i64 {
        match self.report.outcome {
            Outcome::Lost => 0,
            Outcome::Ok | Outcome::Failed => self.hold,
        }
    }

    /// What happens to it now, if anything does.
    pub fn go_on(&mut self, outside: &mut Outside) -> Option<AttemptEvent> {
        if self.ended || outside.now < self.next_at {
            return None;
        }
        // Some are silent for longer than the grace period.
        let longest = if outside.rng.chance(100) {
            9_000
        } else {
            1_500
        };
        self.next_at = outside.now + outside.rng.between(100, longest);
        while let Some(step) = self.steps.pop() {
            self.take(&step, outside);
            if let Some(name) = name_of(&step) {
                self.begun += 1;
                let step = self.begun - 1;
                return Some(AttemptEvent::StepStarted { step, name });
            }
        }
        self.ended = true;
        Some(AttemptEvent::Finished {
            report: self.report.clone(),
        })
    }

    /// What a step leaves in the report, where all goes well.
    fn take(&mut self, step: &Step, outside: &mut Outside) {
        if self.report.outcome == Outcome::Lost {
            return;
        }
        match step {
            Step::List(_) => self.report.units = UNITS.map(str::to_owned).to_vec(),
            Step::Keep { .. } => self.report.snapshot = Some(outside.keep_blob()),
            Step::Tests(tests) => {
                let failed = self.report.outcome == Outcome::Failed;
                let units = tests.groups.iter().flatten();
                let results = units
                    .enumerate()
                    .map(|(n, unit)| result(unit, failed && n == 0));
                self.report.tests.extend(results);
            }
            _ => {}
        }
    }

    /// The archive that it needs, if it needs one.
    pub fn restores(job: &RunJob) -> Option<&BlobId> {
        job.steps.iter().find_map(|step| match step {
            Step::Restore { snapshot, .. } => Some(snapshot),
            _ => None,
        })
    }

    /// The next thing that is said of it.
    pub fn word(&mut self, what: AttemptEvent, outside: &Outside) -> Word {
        self.seq += 1;
        Word::Progress(AttemptProgress {
            hub: self.hub.clone(),
            session: self.session.clone(),
            machine: self.machine.clone(),
            attempt: self.attempt.clone(),
            seq: self.seq,
            at: outside.time(),
            what,
        })
    }
}

fn name_of(step: &Step) -> Option<String> {
    match step {
        Step::Run(spec) | Step::List(spec) => Some(spec.name.clone()),
        Step::Tests(tests) => Some(tests.command.name.clone()),
        _ => None,
    }
}

fn result(unit: &str, failed: bool) -> TestResult {
    TestResult {
        unit: unit.to_owned(),
        name: String::new(),
        outcome: if failed {
            TestOutcome::Failed
        } else {
            TestOutcome::Ok
        },
        milliseconds: 100,
        output: String::new(),
    }
}
