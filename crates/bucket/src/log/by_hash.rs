//! Logs by the SHA-1 of their text, as clients of 2019 name them: `logs/by-hash/<sha1>.json` names an attempt.

use farm_model::id::{AttemptKey, LogHash};

use crate::key::Key;
use crate::object::Wait;
use crate::{Bucket, BucketError, Stored};

/// Bytes of such an object.
const LONGEST: u64 = 1024;

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
        let key = Key::new(&format!("logs/by-hash/{hash}.json"))?;
        let text = serde_json::to_vec(attempt).map_err(|error| BucketError::Damaged {
            key: key.to_string(),
            reason: error.to_string(),
        })?;
        self.create(&key, text.into(), Wait::No).await
    }

    /// An attempt whose log has this text, if one is known.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn log_by_hash(&self, hash: &LogHash) -> Result<Option<AttemptKey>, BucketError> {
        let key = Key::new(&format!("logs/by-hash/{hash}.json"))?;
        let Some(found) = self.get(&key).await? else {
            return Ok(None);
        };
        let bytes = self.read(&key, found, LONGEST).await?;
        let attempt = serde_json::from_slice(&bytes).map_err(|error| BucketError::Damaged {
            key: key.to_string(),
            reason: error.to_string(),
        })?;
        Ok(Some(attempt))
    }
}
