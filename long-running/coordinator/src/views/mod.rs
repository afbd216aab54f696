//! Writes read models to the bucket: each document at most once a second, the first change at once.

mod dirty;
mod write;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use farm_core::ViewKey;
use farm_store::ViewVersion;

pub(crate) use dirty::Dirty;
pub(crate) use write::Writer;

/// The least time between two writings of one document.
const INTERVAL: Duration = Duration::from_secs(1);
/// Documents under way at once.
const ROUND: usize = 64;

/// A document to write; without text it has nothing to show and is left as it is.
pub(crate) type Document = (ViewKey, Option<String>);

/// What became of a round.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Documents that are in the bucket, or never will be.
    pub(crate) keys: Vec<ViewKey>,
    /// What the bucket calls those that are.
    pub(crate) versions: Vec<ViewVersion>,
    /// Documents to be written again.
    again: Vec<ViewKey>,
}

/// The leader's end of the writer, and what is out of date.
pub(crate) struct Views {
    rounds: mpsc::Sender<Vec<Document>>,
    done: mpsc::Receiver<Written>,
    dirty: Dirty,
    written: HashMap<ViewKey, Instant>,
    writing: bool,
}

/// Starts the writer.
pub(crate) fn start(tasks: &mut JoinSet<()>, mut writer: Writer) -> Views {
    let (rounds, mut incoming) = mpsc::channel::<Vec<Document>>(1);
    let (outgoing, done) = mpsc::channel(1);
    tasks.spawn(async move {
        while let Some(round) = incoming.recv().await {
            // A leader that is fenced is told so by the same leadership, and asks for no more.
            let Ok(written) = writer.round(round).await else {
                return;
            };
            if outgoing.send(written).await.is_err() {
                return;
            }
        }
    });
    Views {
        rounds,
        done,
        dirty: Dirty::default(),
        written: HashMap::new(),
        writing: false,
    }
}

impl Views {
    /// These are out of date.
    pub(crate) fn mark(&mut self, keys: impl IntoIterator<Item = ViewKey>) {
        self.dirty.extend(keys);
    }

    /// Whether a round is under way.
    pub(crate) fn is_writing(&self) -> bool {
        self.writing
    }

    /// Which documents to render now; empty while a round is under way.
    pub(crate) fn due(&mut self) -> Vec<ViewKey> {
        if self.writing {
            return Vec::new();
        }
        self.written.retain(|_, at| at.elapsed() < INTERVAL);
        let (dirty, written) = (&mut self.dirty, &self.written);
        dirty.take(ROUND, |key| !written.contains_key(key))
    }

    /// The last pages are written now, however lately they were written before.
    pub(crate) fn hurry(&mut self) {
        self.written.clear();
    }

    /// Hands rendered documents to the writer.
    pub(crate) fn write(&mut self, round: Vec<Document>) {
        if round.is_empty() {
            return;
        }
        let now = Instant::now();
        self.written
            .extend(round.iter().map(|(key, _)| (key.clone(), now)));
        // `due` hands out a round only while none is under way, so the one place is free.
        self.writing = self.rounds.try_send(round).is_ok();
    }

    /// The next round that is written: its documents, less those that changed again meanwhile.
    pub(crate) async fn written(&mut self) -> Written {
        let Some(mut written) = self.done.recv().await else {
            return std::future::pending().await;
        };
        self.writing = false;
        self.dirty.extend(written.again.drain(..));
        written.keys.retain(|key| !self.dirty.contains(key));
        written
    }

    /// Whether a document is out of date or under way.
    pub(crate) fn is_behind(&self) -> bool {
        self.writing || !self.dirty.is_empty()
    }

    /// Documents that are out of date.
    pub(crate) fn behind(&self) -> usize {
        self.dirty.len()
    }

    /// When the next document may be written, if one waits.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        if self.writing {
            return None;
        }
        if self.dirty.len() > self.written.len() {
            // One at least was not written lately.
            return Some(Instant::now());
        }
        self.dirty
            .iter()
            .map(|key| {
                self.written
                    .get(key)
                    .map_or_else(Instant::now, |at| *at + INTERVAL)
            })
            .min()
    }
}
