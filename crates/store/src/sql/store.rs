//! [`Store`] on any database that runs our statements.

use std::ops::Range;

use farm_model::Timestamp;
use farm_model::id::{BuildId, BuilderName, CommitId, RepoName};
use farm_model::kept::{Kept, KeptKind};
use farm_model::record::{Build, CommitInfo, Run, Transition};

use super::{Driver, Purpose, Sql, read, write};
use crate::fault::Fault;
use crate::{
    Batch, Committed, Epoch, Keep, Leader, Loaded, NumberedDecision, Placed, RunMark, Store,
    StoreError, Which,
};

/// The answer of `work` in a transaction, with errors that name the database.
fn within<T>(
    driver: &mut (impl Driver + ?Sized),
    purpose: Purpose,
    work: impl Fn(&mut dyn Sql) -> Result<T, Fault>,
) -> Result<T, StoreError> {
    let mut answer = None;
    let done = driver.transact(purpose, &mut |sql| {
        answer = Some(work(sql)?);
        Ok(())
    });
    match (done, answer) {
        (Ok(()), Some(answer)) => Ok(answer),
        (Ok(()), None) => Err(Fault::NoAnswer.at(driver.name())),
        (Err(fault), _) => Err(fault.at(driver.name())),
    }
}

/// Makes this store the leader's. Committed on its own: reading may take its time.
fn take(sql: &mut dyn Sql) -> Result<Epoch, Fault> {
    let epoch = write::next_epoch(sql)?;
    sql.take_seat(epoch.0)?;
    Ok(epoch)
}

impl<D: Driver> Store for D {
    fn take(&mut self) -> Result<Epoch, StoreError> {
        within(self, Purpose::Write, take)
    }

    fn succeed(&mut self, seen: Leader) -> Result<Option<Epoch>, StoreError> {
        within(self, Purpose::Write, |sql| match read::stands(sql, seen)? {
            true => take(sql).map(Some),
            false => Ok(None),
        })
    }

    fn read(&mut self, epoch: Epoch, keep: Keep) -> Result<Loaded, StoreError> {
        within(self, Purpose::Read, |sql| read::loaded(sql, epoch, keep))
    }

    fn commit(&mut self, epoch: Epoch, batch: &Batch) -> Result<Committed, StoreError> {
        within(self, Purpose::Write, |sql| {
            if !write::renew(sql, epoch)? {
                return Ok(Committed::Fenced);
            }
            write::batch(sql, epoch, batch)?;
            Ok(Committed::Yes)
        })
    }

    fn leader(&mut self) -> Result<Leader, StoreError> {
        within(self, Purpose::Read, read::leader)
    }

    fn renew(&mut self, epoch: Epoch) -> Result<Committed, StoreError> {
        within(self, Purpose::Write, |sql| {
            Ok(match write::renew(sql, epoch)? {
                true => Committed::Yes,
                false => Committed::Fenced,
            })
        })
    }

    fn builds(&mut self, ids: &[BuildId]) -> Result<Vec<(Build, Vec<Run>)>, StoreError> {
        within(self, Purpose::Read, |sql| read::builds(sql, ids))
    }

    fn find(
        &mut self,
        builder: &BuilderName,
        commit: &CommitId,
    ) -> Result<Vec<(Build, Vec<Run>)>, StoreError> {
        within(self, Purpose::Read, |sql| read::find(sql, builder, commit))
    }

    fn builds_of(&mut self, commits: &[CommitId]) -> Result<Vec<(Build, Vec<Run>)>, StoreError> {
        within(self, Purpose::Read, |sql| read::builds_of(sql, commits))
    }

    fn numbered(
        &mut self,
        repo: &RepoName,
        branch: &str,
        numbers: Range<u64>,
    ) -> Result<Vec<(u64, CommitInfo)>, StoreError> {
        within(self, Purpose::Read, |sql| {
            read::numbered(sql, repo, branch, &numbers)
        })
    }

    fn places(&mut self, repo: &RepoName, commit: &CommitId) -> Result<Vec<Placed>, StoreError> {
        within(self, Purpose::Read, |sql| read::places(sql, repo, commit))
    }

    fn runs(
        &mut self,
        which: Which,
        after: Option<&RunMark>,
        limit: u32,
    ) -> Result<Vec<(RunMark, Run)>, StoreError> {
        within(self, Purpose::Read, |sql| {
            read::runs(sql, which, after, limit)
        })
    }

    fn kept(&mut self, kind: KeptKind) -> Result<Vec<Kept>, StoreError> {
        within(self, Purpose::Read, |sql| read::kept(sql, kind))
    }

    fn history(&mut self, at: Timestamp) -> Result<Vec<Transition>, StoreError> {
        within(self, Purpose::Read, |sql| read::history(sql, at))
    }

    fn history_hours(&mut self) -> Result<Vec<Timestamp>, StoreError> {
        within(self, Purpose::Read, read::history_hours)
    }

    fn decisions(&mut self, after: i64, limit: u32) -> Result<Vec<NumberedDecision>, StoreError> {
        within(self, Purpose::Read, |sql| {
            read::decisions(sql, after, limit)
        })
    }

    fn another(&self) -> Result<Box<dyn Store>, StoreError> {
        self.reopen()
    }
}
