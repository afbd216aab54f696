//! Views as they were read a moment ago: however many pages are asked for, each document is read a few times a second.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use farm_bucket::{Bucket, BucketError, ReadView, View};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// What was read so long ago is as good as read now: views are written at most once a second.
const FRESH: Duration = Duration::from_millis(200);
/// Documents that are held; then all go.
const MOST: usize = 256;
/// Their bytes, about.
const MOST_BYTES: usize = 16 << 20;

/// Documents of one kind.
pub(super) struct Views<T> {
    bucket: Bucket,
    fresh: Duration,
    slots: Mutex<HashMap<String, Arc<Slot<T>>>>,
    /// Bytes of what was read since the slots were last emptied: at least those that they hold.
    bytes: AtomicUsize,
}

/// A document that was read.
pub(super) struct Document<T> {
    /// What it says.
    pub(super) view: T,
    /// Its bytes.
    pub(super) bytes: Bytes,
    /// Another after each change; good for an `ETag`.
    pub(super) tag: String,
    version: Option<String>,
}

impl<T: Serialize> Document<T> {
    /// One that nobody has written: `view` is what it would say.
    pub(super) fn unwritten(view: T) -> Result<Self, serde_json::Error> {
        let bytes = Bytes::from(serde_json::to_vec(&view)?);
        Ok(Self {
            view,
            tag: tag(&bytes),
            bytes,
            version: None,
        })
    }
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub(super) enum ViewError {
    /// The bucket.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// Another version of the farm wrote it, or nobody of us.
    #[error("views/{key} cannot be read: {error}")]
    Form {
        key: String,
        error: serde_json::Error,
    },
}

/// One key. Its lock is held while it is read: all who ask meanwhile share the reading.
struct Slot<T>(tokio::sync::Mutex<Known<T>>);

struct Known<T> {
    at: Option<Instant>,
    document: Option<Arc<Document<T>>>,
}

impl<T: DeserializeOwned> Views<T> {
    pub(super) fn new(bucket: Bucket) -> Self {
        Self::every(FRESH, bucket)
    }

    /// Of which each is read again after `fresh` at the earliest.
    pub(super) fn every(fresh: Duration, bucket: Bucket) -> Self {
        Self {
            bucket,
            fresh,
            slots: Mutex::default(),
            bytes: AtomicUsize::new(0),
        }
    }

    /// The document under `key`, if there is one.
    pub(super) async fn get(&self, key: &str) -> Result<Option<Arc<Document<T>>>, ViewError> {
        let slot = self.slot(key);
        let mut known = slot.0.lock().await;
        if known.at.is_none_or(|at| at.elapsed() >= self.fresh) {
            self.read(key, &mut known).await?;
        }
        Ok(known.document.clone())
    }

    async fn read(&self, key: &str, known: &mut Known<T>) -> Result<(), ViewError> {
        let version = known
            .document
            .as_ref()
            .and_then(|document| document.version.clone());
        match self.bucket.get_view_unless(key, version.as_deref()).await? {
            ReadView::Same => {}
            ReadView::Missing => known.document = None,
            ReadView::New(view) => {
                self.bytes.fetch_add(view.bytes.len(), Ordering::Relaxed);
                known.document = Some(Arc::new(parsed(key, view)?));
            }
        }
        known.at = Some(Instant::now());
        Ok(())
    }

    fn slot(&self, key: &str) -> Arc<Slot<T>> {
        let mut slots = self.slots.lock();
        let full = slots.len() >= MOST || self.bytes.load(Ordering::Relaxed) >= MOST_BYTES;
        if full && !slots.contains_key(key) {
            // Those who are read at this moment are held by their readers; the rest is read again when it is asked for.
            slots.clear();
            self.bytes.store(0, Ordering::Relaxed);
        }
        let slot = slots.entry(key.to_owned()).or_insert_with(|| {
            let known = Known {
                at: None,
                document: None,
            };
            Arc::new(Slot(tokio::sync::Mutex::new(known)))
        });
        Arc::clone(slot)
    }
}

fn parsed<T: DeserializeOwned>(key: &str, view: View) -> Result<Document<T>, ViewError> {
    let form = |error| ViewError::Form {
        key: key.to_owned(),
        error,
    };
    Ok(Document {
        view: serde_json::from_slice(&view.bytes).map_err(form)?,
        tag: tag(&view.bytes),
        bytes: view.bytes,
        version: view.version,
    })
}

/// Stores' own versions may hold anything; what a client sees is ours.
fn tag(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn put(bucket: &Bucket, key: &str, text: &'static str) {
        bucket.put_view(key, text.into(), None).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_document_is_read_again_only_after_a_moment() {
        let bucket = Bucket::open("memory:").unwrap();
        let views = Views::<u32>::new(bucket.clone());
        assert!(views.get("a.json").await.unwrap().is_none());
        put(&bucket, "a.json", "1").await;
        tokio::time::advance(FRESH).await;
        let first = views.get("a.json").await.unwrap().unwrap();
        assert_eq!(first.view, 1);
        put(&bucket, "a.json", "2").await;
        assert_eq!(views.get("a.json").await.unwrap().unwrap().view, 1);
        tokio::time::advance(FRESH).await;
        let second = views.get("a.json").await.unwrap().unwrap();
        assert_eq!(second.view, 2);
        assert_ne!(first.tag, second.tag);
    }

    #[tokio::test]
    async fn what_cannot_be_read_names_the_document() {
        let bucket = Bucket::open("memory:").unwrap();
        put(&bucket, "a.json", "{").await;
        let error = Views::<u32>::new(bucket).get("a.json").await.err().unwrap();
        assert!(error.to_string().starts_with("views/a.json cannot be read"));
    }

    #[tokio::test]
    async fn what_is_held_is_bounded() {
        let views = Views::<u32>::new(Bucket::open("memory:").unwrap());
        for n in 0..3 * MOST {
            views.get(&format!("{n}.json")).await.unwrap();
        }
        assert!(views.slots.lock().len() <= MOST);
    }
}
