//! Checkpoints of the log of decisions, below `replay/`.

use bytes::Bytes;

use crate::key::Key;
use crate::{Bucket, BucketError};

/// The largest checkpoint that is read.
const LARGEST: u64 = 1 << 30;

/// The most checkpoints that are listed: many more than are kept.
const MOST: usize = 10_000;

impl Bucket {
    /// Writes a checkpoint under a name that sorts by age.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn put_replay(&self, name: &str, bytes: Bytes) -> Result<(), BucketError> {
        let key = checkpoint_key(name)?;
        self.overwrite(&key, bytes).await
    }

    /// A checkpoint, if it is there.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn get_replay(&self, name: &str) -> Result<Option<Bytes>, BucketError> {
        let key = checkpoint_key(name)?;
        match self.get(&key).await? {
            Some(found) => self.read(&key, found, LARGEST).await.map(Some),
            None => Ok(None),
        }
    }

    /// The names of all checkpoints, sorted.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn list_replays(&self) -> Result<Vec<String>, BucketError> {
        let names = self.list(&Key::new("replay")?, None, MOST).await?;
        Ok(names.into_keys().collect())
    }

    /// Removes a checkpoint; it may be gone already.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn remove_replay(&self, name: &str) -> Result<(), BucketError> {
        self.remove(&checkpoint_key(name)?).await
    }
}

fn checkpoint_key(name: &str) -> Result<Key, BucketError> {
    Key::new(&format!("replay/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn checkpoints_are_listed_by_name_until_they_are_removed() {
        let bucket = Bucket::open("memory:").unwrap();
        for name in ["2.json.gz", "1.json.gz"] {
            bucket.put_replay(name, name.into()).await.unwrap();
        }
        let names = bucket.list_replays().await.unwrap();
        assert_eq!(names, ["1.json.gz", "2.json.gz"]);
        bucket.remove_replay("1.json.gz").await.unwrap();
        assert_eq!(bucket.get_replay("1.json.gz").await.unwrap(), None);
        assert_eq!(bucket.list_replays().await.unwrap(), ["2.json.gz"]);
    }
}
