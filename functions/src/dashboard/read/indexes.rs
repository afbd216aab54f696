//! Indexes of the logs that people look at, each made once however many ask.

use std::collections::HashMap;
use std::sync::Arc;

use farm_model::id::AttemptKey;
use futures::TryStreamExt;
use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use super::index::Index;
use crate::dashboard::log::{PIECE, Source};
use crate::dashboard::trouble::Trouble;
use crate::dashboard::turns::Turns;

/// Logs of which an index is held; then all go, and are read again when they are asked for.
const MOST: usize = 64;
/// Bytes that are read for one request; the next goes on from there.
const READ: u64 = 512 << 20;

/// Indexes by log.
#[derive(Default)]
pub(in crate::dashboard) struct Indexes {
    held: Mutex<HashMap<AttemptKey, Arc<Turn<Index>>>>,
    turns: Turns,
}

impl Indexes {
    /// The index of a log, up to `end`. While it is held, others who want the same one wait.
    pub(super) async fn of(
        &self,
        attempt: &AttemptKey,
        source: &Source,
        end: u64,
    ) -> Result<OwnedMutexGuard<Index>, Trouble> {
        let mut index = self.slot(attempt).lock_owned().await;
        let missing = end.saturating_sub(index.at());
        if missing > 0 {
            let _turn = match missing > PIECE as u64 {
                true => Some(self.turn().await?),
                false => None,
            };
            read(&mut index, source, end).await?;
        }
        Ok(index)
    }

    /// A turn to read a log from one end to the other.
    pub(super) async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Trouble> {
        self.turns.wait("Too many read large logs at once.").await
    }

    fn slot(&self, attempt: &AttemptKey) -> Arc<Turn<Index>> {
        let mut held = self.held.lock();
        if !held.contains_key(attempt) && held.len() >= MOST {
            held.clear();
        }
        Arc::clone(held.entry(attempt.clone()).or_default())
    }
}

/// Reads on to `end`. What was read stays read, also if the client goes away meanwhile.
async fn read(index: &mut Index, source: &Source, end: u64) -> Result<(), Trouble> {
    let until = index.at().saturating_add(READ);
    let mut pieces = source.pieces(index.at());
    while index.at() < end {
        if index.at() >= until {
            return Err(Trouble::Busy(
                "This log is very long, and is still being read.".to_owned(),
            ));
        }
        let Some(piece) = pieces.try_next().await? else {
            break;
        };
        index.take(&piece);
        // A piece takes a few milliseconds: others have their turn in between.
        tokio::task::yield_now().await;
    }
    Ok(())
}
