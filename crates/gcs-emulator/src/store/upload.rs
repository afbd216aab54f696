//! Multipart uploads: <https://cloud.google.com/storage/docs/multipart-uploads>.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::Store;
use crate::digest::Digest;
use crate::meta::{Described, Meta};
use crate::names::{BucketName, Place};
use crate::precondition::Preconditions;
use crate::refusal::Refusal;
use crate::shelf::{Body, Draft, Record};

/// Names an upload: 32 hex digits. What a client makes up is none that there is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UploadId(String);

impl UploadId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for UploadId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How an upload began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Where the object will be.
    pub place: Place,
    /// What was said of it.
    pub described: Described,
    /// Microseconds since the Unix epoch.
    pub at: u64,
}

/// A part that has come.
#[derive(Debug, Clone)]
pub struct Part {
    /// In bytes.
    pub size: u64,
    /// Of its content.
    pub digest: Digest,
    /// Microseconds since the Unix epoch.
    pub modified: u64,
    /// Its bytes.
    pub body: Body,
}

impl Part {
    /// Its tag, in quotes: what completing the upload names it by.
    pub fn etag(&self) -> String {
        format!("\"{}\"", hex::encode(self.digest.md5))
    }
}

/// An upload that lasts.
#[derive(Debug)]
pub struct Upload {
    begun: Begun,
    /// None once it has ended: a part that comes then is too late.
    parts: Mutex<Option<BTreeMap<u32, Part>>>,
}

impl Upload {
    pub(super) fn new(begun: Begun, parts: BTreeMap<u32, Part>) -> Self {
        let parts = Mutex::new(Some(parts));
        Self { begun, parts }
    }
}

impl Store {
    /// Begins an upload.
    ///
    /// # Errors
    /// The disk.
    pub async fn begin_upload(
        &self,
        place: Place,
        described: Described,
    ) -> Result<UploadId, Refusal> {
        self.ensure_bucket(&place.bucket).await?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
        let id = UploadId(hex::encode(random));
        let at = self.clock.micros();
        let begun = Begun {
            place,
            described,
            at,
        };
        self.shelf.begin_upload(&id, &begun).await?;
        let upload = Arc::new(Upload::new(begun, BTreeMap::new()));
        self.uploads.lock().insert(id.clone(), upload);
        Ok(id)
    }

    /// Keeps what came as part `number`, in place of one that came before.
    ///
    /// # Errors
    /// No such upload, or the disk.
    pub async fn put_part(
        &self,
        place: &Place,
        id: &UploadId,
        number: u32,
        mut draft: Draft,
    ) -> Result<(Digest, String), Refusal> {
        let upload = self.upload(place, id)?;
        let (size, digest, modified) = (draft.size(), draft.digest(), self.clock.micros());
        let record = Record::Part {
            size,
            digest,
            modified,
        };
        draft.seal(&record).await?;
        let mut parts = upload.parts.lock().await;
        let parts = parts.as_mut().ok_or(Refusal::NoSuchUpload)?;
        let body = self.shelf.keep_part(draft, id, number).await?;
        let part = Part {
            size,
            digest,
            modified,
            body,
        };
        let etag = part.etag();
        parts.insert(number, part);
        Ok((digest, etag))
    }

    /// The parts that have come.
    ///
    /// # Errors
    /// No such upload.
    pub async fn parts(
        &self,
        place: &Place,
        id: &UploadId,
    ) -> Result<BTreeMap<u32, Part>, Refusal> {
        let upload = self.upload(place, id)?;
        let parts = upload.parts.lock().await;
        parts.clone().ok_or(Refusal::NoSuchUpload)
    }

    /// Puts the named parts (number and tag, in ascending order) together into the object. Parts that are not named go.
    ///
    /// # Errors
    /// No such upload, parts that are not as they were named, the conditions, or the disk.
    pub async fn complete_upload(
        &self,
        place: &Place,
        id: &UploadId,
        named: &[(u32, String)],
        conditions: &Preconditions,
    ) -> Result<Meta, Refusal> {
        let upload = self.upload(place, id)?;
        let mut parts = upload.parts.lock().await;
        let known = parts.as_ref().ok_or(Refusal::NoSuchUpload)?;
        let chosen = choose(known, named, self.smallest_part)?;
        let draft = self.join(&chosen).await?;
        let described = upload.begun.described.clone();
        let count = u32::try_from(chosen.len()).ok();
        let meta = self.put(place, draft, described, conditions, count).await?;
        *parts = None;
        self.forget_upload(id).await?;
        Ok(meta)
    }

    /// Ends an upload; its parts go.
    ///
    /// # Errors
    /// No such upload, or the disk.
    pub async fn abort_upload(&self, place: &Place, id: &UploadId) -> Result<(), Refusal> {
        let upload = self.upload(place, id)?;
        let mut parts = upload.parts.lock().await;
        parts.take().ok_or(Refusal::NoSuchUpload)?;
        self.forget_upload(id).await
    }

    /// The uploads into a bucket that last, by name of the object, then by id.
    pub fn list_uploads(&self, bucket: &BucketName) -> Vec<(UploadId, Begun)> {
        let uploads = self.uploads.lock();
        let here = uploads
            .iter()
            .filter(|(_, upload)| upload.begun.place.bucket == *bucket);
        let mut found: Vec<_> = here
            .map(|(id, upload)| (id.clone(), upload.begun.clone()))
            .collect();
        found.sort_by(|(_, a), (_, b)| a.place.name.cmp(&b.place.name));
        found
    }

    fn upload(&self, place: &Place, id: &UploadId) -> Result<Arc<Upload>, Refusal> {
        let upload = self.uploads.lock().get(id).cloned();
        let upload = upload.filter(|upload| upload.begun.place == *place);
        upload.ok_or(Refusal::NoSuchUpload)
    }

    async fn forget_upload(&self, id: &UploadId) -> Result<(), Refusal> {
        self.uploads.lock().remove(id);
        Ok(self.shelf.end_upload(id).await?)
    }

    /// Copies the parts one after the other; memory holds a piece of one at a time.
    async fn join(&self, parts: &[&Part]) -> Result<Draft, Refusal> {
        let mut draft = self.draft().await?;
        for part in parts {
            let content = part.body.read(0..part.size).await?;
            let mut content = content.ok_or(Refusal::NoSuchUpload)?;
            while let Some(piece) = content.try_next().await? {
                draft.write(&piece).await?;
            }
        }
        Ok(draft)
    }
}

fn choose<'a>(
    known: &'a BTreeMap<u32, Part>,
    named: &[(u32, String)],
    smallest: u64,
) -> Result<Vec<&'a Part>, Refusal> {
    if named.is_empty() {
        let reason = "an upload is completed with at least one part";
        return Err(Refusal::InvalidArgument(reason.to_owned()));
    }
    if named.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        return Err(Refusal::InvalidPartOrder);
    }
    let bare = |tag: &str| tag.trim().trim_matches('"').to_owned();
    let mut chosen = Vec::new();
    for (number, etag) in named {
        let part = known
            .get(number)
            .filter(|part| bare(&part.etag()) == bare(etag));
        chosen.push(part.ok_or(Refusal::InvalidPart(*number))?);
    }
    let mut all_but_last = named.iter().zip(&chosen).take(named.len() - 1);
    match all_but_last.find(|(_, part)| part.size < smallest) {
        Some(((number, _), part)) => Err(Refusal::EntityTooSmall {
            number: *number,
            size: part.size,
            smallest,
        }),
        None => Ok(chosen),
    }
}
