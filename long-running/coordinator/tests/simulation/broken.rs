//! A database without its fence: shows that the simulation would find that.

use std::ops::Range;

use farm_model::Timestamp;
use farm_model::id::{BuildId, BuilderName, CommitId, RepoName};
use farm_model::kept::{Kept, KeptKind};
use farm_model::record::{Build, CommitInfo, Run, Transition};
use farm_store::{
    Batch, Committed, Epoch, Keep, Leader, Loaded, NumberedDecision, Placed, RunMark, Store,
    StoreError, Which,
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
    fn take(&mut self) -> Result<Epoch, StoreError> {
        let epoch = self.inner.take()?;
        self.newest = Some(epoch);
        Ok(epoch)
    }

    fn succeed(&mut self, seen: Leader) -> Result<Option<Epoch>, StoreError> {
        let epoch = self.inner.succeed(seen)?;
        self.newest = epoch.or(self.newest);
        Ok(epoch)
    }

    fn read(&mut self, epoch: Epoch, keep: Keep) -> Result<Loaded, StoreError> {
        self.inner.read(epoch, keep)
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

    fn builds(&mut self, ids: &[BuildId]) -> Result<Vec<(Build, Vec<Run>)>, StoreError> {
        self.inner.builds(ids)
    }

    fn find(
        &mut self,
        builder: &BuilderName,
        commit: &CommitId,
    ) -> Result<Vec<(Build, Vec<Run>)>, StoreError> {
        self.inner.find(builder, commit)
    }

    fn builds_of(&mut self, commits: &[CommitId]) -> Result<Vec<(Build, Vec<Run>)>, StoreError> {
        self.inner.builds_of(commits)
    }

    fn numbered(
        &mut self,
        repo: &RepoName,
        branch: &str,
        numbers: Range<u64>,
    ) -> Result<Vec<(u64, CommitInfo)>, StoreError> {
        self.inner.numbered(repo, branch, numbers)
    }

    fn places(&mut self, repo: &RepoName, commit: &CommitId) -> Result<Vec<Placed>, StoreError> {
        self.inner.places(repo, commit)
    }

    fn another(&self) -> Result<Box<dyn Store>, StoreError> {
        self.inner.another()
    }

    fn runs(
        &mut self,
        which: Which,
        after: Option<&RunMark>,
        limit: u32,
    ) -> Result<Vec<(RunMark, Run)>, StoreError> {
        self.inner.runs(which, after, limit)
    }

    fn kept(&mut self, kind: KeptKind) -> Result<Vec<Kept>, StoreError> {
        self.inner.kept(kind)
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
