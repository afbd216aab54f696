//! Transitions by the hour, in parts while the hour lasts, and checkpoints between them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use farm_model::Timestamp;
use futures::TryStreamExt;
use object_store::PutMode;

use crate::key::Key;
use crate::object::Wait;
use crate::{Bucket, BucketError, hour};

/// The largest hour that is read, and the largest checkpoint.
const LARGEST: u64 = 256 << 20;

/// The most hours, and the most checkpoints, that are listed: eleven years of one an hour.
const MOST: usize = 100_000;

/// The most parts of an hour.
const MOST_PARTS: usize = 10_000;

impl Bucket {
    /// Writes a part of the hour of `at`: lines of JSON, of which the first is line `first` of the hour, counted from 0.
    /// A part may be written again with more lines.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn put_history_part(
        &self,
        at: Timestamp,
        first: u64,
        bytes: Bytes,
    ) -> Result<(), BucketError> {
        let key = Key::new(&format!("{}/{first:010}.jsonl", parts(at)))?;
        self.overwrite(&key, bytes).await
    }

    /// Writes the hour of `at` whole, from its first line on; parts whose lines it has are removed.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn put_history(&self, at: Timestamp, bytes: Bytes) -> Result<(), BucketError> {
        let lines = count_lines(&bytes);
        let key = Key::new(&format!("{}.jsonl", parts(at)))?;
        self.overwrite(&key, bytes).await?;
        for (first, key) in self.history_parts(at).await? {
            if first < lines {
                self.remove(&key).await?;
            }
        }
        Ok(())
    }

    /// The hour of `at`, if there is one: every line once, in order.
    ///
    /// # Errors
    /// [`BucketError`]; a gap between two parts, which only a bucket that lost one has, ends the hour.
    pub async fn get_history(&self, at: Timestamp) -> Result<Option<Bytes>, BucketError> {
        // Parts first: when one goes, the whole that has its lines is there already.
        let mut found = BTreeMap::new();
        for (first, key) in self.history_parts(at).await? {
            if let Some(part) = self.get(&key).await? {
                found.insert(first, self.read(&key, part, LARGEST).await?);
            }
        }
        let key = Key::new(&format!("{}.jsonl", parts(at)))?;
        let whole = match self.get(&key).await? {
            Some(whole) => Some(self.read(&key, whole, LARGEST).await?),
            None => None,
        };
        if whole.is_none() && found.is_empty() {
            return Ok(None);
        }
        Ok(Some(joined(whole.unwrap_or_default(), &found)))
    }

    async fn history_parts(&self, at: Timestamp) -> Result<Vec<(u64, Key)>, BucketError> {
        let folder = parts(at);
        let names = self.list(&Key::new(&folder)?, None, MOST_PARTS).await?;
        let numbered = names.keys().filter_map(|name| {
            let first = name.strip_suffix(".jsonl")?.parse().ok()?;
            Some((first, Key::new(&format!("{folder}/{name}")).ok()?))
        });
        Ok(numbered.collect())
    }

    /// The starts of the hours that there are, oldest first.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn list_history(&self) -> Result<Vec<Timestamp>, BucketError> {
        let prefix = Key::new("history")?;
        let mut objects = self.store(Wait::No).list(Some(prefix.path()));
        let mut hours = BTreeSet::new();
        while let Some(object) = objects
            .try_next()
            .await
            .map_err(|error| self.failed("list", &prefix, error))?
        {
            let name = object.location.as_ref().strip_prefix("history/");
            let name = name.and_then(|name| name.split(['/', '.']).next());
            hours.extend(name.and_then(hour::start));
            if hours.len() > MOST {
                hours.pop_first();
            }
        }
        Ok(hours.into_iter().collect())
    }

    /// Writes the checkpoint of the moment `at`.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn put_checkpoint(&self, at: Timestamp, bytes: Bytes) -> Result<(), BucketError> {
        self.overwrite(&checkpoint_key(&checkpoint_name(at))?, bytes)
            .await
    }

    /// The newest checkpoint that is not after `at`, if there is one.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn get_checkpoint(&self, at: Timestamp) -> Result<Option<Bytes>, BucketError> {
        let names = self.list(&Key::new(CHECKPOINTS)?, None, MOST).await?;
        let Some((name, _)) = names.range(..=checkpoint_name(at)).next_back() else {
            return Ok(None);
        };
        let key = checkpoint_key(name)?;
        match self.get(&key).await? {
            Some(found) => self.read(&key, found, LARGEST).await.map(Some),
            None => Ok(None),
        }
    }

    async fn overwrite(&self, key: &Key, bytes: Bytes) -> Result<(), BucketError> {
        match self.put(key, bytes, PutMode::Overwrite).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed("write", key, error)),
        }
    }
}

const CHECKPOINTS: &str = "history/checkpoints";

/// Where the parts of an hour lie; the whole has `.jsonl` after it.
fn parts(at: Timestamp) -> String {
    format!("history/{}", hour::name(at))
}

/// Names sort as their moments do: the hour, and the microseconds of it that have passed.
fn checkpoint_name(at: Timestamp) -> String {
    let micros = at.as_microsecond().rem_euclid(3_600_000_000);
    format!("{}-{micros:010}.json", hour::name(at))
}

fn checkpoint_key(name: &str) -> Result<Key, BucketError> {
    Key::new(&format!("{CHECKPOINTS}/{name}"))
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Parts begin at a known line, so what two of them have in common is taken once.
fn joined(whole: Bytes, parts: &BTreeMap<u64, Bytes>) -> Bytes {
    let mut lines = count_lines(&whole);
    let mut text = Vec::from(whole);
    for (first, part) in parts {
        if *first > lines {
            break;
        }
        let known = usize::try_from(lines - first).unwrap_or(usize::MAX);
        let new = part.split_inclusive(|byte| *byte == b'\n').skip(known);
        new.for_each(|line| text.extend_from_slice(line));
        lines = lines.max(first + count_lines(part));
    }
    text.into()
}
