//! What lies below a prefix, object by object, for whoever removes what is not wanted any more.

use std::path::PathBuf;

use farm_model::Timestamp;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::{GetOptions, ObjectMeta};

use crate::history;
use crate::key::Key;
use crate::object::Wait;
use crate::{Bucket, BucketError, hour};

/// Removals at once.
const AT_ONCE: usize = 8;

/// An object as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its key.
    key: Key,
    /// What its key begins with, without the `/`.
    prefix: usize,
    /// In bytes.
    size: u64,
    /// When it was written, by the store's clock, to the second: a list knows more, a single look does not.
    written: Timestamp,
}

impl Found {
    /// Its key below the prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.key.path().as_ref()[self.prefix + 1..]
    }

    /// Its whole key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key.path().as_ref()
    }

    /// In bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The last moment that it tells of: that of its key, where it names an hour, or a moment, as in `deliveries/` and
    /// `history/`; else when it was written.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        let named = match self.key().split_once('/') {
            Some(("deliveries", name)) => name.split('/').nth(1).and_then(hour::end),
            Some(("history", name)) => history::end(name),
            _ => None,
        };
        named.unwrap_or(self.written)
    }

    fn of(object: ObjectMeta, prefix: &Key) -> Option<Self> {
        let key = Key::new(object.location.as_ref()).ok()?;
        let prefix = prefix.path().as_ref().len();
        Some(Self {
            key,
            prefix,
            size: object.size,
            written: written(&object)?,
        })
    }
}

fn written(object: &ObjectMeta) -> Option<Timestamp> {
    Timestamp::from_second(object.last_modified.timestamp()).ok()
}

/// What is found below a prefix, as it comes.
pub type Walk = BoxStream<'static, Result<Found, BucketError>>;

impl Bucket {
    /// Everything below `prefix`, a page at a time as it is read. What somebody else has laid there, under a key that none of
    /// ours has, is passed over.
    ///
    /// # Errors
    /// [`BucketError`]: the prefix cannot be one.
    pub fn walk(&self, prefix: &str) -> Result<Walk, BucketError> {
        let prefix = Key::new(prefix)?;
        let objects = self.store(Wait::No).list(Some(prefix.path()));
        let bucket = self.clone();
        let found = objects.filter_map(move |object| {
            let found = match object {
                Ok(object) => Found::of(object, &prefix).map(Ok),
                // It was removed between its name and its age.
                Err(object_store::Error::NotFound { .. }) => None,
                Err(error) => Some(Err(bucket.failed("list", &prefix, error))),
            };
            futures::future::ready(found)
        });
        Ok(found.boxed())
    }

    /// Removes those of `found` that are as old as they were found; what was written over in a later second stays. A folder
    /// loses directories that become empty by it. Which were removed: those that were gone already are not among them.
    ///
    /// `object_store` has no removal on a condition, so between the look and the removal lie some milliseconds.
    ///
    /// # Errors
    /// [`BucketError`]; others may have been removed by then.
    pub async fn remove_unchanged(&self, found: Vec<Found>) -> Result<Vec<Found>, BucketError> {
        let removals = found.into_iter().map(|found| async move {
            let removed = self.remove_one(&found).await?;
            Ok(removed.then_some(found))
        });
        let removed = stream::iter(removals).buffer_unordered(AT_ONCE);
        removed
            .try_filter_map(futures::future::ok)
            .try_collect()
            .await
    }

    async fn remove_one(&self, found: &Found) -> Result<bool, BucketError> {
        let head = GetOptions::new().with_head(true);
        let now = self.get_with(&found.key, head).await?;
        if now.is_none_or(|now| written(&now.meta) != Some(found.written)) {
            return Ok(false);
        }
        self.remove(&found.key).await?;
        self.remove_empty_above(found.key()).await;
        Ok(true)
    }

    /// Removes the directories that an object of a folder lay in, below its prefix, as far as they are empty.
    async fn remove_empty_above(&self, key: &str) {
        let Some(root) = self.root() else { return };
        let directories = key.match_indices('/').skip(1);
        let directories = directories.map(|(end, _)| root.join(&key[..end]));
        let directories: Vec<PathBuf> = directories.collect();
        if directories.is_empty() {
            return;
        }
        // The deepest first. One that is not empty stays, and so do those above it.
        let emptied = move || {
            let mut deepest = directories.iter().rev();
            deepest.all(|directory| std::fs::remove_dir(directory).is_ok());
        };
        let _ = tokio::task::spawn_blocking(emptied).await;
    }
}
