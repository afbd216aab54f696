//! Where bytes lie: in a folder, or in memory. It knows neither buckets in use nor conditions: what is handed in is kept,
//! and what is kept is found again after the process was killed.

mod draft;
mod folder;
mod memory;
mod read;
mod recover;
mod trailer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

pub use self::draft::Draft;
pub use self::folder::OpenError;
pub use self::read::Content;
pub use self::recover::Found;
pub use self::trailer::Record;

use self::draft::Sink;
use self::folder::Folder;
use self::memory::{Held, Memory};
use crate::names::{BucketName, Place};
use crate::options::Options;
use crate::store::upload::{Begun, UploadId};

/// Where everything lies.
#[derive(Debug)]
pub enum Shelf {
    /// In a folder, fsynced before it is answered.
    Folder(Folder),
    /// In memory, up to a limit.
    Memory(Memory),
}

/// Where one object or part lies. Its bytes never change.
#[derive(Debug, Clone)]
pub enum Body {
    /// At the start of this file.
    File(PathBuf),
    /// In memory.
    Memory(Arc<Vec<Bytes>>, Arc<Held>),
}

impl Shelf {
    /// Opens the folder or an empty memory, and says what is there.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn open(options: &Options) -> Result<(Self, Found), OpenError> {
        match &options.data {
            Some(path) => {
                let folder = Folder::open(path)?;
                let found = recover::read(&folder)?;
                Ok((Self::Folder(folder), found))
            }
            None => {
                let memory = Memory::new(options.memory_bytes);
                Ok((Self::Memory(memory), Found::default()))
            }
        }
    }

    /// Something new, of which nothing is there yet.
    pub async fn draft(&self) -> io::Result<Draft> {
        Ok(Draft::new(match self {
            Self::Folder(folder) => Sink::file(folder.staged()).await?,
            Self::Memory(memory) => Sink::memory(memory.clone()),
        }))
    }

    /// Keeps a sealed draft as this generation of the object at `place`.
    pub async fn keep_object(
        &self,
        draft: Draft,
        place: &Place,
        generation: u64,
    ) -> io::Result<Body> {
        let folder = self.folder();
        draft
            .keep(folder.map(|folder| folder.object(place, generation)))
            .await
    }

    /// Keeps a sealed draft as part `number` of an upload, in place of the one that was there.
    pub async fn keep_part(
        &self,
        draft: Draft,
        upload: &UploadId,
        number: u32,
    ) -> io::Result<Body> {
        let folder = self.folder();
        draft
            .keep(folder.map(|folder| folder.part(upload, number)))
            .await
    }

    fn folder(&self) -> Option<&Folder> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Memory(_) => None,
        }
    }

    /// Removes an object for good.
    pub async fn remove(&self, body: &Body) -> io::Result<()> {
        match body {
            Body::File(path) => folder::remove_file(path.clone()).await,
            Body::Memory(..) => Ok(()),
        }
    }

    /// Removes what a newer generation, which is durable, stands in for: not for good before the folder is synced next, and
    /// it need not be.
    pub async fn forget(&self, body: &Body) {
        if let Body::File(path) = body
            && let Err(error) = tokio::fs::remove_file(path).await
        {
            tracing::warn!(%error, path = %path.display(), "an old generation stays on disk");
        }
    }

    /// Notes that an upload began.
    pub async fn begin_upload(&self, upload: &UploadId, begun: &Begun) -> io::Result<()> {
        match self.folder() {
            Some(folder) => folder.begin_upload(upload, begun).await,
            None => Ok(()),
        }
    }

    /// Removes an upload with all its parts.
    pub async fn end_upload(&self, upload: &UploadId) -> io::Result<()> {
        match self.folder() {
            Some(folder) => folder.end_upload(upload).await,
            None => Ok(()),
        }
    }

    /// Notes that there is a bucket.
    pub async fn make_bucket(&self, name: &BucketName) -> io::Result<()> {
        match self.folder() {
            Some(folder) => folder.make_bucket(name).await,
            None => Ok(()),
        }
    }

    /// Notes that there is none.
    pub async fn remove_bucket(&self, name: &BucketName) -> io::Result<()> {
        match self.folder() {
            Some(folder) => folder::remove_file(folder.bucket(name)).await,
            None => Ok(()),
        }
    }
}
