//! Writes entries, and buffers the rounds that wait for one.

use farm_core::Fact;
use farm_model::Timestamp;

use super::{Entry, Folded, Folds, Quiet, Start, nanoseconds};

/// Rounds that wait; then they are written though nothing came of them.
const QUIET_ROUNDS: usize = 4096;
/// Their bytes.
const QUIET_BYTES: usize = 256 << 10;

/// The leader's end of the log.
#[derive(Debug)]
pub(in crate::engine) struct Recorder {
    start: Option<Start>,
    count: u64,
    folds: Folds,
    quiet: Vec<Quiet>,
    quiet_bytes: usize,
    /// Bytes written since the last checkpoint.
    bytes: usize,
    /// Where an entry is to say that the leader began anew.
    renewed: bool,
}

/// One round.
pub(in crate::engine) struct Played {
    pub(in crate::engine) facts: Vec<Folded>,
    pub(in crate::engine) chose: bool,
    pub(in crate::engine) at: Timestamp,
    /// Of its effects; empty for none.
    pub(in crate::engine) effects: String,
}

impl Recorder {
    pub(in crate::engine) fn new(start: Start) -> Self {
        Self {
            start: Some(start),
            count: 0,
            folds: Folds::default(),
            quiet: Vec::new(),
            quiet_bytes: 0,
            bytes: 0,
            renewed: false,
        }
    }

    /// How many entries there are.
    pub(in crate::engine) fn count(&self) -> u64 {
        self.count
    }

    /// Whether so much was written that it is time for a checkpoint.
    pub(in crate::engine) fn is_due(&self, bytes: usize) -> bool {
        self.bytes >= bytes
    }

    /// Facts as they are to be recorded, before they are applied.
    pub(in crate::engine) fn fold(&mut self, facts: &[Fact]) -> Vec<Folded> {
        facts.iter().map(|fact| self.folds.fold(fact)).collect()
    }

    /// The next entry begins with a leader that began anew.
    pub(in crate::engine) fn renew(&mut self) {
        self.bytes = 0;
        self.renewed = true;
        self.folds.clear();
    }

    /// The entry to write, if this round is not one to wait.
    ///
    /// # Errors
    /// A fact cannot be written as JSON.
    pub(in crate::engine) fn record(
        &mut self,
        round: Played,
    ) -> serde_json::Result<Option<String>> {
        let full = self.quiet.len() >= QUIET_ROUNDS || self.quiet_bytes >= QUIET_BYTES;
        let waits = round.effects.is_empty() && round.chose && !full;
        if waits && self.start.is_none() && !self.renewed {
            let raw = serde_json::value::to_raw_value(&round.facts)?;
            self.quiet_bytes += raw.get().len();
            self.quiet.push(Quiet(nanoseconds(round.at), raw));
            return Ok(None);
        }
        self.count += 1;
        self.quiet_bytes = 0;
        let entry = Entry {
            count: self.count,
            start: self.start.take(),
            renewed: std::mem::take(&mut self.renewed),
            quiet: std::mem::take(&mut self.quiet),
            facts: round.facts,
            chose: round.chose,
            effects: round.effects,
        };
        let text = serde_json::to_string(&entry)?;
        self.bytes += text.len();
        Ok(Some(text))
    }
}
