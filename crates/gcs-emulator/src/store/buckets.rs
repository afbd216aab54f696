//! Buckets come by their first use, or by being asked for.

use super::Store;
use crate::names::BucketName;
use crate::refusal::Refusal;

impl Store {
    /// Makes the bucket if there is none.
    ///
    /// # Errors
    /// The disk.
    pub async fn ensure_bucket(&self, name: &BucketName) -> Result<(), Refusal> {
        if self.has_bucket(name) {
            return Ok(());
        }
        match self.make_bucket(name).await {
            Err(Refusal::BucketAlreadyOwnedByYou) => Ok(()),
            made => made,
        }
    }

    /// Makes a bucket.
    ///
    /// # Errors
    /// There is one, or the disk.
    pub async fn make_bucket(&self, name: &BucketName) -> Result<(), Refusal> {
        let _changing = self.buckets.lock().await;
        if self.has_bucket(name) {
            return Err(Refusal::BucketAlreadyOwnedByYou);
        }
        self.shelf.make_bucket(name).await?;
        self.index.write().entry(name.clone()).or_default();
        Ok(())
    }

    /// Removes a bucket that has no objects. An upload into it that has not ended makes it again.
    ///
    /// # Errors
    /// There is none, it has objects, or the disk.
    pub async fn remove_bucket(&self, name: &BucketName) -> Result<(), Refusal> {
        let _changing = self.buckets.lock().await;
        // A write that has made sure of its bucket may still be about to show its object: that makes the entry again.
        match self.index.read().get(name) {
            None => return Err(Refusal::NoSuchBucket),
            Some(objects) if !objects.is_empty() => return Err(Refusal::BucketNotEmpty),
            Some(_) => {}
        }
        self.shelf.remove_bucket(name).await?;
        let mut index = self.index.write();
        if index.get(name).is_some_and(|objects| objects.is_empty()) {
            index.remove(name);
        }
        Ok(())
    }

    /// Whether there is such a bucket.
    pub fn has_bucket(&self, name: &BucketName) -> bool {
        self.index.read().contains_key(name)
    }

    /// All buckets, by name.
    pub fn list_buckets(&self) -> Vec<BucketName> {
        self.index.read().keys().cloned().collect()
    }
}
