//! Content by its SHA-256.

use std::io;
use std::ops::Range;
use std::pin::pin;

use bytes::Bytes;
use farm_model::id::BlobId;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use object_store::{GetOptions, ObjectStoreExt, WriteMultipart};
use sha2::{Digest, Sha256};

use crate::key::Key;
use crate::object::Wait;
use crate::{Bucket, BucketError, Stored};

/// From here on a digest is taken on a thread that may block.
const LARGE: usize = 256 << 10;

/// Part of a large upload: as S3 wants, at least 5 MiB and at most 10,000 of them.
const PART: usize = 8 << 20;

/// Parts under way at once, and so how much of a stream is held in memory.
const PARTS_AT_ONCE: usize = 2;

/// How long an address that is handed out is good.
#[cfg(feature = "aws")]
const HANDED_OUT: std::time::Duration = std::time::Duration::from_mins(5);

/// A blob that is read as it comes.
pub struct BlobStream {
    /// Its length in bytes.
    pub size: u64,
    /// Its bytes.
    pub bytes: BoxStream<'static, io::Result<Bytes>>,
}

impl Bucket {
    /// Stores `bytes` under their digest. They are durable when this answers, and as young as if they were new: whoever
    /// removes blobs goes by their age.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn put_blob(&self, bytes: Bytes) -> Result<BlobId, BucketError> {
        let hash = digest(bytes.clone()).await?;
        let (id, key) = named(hash)?;
        let stored = self.create(&key, bytes.clone().into(), Wait::ForDisk);
        if stored.await? == Stored::AlreadyThere && self.renewals().is_due(&id) {
            self.overwrite(&key, bytes).await?;
            self.renewals().done(id.clone());
        }
        Ok(id)
    }

    /// Stores all of `stream`, which may be larger than memory but not than `limit` bytes, and checks that it is
    /// `expected`. Until it is complete it lies below `staging/`, where a killed process leaves it.
    ///
    /// # Errors
    /// [`BucketError::Source`], [`BucketError::TooLarge`], [`BucketError::Digest`], or what the store says; no blob is
    /// stored then.
    pub async fn put_blob_from(
        &self,
        stream: impl Stream<Item = io::Result<Bytes>> + Send,
        limit: u64,
        expected: Option<&BlobId>,
    ) -> Result<BlobId, BucketError> {
        let staging = Key::new(&format!("staging/{}", self.random_name()?))?;
        let id = self.stage(&staging, stream, limit, expected).await?;
        let (_, key) = named(id.to_string())?;
        // Over one that is there already, which has the same content and grows young by it.
        let store = self.store(Wait::ForDisk);
        let renamed = store.rename(staging.path(), key.path()).await;
        renamed.map_err(|error| self.failed("write", &key, error))?;
        Ok(id)
    }

    /// A blob that has at most `limit` bytes, if it is there.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn get_blob(&self, id: &BlobId, limit: u64) -> Result<Option<Bytes>, BucketError> {
        let key = blob_key(id)?;
        match self.get(&key).await? {
            Some(found) => self.read(&key, found, limit).await.map(Some),
            None => Ok(None),
        }
    }

    /// A blob as a stream, if it is there.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn stream_blob(&self, id: &BlobId) -> Result<Option<BlobStream>, BucketError> {
        let found = self.get(&blob_key(id)?).await?;
        Ok(found.map(|found| BlobStream {
            size: found.meta.size,
            bytes: found.into_stream().map_err(io::Error::other).boxed(),
        }))
    }

    /// Bytes of a blob, if it is there: what it has of `range`.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn get_blob_range(
        &self,
        id: &BlobId,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, BucketError> {
        let Some(size) = self.blob_size(id).await? else {
            return Ok(None);
        };
        let range = range.start..range.end.min(size);
        if range.is_empty() {
            return Ok(Some(Bytes::new()));
        }
        let (key, len) = (blob_key(id)?, range.end - range.start);
        let options = GetOptions::new().with_range(Some(range));
        match self.get_with(&key, options).await? {
            Some(found) => self.read(&key, found, len).await.map(Some),
            None => Ok(None),
        }
    }

    /// Bytes of a blob as a stream, if it is there: what it has of `range`, which must not be empty.
    ///
    /// # Errors
    /// [`BucketError`]; the range begins behind the blob's end.
    pub async fn stream_blob_range(
        &self,
        id: &BlobId,
        range: Range<u64>,
    ) -> Result<Option<BlobStream>, BucketError> {
        let options = GetOptions::new().with_range(Some(range));
        let found = self.get_with(&blob_key(id)?, options).await?;
        Ok(found.map(|found| BlobStream {
            size: found.range.end - found.range.start,
            bytes: found.into_stream().map_err(io::Error::other).boxed(),
        }))
    }

    /// An address at which anybody reads the blob for five minutes, without asking us, as of the type `media`; none where
    /// the bucket hands out none (in a folder, in memory, on Google Cloud: there an answer may be of any length).
    ///
    /// # Errors
    /// [`BucketError`]: there are no credentials to sign with.
    #[cfg_attr(
        not(feature = "aws"),
        expect(clippy::unused_async, reason = "AWS asks for credentials")
    )]
    pub async fn blob_url(&self, id: &BlobId, media: &str) -> Result<Option<String>, BucketError> {
        #[cfg(feature = "aws")]
        if let Some(signing) = self.signing() {
            return self.sign(signing, &blob_key(id)?, media).await.map(Some);
        }
        let _ = (id, media);
        Ok(None)
    }

    #[cfg(feature = "aws")]
    async fn sign(
        &self,
        signing: &crate::object::Signing,
        key: &Key,
        media: &str,
    ) -> Result<String, BucketError> {
        use object_store::signer::{Method, SignedUrlOptions};

        // The store sends what it is asked to (API reference of GetObject: `response-content-type`).
        let options = SignedUrlOptions::new().with_query([("response-content-type", media)]);
        let path = signing.prefix.parts().chain(key.path().parts()).collect();
        let signer = &signing.signer;
        let url = signer.signed_url_opts(Method::GET, &path, HANDED_OUT, &options);
        let url = url.await.map_err(|error| self.failed("sign", key, error))?;
        Ok(url.to_string())
    }

    /// Whether the blob is there.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn has_blob(&self, id: &BlobId) -> Result<bool, BucketError> {
        Ok(self.blob_size(id).await?.is_some())
    }

    /// The blob's length in bytes, if it is there.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn blob_size(&self, id: &BlobId) -> Result<Option<u64>, BucketError> {
        let head = GetOptions::new().with_head(true);
        let found = self.get_with(&blob_key(id)?, head).await?;
        Ok(found.map(|found| found.meta.size))
    }

    /// Uploads the stream to `staging`, completely or not at all.
    async fn stage(
        &self,
        staging: &Key,
        stream: impl Stream<Item = io::Result<Bytes>> + Send,
        limit: u64,
        expected: Option<&BlobId>,
    ) -> Result<BlobId, BucketError> {
        let failed = |error| self.failed("write", staging, error);
        let store = self.store(Wait::ForDisk);
        let upload = store.put_multipart(staging.path()).await.map_err(failed)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
        match self
            .fill(&mut upload, staging, stream, limit, expected)
            .await
        {
            Ok(id) => {
                upload.finish().await.map_err(failed)?;
                Ok(id)
            }
            Err(error) => {
                // The first error is the one to tell; what an abort leaves behind, the staging area's expiry removes.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }

    async fn fill(
        &self,
        upload: &mut WriteMultipart,
        staging: &Key,
        stream: impl Stream<Item = io::Result<Bytes>> + Send,
        limit: u64,
        expected: Option<&BlobId>,
    ) -> Result<BlobId, BucketError> {
        let mut stream = pin!(stream);
        let (mut hash, mut size) = (Sha256::new(), 0);
        while let Some(bytes) = stream.next().await {
            let bytes = bytes.map_err(BucketError::Source)?;
            size += bytes.len() as u64;
            if size > limit {
                let key = "a new blob".to_owned();
                return Err(BucketError::TooLarge { key, size, limit });
            }
            hash.update(&bytes);
            let room = upload.wait_for_capacity(PARTS_AT_ONCE).await;
            room.map_err(|error| self.failed("write", staging, error))?;
            upload.put(bytes);
        }
        let (id, _) = named(hex::encode(hash.finalize()))?;
        match expected {
            Some(expected) if *expected != id => Err(BucketError::Digest {
                expected: expected.to_string(),
                found: id.to_string(),
            }),
            _ => Ok(id),
        }
    }
}

async fn digest(bytes: Bytes) -> Result<String, BucketError> {
    let small = bytes.len() < LARGE;
    let work = move || hex::encode(Sha256::digest(&bytes));
    if small {
        return Ok(work());
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| BucketError::Source(io::Error::other(error)))
}

fn blob_key(id: &BlobId) -> Result<Key, BucketError> {
    Key::new(&format!("blobs/{id}"))
}

/// The blob with the digest `hash`.
fn named(hash: String) -> Result<(BlobId, Key), BucketError> {
    let refused = |error: farm_model::id::IdError| BucketError::Key {
        key: error.text,
        rule: error.rule,
    };
    let id: BlobId = hash.try_into().map_err(refused)?;
    let key = blob_key(&id)?;
    Ok((id, key))
}
