//! A database without its fence: shows that the simulation would find that.

use farm_model::Timestamp;
use farm_model::id::{BuildId, BuilderName, CommitId};
use farm_model::record::{Build, Run, Transition};
use farm_store::{
    Batch, Committed, Epoch, Keep, Leader, Loaded, NumberedDecision, Store, StoreError,
};

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
    fn load(&mut self, keep: Keep) -> Result<Loaded, StoreError> {
        let loaded = self.inner.load(keep)?;
        self.newest = Some(loaded.epoch);
        Ok(loaded)
    }

    fn succeed(&mut self, after: Epoch, keep: Keep) -> Result<Option<Loaded>, StoreError> {
        let loaded = self.inner.succeed(after, keep)?;
        self.newest = loaded.as_ref().map(|loaded| loaded.epoch).or(self.newest);
        Ok(loaded)
    }

    fn commit(&mut self, epoch: Epoch, batch: &Batch) -> Result<Committed, StoreError> {
        self.inner.commit(self.newest.unwrap_or(epoch), batch)
    }

    fn leader(&mut self) -> Result<Leader, StoreError> {
        self.inner.leader()
    }

    fn renew(&mut self, epoch: Epoch) -> Result<Committed, StoreError> {
        self.inner.renew(epoch)
    }

    fn build(&mut self, id: &BuildId) -> Result<Option<(Build, Vec<Run>)>, StoreError> {
        self.inner.build(id)
    }

    fn find(
        &mut self,
        builder: &BuilderName,
        commit: &CommitId,
    ) -> Result<Vec<(Build, Vec<Run>)>, StoreError> {
        self.inner.find(builder, commit)
    }

    fn another(&self) -> Result<Box<dyn Store>, StoreError> {
        self.inner.another()
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
