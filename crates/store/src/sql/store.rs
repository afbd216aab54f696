//! [`Store`] on any database that runs our statements.

use farm_model::Timestamp;
use farm_model::id::{BuildId, BuilderName, CommitId};
use farm_model::record::{Build, Run, Transition};

use super::{Driver, Purpose, Sql, read, write};
use crate::fault::Fault;
use crate::{Batch, Committed, Epoch, Keep, Leader, Loaded, NumberedDecision, Store, StoreError};

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

/// Whether `epoch` leads; nobody else can take over before the transaction ends.
fn leads(sql: &mut dyn Sql, epoch: Epoch) -> Result<bool, Fault> {
    Ok(read::epoch_held(sql)? == epoch)
}

/// Makes this store the leader's.
fn take(sql: &mut dyn Sql) -> Result<Epoch, Fault> {
    let epoch = write::next_epoch(sql)?;
    sql.take_seat(epoch.0)?;
    Ok(epoch)
}

impl<D: Driver> Store for D {
    fn load(&mut self, keep: Keep) -> Result<Loaded, StoreError> {
        // Committed on its own: from here on an older leader is fenced, and reading may take its time.
        let epoch = within(self, Purpose::Write, take)?;
        within(self, Purpose::Read, |sql| read::loaded(sql, epoch, keep))
    }

    fn succeed(&mut self, after: Epoch, keep: Keep) -> Result<Option<Loaded>, StoreError> {
        let epoch = within(self, Purpose::Write, |sql| match leads(sql, after)? {
            true => take(sql).map(Some),
            false => Ok(None),
        })?;
        epoch
            .map(|epoch| within(self, Purpose::Read, |sql| read::loaded(sql, epoch, keep)))
            .transpose()
    }

    fn commit(&mut self, epoch: Epoch, batch: &Batch) -> Result<Committed, StoreError> {
        within(self, Purpose::Write, |sql| {
            if !leads(sql, epoch)? {
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
            if !leads(sql, epoch)? {
                return Ok(Committed::Fenced);
            }
            write::renew(sql)?;
            Ok(Committed::Yes)
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
