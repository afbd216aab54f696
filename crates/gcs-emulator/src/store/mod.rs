//! Buckets and objects: the index in memory, over the bytes on the shelf.
//!
//! A write is: receive the bytes beside everything (a draft), sync them, then, under the lock of the object's shard, check
//! the conditions, give the draft its name, and show it in the index. So what a reader sees is on disk, and of two writers
//! that expect the same generation one succeeds.

mod buckets;
pub mod upload;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use tokio::sync::MutexGuard;

use self::upload::{Upload, UploadId};
use crate::clock::Clock;
use crate::listing::{self, Asked, Page};
use crate::meta::{Described, Meta};
use crate::names::{BucketName, Place};
use crate::options::Options;
use crate::precondition::Preconditions;
use crate::refusal::Refusal;
use crate::shelf::{Body, Draft, OpenError, Record, Shelf};

/// An object as it is at one moment.
#[derive(Debug)]
pub struct Object {
    /// What is known of it.
    pub meta: Meta,
    /// Its bytes.
    pub body: Body,
}

type Objects = BTreeMap<String, Arc<Object>>;
type Lock = tokio::sync::Mutex<()>;

/// Everything there is.
#[derive(Debug)]
pub struct Store {
    shelf: Shelf,
    clock: Arc<dyn Clock>,
    smallest_part: u64,
    /// The last generation that was given.
    generation: AtomicU64,
    index: RwLock<BTreeMap<BucketName, Objects>>,
    uploads: Mutex<BTreeMap<UploadId, Arc<Upload>>>,
    /// One a shard: who changes an object holds that of its place.
    shards: Vec<Lock>,
    /// Who makes or removes a bucket holds it.
    buckets: Lock,
}

impl Store {
    /// Opens what `options` name, and reads the index back. Blocks.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let (shelf, found) = Shelf::open(options)?;
        let mut index: BTreeMap<BucketName, Objects> = BTreeMap::new();
        for bucket in found.buckets {
            index.entry(bucket).or_default();
        }
        let mut generation = 0;
        for (place, meta, body) in found.objects {
            generation = generation.max(meta.generation);
            let object = Arc::new(Object { meta, body });
            index
                .entry(place.bucket)
                .or_default()
                .insert(place.name, object);
        }
        let uploads = found.uploads.into_iter();
        let uploads = uploads.map(|(id, begun, parts)| (id, Arc::new(Upload::new(begun, parts))));
        Ok(Self {
            shelf,
            clock: Arc::clone(&options.clock),
            smallest_part: options.smallest_part,
            generation: AtomicU64::new(generation),
            index: RwLock::new(index),
            uploads: Mutex::new(uploads.collect()),
            shards: (0..=u8::MAX).map(|_| Lock::default()).collect(),
            buckets: Lock::default(),
        })
    }

    /// Something new, of which nothing is there yet.
    pub async fn draft(&self) -> io::Result<Draft> {
        self.shelf.draft().await
    }

    /// The object as it is now.
    ///
    /// # Errors
    /// [`Refusal::NoSuchKey`].
    pub fn get(&self, place: &Place) -> Result<Arc<Object>, Refusal> {
        self.find(place).ok_or(Refusal::NoSuchKey)
    }

    fn find(&self, place: &Place) -> Option<Arc<Object>> {
        self.index
            .read()
            .get(&place.bucket)?
            .get(&place.name)
            .cloned()
    }

    /// Stores what came as the object at `place`, if the conditions hold for what is there.
    ///
    /// # Errors
    /// The conditions, or the disk.
    pub async fn put(
        &self,
        place: &Place,
        mut draft: Draft,
        described: Described,
        conditions: &Preconditions,
        components: Option<u32>,
    ) -> Result<Meta, Refusal> {
        self.ensure_bucket(&place.bucket).await?;
        let meta = self.next_meta(&draft, described, components);
        let record = Record::Object {
            place: place.clone(),
            meta: meta.clone(),
        };
        draft.seal(&record).await?;
        let _changing = self.lock(place).await;
        let before = self.find(place);
        let known = before.as_deref().map(|object| &object.meta);
        conditions.check(known)?;
        // Where a write that came later was done sooner, this one stood for no time.
        if known.is_none_or(|known| known.generation < meta.generation) {
            self.replace(place, before.as_deref(), draft, meta.clone())
                .await?;
        }
        Ok(meta)
    }

    /// Gives a sealed draft its name, and shows it in place of what was there. The caller holds the place's lock.
    async fn replace(
        &self,
        place: &Place,
        before: Option<&Object>,
        draft: Draft,
        meta: Meta,
    ) -> io::Result<()> {
        let body = self
            .shelf
            .keep_object(draft, place, meta.generation)
            .await?;
        self.show(place, meta, body);
        if let Some(before) = before {
            self.shelf.forget(&before.body).await;
        }
        Ok(())
    }

    fn next_meta(&self, draft: &Draft, described: Described, components: Option<u32>) -> Meta {
        let (generation, modified) = self.next_generation();
        Meta {
            generation,
            metageneration: 1,
            size: draft.size(),
            digest: draft.digest(),
            components,
            modified,
            described,
        }
    }

    /// Removes the object at `place`, if the conditions hold for it.
    ///
    /// # Errors
    /// The conditions, or the disk; or there is none.
    pub async fn delete(&self, place: &Place, conditions: &Preconditions) -> Result<(), Refusal> {
        let _changing = self.lock(place).await;
        let object = self.find(place).ok_or(Refusal::NoSuchKey)?;
        conditions.check(Some(&object.meta))?;
        self.shelf.remove(&object.body).await?;
        if let Some(objects) = self.index.write().get_mut(&place.bucket) {
            objects.remove(&place.name);
        }
        Ok(())
    }

    /// A page of the objects of a bucket, in order of their names.
    ///
    /// # Errors
    /// There is no such bucket.
    pub fn list(&self, bucket: &BucketName, asked: &Asked) -> Result<Page<Arc<Object>>, Refusal> {
        let index = self.index.read();
        let objects = index.get(bucket).ok_or(Refusal::NoSuchBucket)?;
        Ok(listing::page(objects, asked))
    }

    fn show(&self, place: &Place, meta: Meta, body: Body) {
        let object = Arc::new(Object { meta, body });
        let mut index = self.index.write();
        let objects = index.entry(place.bucket.clone()).or_default();
        objects.insert(place.name.clone(), object);
    }

    async fn lock(&self, place: &Place) -> MutexGuard<'_, ()> {
        self.shards[usize::from(place.shard())].lock().await
    }

    /// The next generation, and the time now.
    fn next_generation(&self) -> (u64, u64) {
        let now = self.clock.micros();
        let next = |last: u64| now.max(last + 1);
        let before = self
            .generation
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
                Some(next(last))
            });
        (next(before.unwrap_or_else(|last| last)), now)
    }
}
