//! Documents about what is not in memory any more. The store is read for them by a task with a store of its own: however
//! much there is to read, the leader goes on meanwhile.

mod read;

use std::time::Duration;

use farm_core::page::{Stored, Wants, wants};
use farm_core::{Farm, ViewKey};
use farm_store::Store;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::leadership::Handle;
use crate::views::Dirty;

/// Builds that are read at once; of what is larger, one.
const BUILDS: usize = 64;

/// Pause before a state that cannot be read is read again.
const AGAIN: Duration = Duration::from_secs(1);

/// What is to be read, or was.
type Asked = Vec<(ViewKey, Wants)>;
type Found = Vec<(ViewKey, Stored)>;

/// The leader's end of the reader.
pub(super) struct Shelf {
    /// Those that wait, each once.
    waiting: Dirty,
    asks: mpsc::Sender<Asked>,
    found: mpsc::Receiver<Result<Found, Asked>>,
    /// Those that are read for.
    reading: Vec<ViewKey>,
    /// Those that can be written.
    ready: Found,
    _reader: JoinSet<()>,
}

impl Shelf {
    /// Starts the reader, which reads through `store`.
    pub(super) fn start(store: Box<dyn Store>) -> Self {
        let (asks, asked) = mpsc::channel(1);
        let (finds, found) = mpsc::channel(1);
        let mut reader = JoinSet::new();
        reader.spawn(serve(Handle::new(store), asked, finds));
        Self {
            waiting: Dirty::default(),
            asks,
            found,
            reading: Vec::new(),
            ready: Vec::new(),
            _reader: reader,
        }
    }

    /// Those of `due` for which memory is enough; the others are read for.
    pub(super) fn sort(&mut self, farm: &Farm, due: Vec<ViewKey>) -> Vec<ViewKey> {
        let (read, known): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|key| wants(farm, key).is_some());
        self.waiting.extend(read);
        known
    }

    /// Reads for the next that wait.
    /// Of what stands for others only while `below` may be.
    pub(super) fn go_on(&mut self, farm: &Farm, below: bool) {
        if !self.reading.is_empty() || self.waiting.is_empty() {
            return;
        }
        let is_build = |key: &ViewKey| matches!(key, ViewKey::Build { .. });
        let may = |key: &ViewKey| below || !matches!(key, ViewKey::Below { .. });
        let mut next = self.waiting.take(1, may);
        if next.iter().all(is_build) {
            next.extend(self.waiting.take(BUILDS - 1, is_build));
        }
        let asked = next.into_iter().filter_map(|key| match wants(farm, &key) {
            Some(wants) => Some((key, wants)),
            None => {
                // It has come back into memory meanwhile.
                self.ready.push((key, Stored::default()));
                None
            }
        });
        let asked: Asked = asked.collect();
        // The one place is free while nothing is read.
        let keys = asked.iter().map(|(key, _)| key.clone()).collect();
        if !asked.is_empty() && self.asks.try_send(asked).is_ok() {
            self.reading = keys;
        }
    }

    /// Until something was read. To be called again after that.
    pub(super) async fn read(&mut self) {
        match self.found.recv().await {
            Some(Ok(found)) => self.ready.extend(found),
            Some(Err(asked)) => self.waiting.extend(asked.into_iter().map(|(key, _)| key)),
            None => return std::future::pending().await,
        }
        self.reading.clear();
    }

    /// What can be written now.
    pub(super) fn take(&mut self) -> Found {
        std::mem::take(&mut self.ready)
    }

    /// Documents that wait.
    pub(super) fn behind(&self) -> usize {
        self.waiting.len() + self.reading.len() + self.ready.len()
    }

    /// Whether a document will be written anew: what it says now is not all.
    pub(super) fn has(&self, key: &ViewKey) -> bool {
        self.waiting.contains(key) || self.reading.contains(key)
    }
}

/// Which documents are below a sheet.
///
/// # Errors
/// The state fails.
pub(super) async fn below(store: Handle, wants: Wants) -> anyhow::Result<Vec<ViewKey>> {
    let stored = store
        .call(move |store| read::all(store, vec![wants]))
        .await?;
    Ok(stored.into_iter().flat_map(|stored| stored.below).collect())
}

/// Reads what is asked for, in portions. What cannot be read now is asked for again, after a while.
async fn serve(
    store: Handle,
    mut asked: mpsc::Receiver<Asked>,
    found: mpsc::Sender<Result<Found, Asked>>,
) {
    while let Some(asked) = asked.recv().await {
        let wants: Vec<Wants> = asked.iter().map(|(_, wants)| wants.clone()).collect();
        let read = store.call(move |store| read::all(store, wants)).await;
        let answer = match read {
            Ok(stored) => Ok(joined(asked, stored)),
            Err(error) => {
                tracing::warn!(%error, "cannot read what pages show of long ago; again in {AGAIN:?}");
                tokio::time::sleep(AGAIN).await;
                Err(asked)
            }
        };
        if found.send(answer).await.is_err() {
            return;
        }
    }
}

fn joined(asked: Asked, stored: Vec<Stored>) -> Found {
    let keys = asked.into_iter().map(|(key, _)| key);
    keys.zip(stored).collect()
}
