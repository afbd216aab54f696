//! `farm up --chaos SEED`: what a bad week does to a farm, in minutes and again for the same seed, with the books kept.
//!
//! Messages of the emulator are lost, late, overtaken and repeated; agents of machines are killed and frozen; coordinator
//! and hub vanish between any two steps and are started again. What happens when is a function of the seed; what it meets
//! depends on the machine's speed. Meanwhile results are counted as a subscriber receives them.

mod dice;
mod ledger;
mod messages;
mod schedule;
mod storm;
mod tally;

use std::sync::Arc;

use anyhow::Context;
use farm_bucket::Bucket;
use farm_model::record::Transition;
use farm_pubsub_emulator::Disturbance;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::console::{Console, Tone};
use ledger::Balance;
pub(crate) use ledger::Ledger;
use messages::Messages;
pub(crate) use storm::{Storm, Targets};
use tally::Disturbances;

/// A result may be on its way so long after its run ended: lost a few times, and each time given out anew after seconds.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(10);

/// A farm under chaos.
#[derive(Debug)]
pub(crate) struct Chaos {
    seed: u64,
    started: Timestamp,
    messages: Arc<Messages>,
    ledger: Arc<Ledger>,
}

/// What was done, and what came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    seed: u64,
    seconds: f64,
    disturbances: Disturbances,
    #[serde(flatten)]
    balance: Balance,
}

impl Chaos {
    pub(crate) fn new(seed: u64, started: Timestamp) -> Self {
        Self {
            seed,
            started,
            messages: Arc::new(Messages::new(seed)),
            ledger: Arc::default(),
        }
    }

    /// For the emulator.
    pub(crate) fn disturbance(&self) -> Arc<dyn Disturbance> {
        self.messages.clone()
    }

    /// For whoever receives results.
    pub(crate) fn ledger(&self) -> Arc<Ledger> {
        self.ledger.clone()
    }

    /// The storm is over: whatever is still open is not disturbed any more.
    pub(crate) fn is_calm(&self) -> bool {
        self.messages.is_calm()
    }

    /// What was done so far, in a line.
    pub(crate) fn sentence(&self) -> String {
        self.messages.tally.read().sentence()
    }

    /// The accounts at the end, once every part has stopped. With `over`, nothing may be open.
    ///
    /// # Errors
    /// History cannot be read.
    pub(crate) async fn close(
        &self,
        bucket: &Bucket,
        over: bool,
        now: Timestamp,
        found: Vec<String>,
    ) -> anyhow::Result<Summary> {
        let lines = self.history(bucket).await?;
        let settled = if over {
            now
        } else {
            now.saturating_sub(ON_ITS_WAY).unwrap_or(now)
        };
        let mut balance = self.ledger.balance(&lines, over, settled);
        balance.violations.splice(0..0, found);
        Ok(Summary {
            seed: self.seed,
            seconds: now.duration_since(self.started).as_secs_f64(),
            disturbances: self.messages.tally.read(),
            balance,
        })
    }

    /// The transitions since the start.
    async fn history(&self, bucket: &Bucket) -> anyhow::Result<Vec<Transition>> {
        let mut lines = Vec::new();
        let hour = SignedDuration::from_hours(1);
        for at in bucket.list_history().await.context("cannot list history")? {
            if at.saturating_add(hour).is_ok_and(|end| end < self.started) {
                continue;
            }
            let text = bucket
                .get_history(at)
                .await
                .context("cannot read history")?;
            for line in text.unwrap_or_default().split(|byte| *byte == b'\n') {
                if !line.is_empty() {
                    lines.push(serde_json::from_slice(line).context("cannot read history")?);
                }
            }
        }
        lines.retain(|line: &Transition| line.at >= self.started);
        Ok(lines)
    }
}

impl Summary {
    /// 1 if something was violated.
    pub(crate) fn exit_code(&self) -> u8 {
        u8::from(!self.balance.violations.is_empty())
    }

    /// Lines for people, and with `json` one for programs.
    pub(crate) fn tell(&self, console: &Console, json: bool) {
        if json && let Ok(text) = serde_json::to_string(&serde_json::json!({ "chaos": self })) {
            console.data(&text);
        }
        let Self { seed, balance, .. } = self;
        console.line(&format!(
            "chaos {seed}, {:.0} s; {}",
            self.seconds,
            self.disturbances.sentence()
        ));
        console.line(&format!(
            "runs: {} wanted, {} ended ({} ok, {} failed, {} lost) in {} attempts, {} of them lost; results: {} told, {} of them again",
            balance.wanted,
            balance.ended,
            balance.ok,
            balance.failed,
            balance.lost,
            balance.attempts,
            balance.attempts_lost,
            balance.results_told,
            balance.results_repeated,
        ));
        if balance.violations.is_empty() {
            console.line(&console.paint(
                Tone::Good,
                "every run that was wanted ended once, and was told one result",
            ));
        }
        for violation in &balance.violations {
            console.line(&console.paint(Tone::Bad, &format!("VIOLATION: {violation}")));
        }
    }
}
