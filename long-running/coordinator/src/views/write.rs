//! The writer of documents, and what keeps the writer of an old leader off them.
//!
//! Where the bucket has versions, a document is only written over the version that this leader knows: from its state, or
//! from the bucket, and then only if it still leads after it looked. So whatever a newer leader writes makes the writing of
//! an older one fail. A folder has no versions: there the leader looks before each writing whether it leads, and holds the
//! folder's lock; an old leader that was frozen between the two may still write, and then holds the lock, so what was
//! written without it is written again with it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use farm_bucket::{Bucket, BucketError, FolderLock, PutView};
use farm_core::ViewKey;
use farm_runtime::Clock;
use farm_store::ViewVersion;

use super::{Document, Written};
use crate::leadership::{Fenced, Leadership};

/// Pause before a failed writing is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// Tries of one writing; then the others come first.
const TRIES: u32 = 5;
/// Versions kept in memory. Of a document whose version is not, the bucket is asked.
const KNOWN: usize = 50_000;

/// Writes documents for one leader.
pub(crate) struct Writer {
    bucket: Bucket,
    leadership: Leadership,
    clock: Clock,
    /// By key: what the bucket calls what is there.
    known: HashMap<String, String>,
    guard: Guard,
}

/// The lock of a folder. A bucket with versions has one to be taken at once.
#[derive(Default)]
struct Guard {
    lock: Option<FolderLock>,
    /// Written while another process held the lock.
    unguarded: BTreeSet<ViewKey>,
    told: bool,
}

/// What became of a writing.
enum Outcome {
    /// It is there, under this version if the bucket has versions.
    There(Option<String>),
    /// It can never be written.
    Never,
    /// Not now.
    Later,
}

impl Writer {
    pub(crate) fn new(
        bucket: Bucket,
        leadership: Leadership,
        clock: Clock,
        known: Vec<ViewVersion>,
    ) -> Self {
        let known = known.into_iter().map(|view| (view.key, view.version));
        Self {
            bucket,
            leadership,
            clock,
            known: known.collect(),
            guard: Guard::default(),
        }
    }

    /// Writes a round, however long that takes: pages show nothing newer meanwhile, and say how old they are.
    pub(super) async fn round(&mut self, round: Vec<Document>) -> Result<Written, Fenced> {
        let mut written = Written {
            again: self.guard.take(&self.bucket),
            ..Written::default()
        };
        for (key, text) in round {
            let path = key.path();
            let outcome = match text {
                Some(text) => self.write(&path, &text).await?,
                None => Outcome::Never,
            };
            match outcome {
                Outcome::There(Some(version)) => {
                    self.remember(&path, &version);
                    let (key, at) = (path, self.clock.now());
                    written.versions.push(ViewVersion { key, version, at });
                }
                Outcome::There(None) | Outcome::Never => {}
                Outcome::Later => {
                    written.again.push(key);
                    continue;
                }
            }
            if self.guard.counts(&key) {
                written.keys.push(key);
            }
        }
        Ok(written)
    }

    async fn write(&mut self, path: &str, text: &str) -> Result<Outcome, Fenced> {
        for _ in 0..TRIES {
            match self.try_write(path, text).await? {
                Ok(PutView::Written(version)) => return Ok(Outcome::There(version)),
                // An old leader was quicker, or our own writing was not recorded: look again.
                Ok(PutView::Changed) => drop(self.known.remove(path)),
                Err(error @ BucketError::Key { .. }) => {
                    tracing::error!(%error, "a page that can never be written");
                    return Ok(Outcome::Never);
                }
                Err(error) => {
                    tracing::error!(view = %path, %error, "cannot write; again in {RETRY:?}");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
        Ok(Outcome::Later)
    }

    async fn try_write(
        &mut self,
        path: &str,
        text: &str,
    ) -> Result<Result<PutView, BucketError>, Fenced> {
        let bytes = bytes(text);
        if !self.bucket.has_versions() {
            self.still_leading().await?;
            return Ok(self.bucket.put_view(path, bytes, None).await);
        }
        if let Some(version) = self.known.get(path) {
            return Ok(self.bucket.put_view(path, bytes, Some(version)).await);
        }
        let there = match self.bucket.get_view(path).await {
            Ok(view) => view.map(|view| view.version),
            Err(error) => return Ok(Err(error)),
        };
        // Only now: what a newer leader wrote before we looked would otherwise be taken for an older one's.
        self.still_leading().await?;
        Ok(match there {
            Some(version) => self.bucket.put_view(path, bytes, version.as_deref()).await,
            None => self.bucket.create_view(path, bytes).await,
        })
    }

    async fn still_leading(&self) -> Result<(), Fenced> {
        match self.leadership.holds().await {
            true => Ok(()),
            false => Err(Fenced),
        }
    }

    fn remember(&mut self, path: &str, version: &str) {
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(path.to_owned(), version.to_owned());
    }
}

fn bytes<T: From<String>>(text: &str) -> T {
    text.to_owned().into()
}

impl Guard {
    /// Takes the lock if it can be had; what is to be written again then.
    fn take(&mut self, bucket: &Bucket) -> Vec<ViewKey> {
        if self.lock.is_some() {
            return Vec::new();
        }
        match bucket.lock_folder() {
            Ok(lock) => {
                self.lock = Some(lock);
                std::mem::take(&mut self.unguarded).into_iter().collect()
            }
            Err(error) => {
                if !std::mem::replace(&mut self.told, true) {
                    tracing::warn!(%error, "an earlier leader has not gone, or another farm writes to this bucket");
                }
                Vec::new()
            }
        }
    }

    /// Whether a document that was written now is done with.
    fn counts(&mut self, key: &ViewKey) -> bool {
        let held = self.lock.is_some();
        if !held {
            self.unguarded.insert(key.clone());
        }
        held
    }
}

#[cfg(test)]
mod tests;
