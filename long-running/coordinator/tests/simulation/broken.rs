//! A database without its fence: shows that the simulation would find that.

use farm_model::Timestamp;
use farm_model::record::Transition;
use farm_store::{Batch, Committed, Epoch, Loaded, NumberedDecision, Store, StoreError};

/// Lets every leader write, however old.
pub struct Unfenced<S> {
    inner: S,
    newest: Option<Epoch>,
}

impl<S: Store> Unfenced<S> {
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            newest: None,
        }
    }
}

impl<S: Store> Store for Unfenced<S> {
    fn load(&mut self) -> Result<Loaded, StoreError> {
        let loaded = self.inner.load()?;
        self.newest = Some(loaded.epoch);
        Ok(loaded)
    }

    fn commit(&mut self, epoch: Epoch, batch: &Batch) -> Result<Committed, StoreError> {
        self.inner.commit(self.newest.unwrap_or(epoch), batch)
    }

    fn history(&mut self, at: Timestamp) -> Result<Vec<Transition>, StoreError> {
        self.inner.history(at)
    }

    fn history_hours(&mut self) -> Result<Vec<Timestamp>, StoreError> {
        self.inner.history_hours()
    }

    fn decisions(&mut self, after: i64, limit: u32) -> Result<Vec<NumberedDecision>, StoreError> {
        self.inner.decisions(after, limit)
    }
}
