//! What the bucket has said of machines so far.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use farm_bucket::MachineMark;
use farm_model::id::MachineName;
use farm_model::machine::MachineRecord;
use tokio::time::Instant;

/// Answers kept for machines that are not connected.
const MAX: usize = 20_000;

/// What is known of a machine's record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Answer {
    /// Nothing: the bucket has not answered yet.
    #[default]
    Unread,
    /// That it is this, or that there is none.
    Read(Option<Arc<MachineRecord>>),
}

/// Answers by machine.
#[derive(Default)]
pub struct Known(HashMap<MachineName, Entry>);

#[derive(Default)]
struct Entry {
    answer: Answer,
    /// How the record was when it was read, as far as that was looked at.
    mark: Option<MachineMark>,
    /// When it was read.
    at: Option<Instant>,
    /// How many connected machines it is about.
    watched: usize,
}

impl Entry {
    fn is_fresh(&self, period: Duration) -> bool {
        self.at.is_some_and(|at| at.elapsed() < period)
    }
}

impl Known {
    /// The last answer.
    pub fn answer(&self, name: &MachineName) -> Answer {
        let entry = self.0.get(name);
        entry.map(|entry| entry.answer.clone()).unwrap_or_default()
    }

    /// The last answer, if it is not older than `period`.
    pub fn fresh(&self, name: &MachineName, period: Duration) -> Option<Answer> {
        let entry = self.0.get(name).filter(|entry| entry.is_fresh(period))?;
        Some(entry.answer.clone())
    }

    /// Takes an answer in; true if it is another than before.
    pub fn note(&mut self, name: &MachineName, answer: Answer, mark: Option<MachineMark>) -> bool {
        if self.0.len() >= MAX && !self.0.contains_key(name) {
            self.0.retain(|_, entry| entry.watched > 0);
        }
        let entry = self.0.entry(name.clone()).or_default();
        let changed = entry.answer != answer;
        entry.answer = answer;
        entry.mark = mark;
        entry.at = Some(Instant::now());
        changed
    }

    /// A machine of that name is connected from now on.
    pub fn watch(&mut self, name: &MachineName) {
        self.0.entry(name.clone()).or_default().watched += 1;
    }

    /// It is not any more.
    pub fn unwatch(&mut self, name: &MachineName) {
        if let Some(entry) = self.0.get_mut(name) {
            entry.watched = entry.watched.saturating_sub(1);
        }
    }

    /// Connected machines whose record is not as it was when it was read.
    pub fn stale<'a>(
        &'a self,
        mark: impl Fn(&MachineName) -> Option<&'a MachineMark>,
    ) -> Vec<MachineName> {
        let stale = self.0.iter().filter(|(name, entry)| {
            let unread = entry.answer == Answer::Unread;
            entry.watched > 0 && (unread || entry.mark.as_ref() != mark(name))
        });
        stale.map(|(name, _)| name.clone()).collect()
    }
}
