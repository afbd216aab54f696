//! Transitions by the hour.

use bytes::Bytes;
use farm_model::Timestamp;
use object_store::PutMode;

use crate::key::Key;
use crate::{Bucket, BucketError, hour};

/// The largest hour that is read.
const LARGEST: u64 = 1 << 30;

/// The most hours that are listed: eleven years.
const MOST: usize = 100_000;

impl Bucket {
    /// Writes the hour of `at` anew: lines of JSON.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn put_history(&self, at: Timestamp, bytes: Bytes) -> Result<(), BucketError> {
        let key = history_key(at)?;
        match self.put(&key, bytes, PutMode::Overwrite).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed("write", &key, error)),
        }
    }

    /// The hour of `at`, if there is one.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn get_history(&self, at: Timestamp) -> Result<Option<Bytes>, BucketError> {
        let key = history_key(at)?;
        match self.get(&key).await? {
            Some(found) => self.read(&key, found, LARGEST).await.map(Some),
            None => Ok(None),
        }
    }

    /// The starts of the hours that there are, oldest first.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn list_history(&self) -> Result<Vec<Timestamp>, BucketError> {
        let names = self.list(&Key::new("history")?, None, MOST).await?;
        let start = |name: &String| hour::start(name.strip_suffix(".jsonl")?);
        Ok(names.keys().filter_map(start).collect())
    }
}

fn history_key(at: Timestamp) -> Result<Key, BucketError> {
    Key::new(&format!("history/{}.jsonl", hour::name(at)))
}
