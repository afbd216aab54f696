//! Logs by the SHA-1 of their text, as clients of 2019 ask for them (spec `dashboard.md` 2).

use farm_model::id::{AttemptKey, LogHash};

use crate::key::Key;
use crate::object::Wait;
use crate::{Bucket, BucketError, Stored};

/// Of a key of an attempt as JSON, in bytes.
const LARGEST: u64 = 4 << 10;

impl Bucket {
    /// Notes that the log of `attempt` has this hash. The first of several attempts with the same log stays.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn put_log_hash(
        &self,
        hash: &LogHash,
        attempt: &AttemptKey,
    ) -> Result<Stored, BucketError> {
        let key = key_of(hash)?;
        let text = serde_json::to_vec(attempt).map_err(|error| damaged(&key, &error))?;
        self.create(&key, text.into(), Wait::No).await
    }

    /// Whose log has this hash, if one has.
    ///
    /// # Errors
    /// [`BucketError`]; also when what is there does not read.
    pub async fn log_by_hash(&self, hash: &LogHash) -> Result<Option<AttemptKey>, BucketError> {
        let key = key_of(hash)?;
        let Some(found) = self.get(&key).await? else {
            return Ok(None);
        };
        let bytes = self.read(&key, found, LARGEST).await?;
        let attempt = serde_json::from_slice(&bytes).map_err(|error| damaged(&key, &error))?;
        Ok(Some(attempt))
    }
}

fn key_of(hash: &LogHash) -> Result<Key, BucketError> {
    Key::new(&format!("logs/by-hash/{hash}.json"))
}

fn damaged(key: &Key, error: &serde_json::Error) -> BucketError {
    BucketError::Damaged {
        key: key.to_string(),
        reason: error.to_string(),
    }
}
