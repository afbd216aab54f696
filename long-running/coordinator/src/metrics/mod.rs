//! What Prometheus reads. Labels are of a bounded number of values: never names of builds, commits or people.

mod sight;

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use farm_core::Fact;
use farm_core::keep::Area;
use farm_model::Timestamp;
use farm_model::kept::Kept;
use farm_model::message::progress::Outcome;
use farm_model::order::OrderStand;
use farm_model::record::{AttemptState, Gone};
use farm_store::Batch;

use self::sight::Sight;
use crate::status::Board;

/// Upper bounds in seconds, of a decision and of a transaction.
const BOUNDS: [f64; 14] = [
    0.0001, 0.0003, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0, 10.0,
];

/// One label: its name and a class.
type Class = [(&'static str, &'static str); 1];

/// What is counted as it happens. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    rounds: Counter,
    facts: Family<Class, Counter>,
    attempts: Family<Class, Counter>,
    losses: Family<Class, Counter>,
    refused: Counter,
    unmade: Family<Class, Counter>,
    decision: Histogram,
    commit: Histogram,
    swept_objects: Family<Class, Counter>,
    swept_bytes: Family<Class, Counter>,
    sweep_errors: Counter,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            rounds: Counter::default(),
            facts: Family::default(),
            attempts: Family::default(),
            losses: Family::default(),
            refused: Counter::default(),
            unmade: Family::default(),
            decision: Histogram::new(BOUNDS),
            commit: Histogram::new(BOUNDS),
            swept_objects: Family::default(),
            swept_bytes: Family::default(),
            sweep_errors: Counter::default(),
        }
    }
}

impl Counts {
    /// A fact is to be applied.
    pub(crate) fn fact(&self, fact: &Fact) {
        self.facts.get_or_create(&[("kind", fact.kind())]).inc();
    }

    /// A round was decided.
    pub(crate) fn decided(&self, took: Duration) {
        self.rounds.inc();
        self.decision.observe(took.as_secs_f64());
    }

    /// A transaction was done, decided at `now`.
    pub(crate) fn committed(&self, took: Duration, batch: &Batch, now: Timestamp) {
        self.commit.observe(took.as_secs_f64());
        let attempts = batch.runs.iter().flat_map(|run| &run.jobs);
        for attempt in attempts.flat_map(|job| &job.attempts) {
            self.ended(&attempt.state, now);
        }
        for kept in batch.kept.iter().filter_map(|(_, kept)| kept.as_ref()) {
            self.not_made(kept, now);
        }
    }

    /// Counts a machine that could not be made at `now`.
    fn not_made(&self, kept: &Kept, now: Timestamp) {
        if let Kept::Order(of) = kept
            && let OrderStand::Waits { cause, .. } = &of.line.stand
            && of.line.since == now
        {
            let labels = [("cause", cause.as_str())];
            self.unmade.get_or_create(&labels).inc();
        }
    }

    /// Counts an attempt that has ended at `now`: a record is written again later, and then says an earlier time.
    fn ended(&self, state: &AttemptState, now: Timestamp) {
        match state {
            AttemptState::Finished { at, report } if *at == now => {
                let outcome = report.outcome.as_str();
                self.attempts.get_or_create(&[("outcome", outcome)]).inc();
                if report.outcome == Outcome::Lost {
                    self.lost("reported");
                }
            }
            AttemptState::Gone { at, how, .. } if *at == now => match how {
                Gone::Refused => drop(self.refused.inc()),
                Gone::Restarted => self.lost("restarted"),
                Gone::Silent => self.lost("silent"),
                // Somebody wanted it so.
                Gone::Cancelled => {}
            },
            _ => {}
        }
    }

    /// Objects were removed from a part of the bucket.
    pub(crate) fn swept(&self, area: Area, objects: u64, bytes: u64) {
        let labels = [("area", area.prefix())];
        self.swept_objects.get_or_create(&labels).inc_by(objects);
        self.swept_bytes.get_or_create(&labels).inc_by(bytes);
    }

    /// A look through a part of the bucket broke off.
    pub(crate) fn sweep_failed(&self) {
        self.sweep_errors.inc();
    }

    fn lost(&self, reason: &'static str) {
        self.losses.get_or_create(&[("reason", reason)]).inc();
    }

    fn register(&self, to: &mut Registry) {
        to.register("rounds", "Rounds of decisions", self.rounds.clone());
        to.register("facts", "Facts applied", self.facts.clone());
        to.register(
            "attempts",
            "Attempts that ended with a report",
            self.attempts.clone(),
        );
        to.register(
            "losses",
            "Attempts lost: their hubs reported it, fell silent, or were restarted",
            self.losses.clone(),
        );
        to.register(
            "refused",
            "Attempts that a hub did not take",
            self.refused.clone(),
        );
        to.register(
            "machines_not_made",
            "Machines that could not be made when they were ordered",
            self.unmade.clone(),
        );
        to.register(
            "swept_objects",
            "Objects removed from the bucket because they were old",
            self.swept_objects.clone(),
        );
        to.register_with_unit(
            "swept",
            "Their bytes",
            Unit::Bytes,
            self.swept_bytes.clone(),
        );
        to.register(
            "sweep_errors",
            "Looks through a part of the bucket that broke off",
            self.sweep_errors.clone(),
        );
        to.register_with_unit(
            "decision",
            "Time to decide a round",
            Unit::Seconds,
            self.decision.clone(),
        );
        to.register_with_unit(
            "commit",
            "Time to make a round durable",
            Unit::Seconds,
            self.commit.clone(),
        );
    }
}

/// All metrics of one coordinator.
pub(crate) struct Exposition(Registry);

impl Exposition {
    /// What `counts` counted, and what stands on `board` when somebody asks.
    pub(crate) fn new(counts: &Counts, board: &Board) -> Self {
        let mut registry = Registry::default();
        let own = registry.sub_registry_with_prefix("farm_coordinator");
        counts.register(own);
        own.register_collector(Box::new(Sight(board.clone())));
        Self(registry)
    }

    /// OpenMetrics 1.0 text.
    ///
    /// # Errors
    /// None in practice: text is written to memory.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.0)?;
        Ok(text)
    }
}
