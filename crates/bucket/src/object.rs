//! The bucket, and the few things it does with objects. All of `object_store` that the rest of the crate sees.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::{
    Error, GetOptions, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, PutResult,
};

use crate::folder::Directories;
use crate::key::Key;
use crate::renewals::Renewals;
use crate::{BucketError, Stored};

/// One bucket; clones share it.
#[derive(Clone)]
pub struct Bucket(Arc<Inner>);

struct Inner {
    url: String,
    place: Place,
    renewals: Renewals,
    #[cfg(feature = "aws")]
    signing: Option<Signing>,
}

/// Lets others read single objects for a while, by addresses that say so.
#[cfg(feature = "aws")]
#[derive(Debug)]
pub struct Signing {
    /// Of the store.
    pub signer: Arc<dyn object_store::signer::Signer>,
    /// What the keys of this bucket lie below.
    pub prefix: object_store::path::Path,
}

/// Where objects lie.
pub enum Place {
    /// Below a folder: no versions, no attributes.
    Folder {
        /// Answers when it is on disk.
        durable: LocalFileSystem,
        /// The same folder; answers when it is written.
        quick: LocalFileSystem,
        /// What is durable of the folder's tree.
        directories: Directories,
    },
    /// In a store with conditional writes whose lists are sorted.
    Versioned(Arc<dyn ObjectStore>),
}

/// Whether a write waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// A power failure after the answer takes nothing.
    ForDisk,
    /// A killed process takes nothing.
    No,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.0.url).finish()
    }
}

impl Bucket {
    pub(crate) fn new(url: &str, place: Place) -> Self {
        Self(Arc::new(Inner {
            url: url.to_owned(),
            place,
            renewals: Renewals::default(),
            #[cfg(feature = "aws")]
            signing: None,
        }))
    }

    /// One whose objects may be handed out.
    #[cfg(feature = "aws")]
    pub(crate) fn signed(url: &str, place: Place, signing: Signing) -> Self {
        Self(Arc::new(Inner {
            url: url.to_owned(),
            place,
            renewals: Renewals::default(),
            signing: Some(signing),
        }))
    }

    #[cfg(feature = "aws")]
    pub(crate) fn signing(&self) -> Option<&Signing> {
        self.0.signing.as_ref()
    }

    pub(crate) fn renewals(&self) -> &Renewals {
        &self.0.renewals
    }

    /// The address it was opened with.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Writes, and removes, an object below `probe/`: shows at start what would fail later.
    ///
    /// # Errors
    /// [`BucketError`], which says what to do.
    pub async fn check_writable(&self) -> Result<(), BucketError> {
        let key = Key::new(&format!("probe/{}", self.random_name()?))?;
        self.create(&key, PutPayload::from_static(b"probe"), Wait::ForDisk)
            .await?;
        self.remove(&key).await
    }

    pub(crate) fn root(&self) -> Option<&Path> {
        self.directories().map(Directories::root)
    }

    /// Whether writes can depend on a version: not in a folder.
    #[must_use]
    pub fn has_versions(&self) -> bool {
        matches!(self.0.place, Place::Versioned(_))
    }

    pub(crate) fn store(&self, wait: Wait) -> &dyn ObjectStore {
        match (&self.0.place, wait) {
            (Place::Folder { durable, .. }, Wait::ForDisk) => durable,
            (Place::Folder { quick, .. }, Wait::No) => quick,
            (Place::Versioned(store), _) => store.as_ref(),
        }
    }

    /// Writes an object that must not be there yet.
    pub(crate) async fn create(
        &self,
        key: &Key,
        payload: PutPayload,
        wait: Wait,
    ) -> Result<Stored, BucketError> {
        let directories = self.directories().filter(|_| wait == Wait::ForDisk);
        if let Some(directories) = directories {
            let prepared = directories.prepare(key.path().as_ref()).await;
            prepared.map_err(|error| self.failed("write", key, error))?;
        }
        let options = PutOptions::from(PutMode::Create);
        match self
            .store(wait)
            .put_opts(key.path(), payload, options)
            .await
        {
            Ok(_) => Ok(Stored::New),
            Err(Error::AlreadyExists { .. }) => {
                if let Some(directories) = directories {
                    let settled = directories.settle(key.path().as_ref()).await;
                    settled.map_err(|error| self.failed("write", key, error))?;
                }
                Ok(Stored::AlreadyThere)
            }
            Err(error) => Err(self.failed("write", key, error)),
        }
    }

    /// Writes an object under the conditions of `mode`, which the caller sorts out.
    pub(crate) async fn put(
        &self,
        key: &Key,
        bytes: Bytes,
        mode: PutMode,
    ) -> object_store::Result<PutResult> {
        self.store(Wait::ForDisk)
            .put_opts(key.path(), bytes.into(), mode.into())
            .await
    }

    /// Writes an object, whatever is there.
    pub(crate) async fn overwrite(&self, key: &Key, bytes: Bytes) -> Result<(), BucketError> {
        match self.put(key, bytes, PutMode::Overwrite).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed("write", key, error)),
        }
    }

    /// An object, if it is there.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<GetResult>, BucketError> {
        self.get_with(key, GetOptions::default()).await
    }

    pub(crate) async fn get_with(
        &self,
        key: &Key,
        options: GetOptions,
    ) -> Result<Option<GetResult>, BucketError> {
        match self.store(Wait::No).get_opts(key.path(), options).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", key, error)),
        }
    }

    /// What was found, as bytes, if it is not larger than `limit`.
    pub(crate) async fn read(
        &self,
        key: &Key,
        found: GetResult,
        limit: u64,
    ) -> Result<Bytes, BucketError> {
        let size = found.range.end.saturating_sub(found.range.start);
        if size > limit {
            let key = key.to_string();
            return Err(BucketError::TooLarge { key, size, limit });
        }
        let bytes = found.bytes().await;
        bytes.map_err(|error| self.failed("read", key, error))
    }

    /// The names directly below `prefix` that come after `after`, sorted, the first `limit` of them, with their sizes.
    pub(crate) async fn list(
        &self,
        prefix: &Key,
        after: Option<&str>,
        limit: usize,
    ) -> Result<BTreeMap<String, u64>, BucketError> {
        let start = format!("{prefix}/");
        let store = self.store(Wait::No);
        let mut objects = match after {
            Some(after) => {
                let offset = Key::new(&format!("{start}{after}"))?;
                store.list_with_offset(Some(prefix.path()), offset.path())
            }
            None => store.list(Some(prefix.path())),
        };
        let mut names = BTreeMap::new();
        while let Some(object) = objects
            .try_next()
            .await
            .map_err(|error| self.failed("list", prefix, error))?
        {
            let name = object.location.as_ref().strip_prefix(&start);
            let Some(name) = name.filter(|name| !name.contains('/')) else {
                continue;
            };
            names.insert(name.to_owned(), object.size);
            if names.len() > limit {
                // The largest goes: a folder lists in any order.
                names.pop_last();
                if self.has_versions() {
                    break;
                }
            }
        }
        Ok(names)
    }

    /// The objects directly below `prefix`, by name: all of them, if they are not more than `limit`.
    pub(crate) async fn list_all(
        &self,
        prefix: &Key,
        limit: usize,
    ) -> Result<BTreeMap<String, ObjectMeta>, BucketError> {
        let start = format!("{prefix}/");
        let mut objects = self.store(Wait::No).list(Some(prefix.path()));
        let mut found = BTreeMap::new();
        while let Some(object) = objects
            .try_next()
            .await
            .map_err(|error| self.failed("list", prefix, error))?
        {
            let name = object.location.as_ref().strip_prefix(&start);
            let name = name.filter(|name| !name.contains('/')).map(str::to_owned);
            found.extend(name.map(|name| (name, object)));
            if found.len() > limit {
                let prefix = prefix.to_string();
                return Err(BucketError::TooMany { prefix, limit });
            }
        }
        Ok(found)
    }

    pub(crate) async fn remove(&self, key: &Key) -> Result<(), BucketError> {
        match self.store(Wait::No).delete(key.path()).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("remove", key, error)),
        }
    }

    /// A name that no other process takes.
    pub(crate) fn random_name(&self) -> Result<String, BucketError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| BucketError::Store {
            bucket: self.0.url.clone(),
            what: "name",
            key: "a new object".to_owned(),
            error: error.to_string().into(),
        })?;
        Ok(hex::encode(bytes))
    }

    pub(crate) fn failed(
        &self,
        what: &'static str,
        key: &Key,
        error: impl std::error::Error + Send + Sync + 'static,
    ) -> BucketError {
        BucketError::Store {
            bucket: self.0.url.clone(),
            what,
            key: key.to_string(),
            error: Box::new(error),
        }
    }

    fn directories(&self) -> Option<&Directories> {
        match &self.0.place {
            Place::Folder { directories, .. } => Some(directories),
            Place::Versioned(_) => None,
        }
    }
}
