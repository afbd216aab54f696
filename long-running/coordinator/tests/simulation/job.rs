//! One attempt on a machine: steps that take their time, and an end that chance decides.

use farm_model::id::{AttemptKey, HubId, HubSession, MachineId};
use farm_model::message::progress::{
    AttemptEvent, AttemptProgress, AttemptReport, LogSummary, Outcome,
};
use farm_model::message::work::RunJob;

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
    steps: Vec<String>,
    begun: u32,
    outcome: Outcome,
    reason: String,
    ended: bool,
}

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
            steps: job
                .steps
                .iter()
                .rev()
                .map(|step| step.name.clone())
                .collect(),
            begun: 0,
            outcome,
            reason: reason.to_owned(),
            ended: false,
        }
    }

    /// It ends now, for a reason that is not the code's.
    pub fn stop(&mut self, reason: &str) {
        self.steps.clear();
        self.next_at = 0;
        self.outcome = Outcome::Lost;
        self.reason = reason.to_owned();
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
        if let Some(name) = self.steps.pop() {
            self.begun += 1;
            let step = self.begun - 1;
            return Some(AttemptEvent::StepStarted { step, name });
        }
        self.ended = true;
        Some(AttemptEvent::Finished {
            report: self.report(),
        })
    }

    fn report(&self) -> AttemptReport {
        AttemptReport {
            outcome: self.outcome,
            reason: self.reason.clone(),
            steps: Vec::new(),
            log: LogSummary::default(),
        }
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
