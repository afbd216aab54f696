//! Blobs that this process has made young again lately. The same log or list of tests is stored again and again, and stores
//! take one write a second of an object: once an hour is enough for what goes by days.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use farm_model::id::BlobId;
use parking_lot::Mutex;

/// For how long a renewal is enough.
const ENOUGH: Duration = Duration::from_hours(1);
/// How many are remembered before all are forgotten; forgetting costs a write each.
const REMEMBERED: usize = 1000;

/// What was renewed, and when.
#[derive(Debug, Default)]
pub struct Renewals(Mutex<HashMap<BlobId, Instant>>);

impl Renewals {
    /// Whether the blob, which is there, has to be written over to be young.
    pub fn is_due(&self, blob: &BlobId) -> bool {
        let known = self.0.lock();
        known.get(blob).is_none_or(|at| at.elapsed() >= ENOUGH)
    }

    /// It was.
    pub fn done(&self, blob: BlobId) {
        let mut known = self.0.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(blob, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_renewed_just_now_is_not_due() {
        let renewals = Renewals::default();
        let blob = |number: usize| -> BlobId { format!("{number:064x}").parse().unwrap() };
        assert!(renewals.is_due(&blob(0)));
        renewals.done(blob(0));
        assert!(!renewals.is_due(&blob(0)) && renewals.is_due(&blob(1)));
        (1..=REMEMBERED).for_each(|number| renewals.done(blob(number)));
        assert!(renewals.0.lock().len() <= REMEMBERED);
    }
}
