//! Transitions by the hour, in parts while the hour lasts, and checkpoints between them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use farm_model::Timestamp;
use futures::TryStreamExt;

use crate::key::Key;
use crate::object::Wait;
use crate::{Bucket, BucketError, hour};

/// The largest hour that is read, and the largest checkpoint.
const LARGEST: u64 = 256 << 20;

/// The most hours that are listed: eleven years.
const MOST: usize = 100_000;

/// Where the newest checkpoint before a moment is looked for first, in seconds: a leader at work writes one an hour.
const RECENT: i64 = 4 * 3600;

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
        self.get_history_within(at, LARGEST).await
    }

    /// As [`Bucket::get_history`], for a reader who holds at most `limit` bytes, its parts and the whole together.
    ///
    /// # Errors
    /// [`BucketError`]; [`BucketError::TooLarge`] before more than that is read.
    pub async fn get_history_within(
        &self,
        at: Timestamp,
        limit: u64,
    ) -> Result<Option<Bytes>, BucketError> {
        let mut left = limit;
        // Parts first: when one goes, the whole that has its lines is there already.
        let mut found = BTreeMap::new();
        for (first, key) in self.history_parts(at).await? {
            if let Some(part) = self.read_of(&key, &mut left).await? {
                found.insert(first, part);
            }
        }
        let key = Key::new(&format!("{}.jsonl", parts(at)))?;
        let whole = self.read_of(&key, &mut left).await?;
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

    /// An object, if it is there; its bytes are taken off `left`.
    async fn read_of(&self, key: &Key, left: &mut u64) -> Result<Option<Bytes>, BucketError> {
        let Some(found) = self.get(key).await? else {
            return Ok(None);
        };
        let bytes = self.read(key, found, *left).await?;
        *left = left.saturating_sub(bytes.len() as u64);
        Ok(Some(bytes))
    }

    /// The starts of the hours that there are, oldest first.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn list_history(&self) -> Result<Vec<Timestamp>, BucketError> {
        let mut hours = BTreeSet::new();
        let each = |name: &str| {
            hours.extend(hour_of(name));
            if hours.len() > MOST {
                hours.pop_first();
            }
            ControlFlow::Continue(())
        };
        self.each_name(HISTORY, None, each).await?;
        Ok(hours.into_iter().collect())
    }

    /// The starts of the hours that there are from that of `from` to that of `to`, oldest first. Where lists are sorted,
    /// no others are asked for.
    ///
    /// # Errors
    /// [`BucketError`]; [`BucketError::TooMany`] where there are more than `limit`.
    pub async fn list_history_between(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timestamp>, BucketError> {
        let (first, last) = (hour::name(from), hour::name(to));
        let mut hours = BTreeSet::new();
        let each = |name: &str| {
            let name = name.split(['/', '.']).next().unwrap_or_default();
            if name >= first.as_str() && name <= last.as_str() {
                hours.extend(hour::start(name));
            }
            match name > last.as_str() || hours.len() > limit {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        self.each_name(HISTORY, Some(&first), each).await?;
        if hours.len() > limit {
            let prefix = format!("{HISTORY}/{first}");
            return Err(BucketError::TooMany { prefix, limit });
        }
        Ok(hours.into_iter().collect())
    }

    /// Shows every name below `prefix` that comes after `after`. A break ends it where names come in order; in a folder,
    /// where they do not, the rest is shown all the same.
    async fn each_name(
        &self,
        prefix: &str,
        after: Option<&str>,
        mut each: impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<(), BucketError> {
        let prefix = Key::new(prefix)?;
        let start = format!("{prefix}/");
        let offset = Key::new(&format!("{start}{}", after.unwrap_or("0")))?;
        let store = self.store(Wait::No);
        let mut objects = store.list_with_offset(Some(prefix.path()), offset.path());
        while let Some(object) = objects
            .try_next()
            .await
            .map_err(|error| self.failed("list", &prefix, error))?
        {
            let name = object.location.as_ref().strip_prefix(&start);
            let goes_on = name.map_or(ControlFlow::Continue(()), &mut each);
            if goes_on.is_break() && self.has_versions() {
                break;
            }
        }
        Ok(())
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
        let recent = Timestamp::from_second(at.as_second() - RECENT).ok();
        let recent = recent.map(checkpoint_name);
        let found = match self.newest_checkpoint(recent.as_deref(), at).await? {
            None => self.newest_checkpoint(None, at).await?,
            found => found,
        };
        let Some(name) = found else {
            return Ok(None);
        };
        self.read_of(&checkpoint_key(&name)?, &mut { LARGEST })
            .await
    }

    /// The moment of the newest checkpoint that is not after `at`, if there is one: nothing of it is read.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn checkpoint_before(&self, at: Timestamp) -> Result<Option<Timestamp>, BucketError> {
        let newest = self.newest_checkpoint(None, at).await?;
        Ok(newest.and_then(|name| checkpoint_moment(&name)))
    }

    async fn newest_checkpoint(
        &self,
        after: Option<&str>,
        at: Timestamp,
    ) -> Result<Option<String>, BucketError> {
        let last = checkpoint_name(at);
        let mut newest: Option<String> = None;
        let each = |name: &str| {
            if name > last.as_str() {
                return ControlFlow::Break(());
            }
            if newest.as_deref().is_none_or(|newest| name > newest) {
                newest = Some(name.to_owned());
            }
            ControlFlow::Continue(())
        };
        self.each_name(CHECKPOINTS, after, each).await?;
        Ok(newest)
    }
}

const HISTORY: &str = "history";
const CHECKPOINTS: &str = "history/checkpoints";

/// The hour that an object below `history/` is of; a checkpoint is of none.
fn hour_of(name: &str) -> Option<Timestamp> {
    hour::start(name.split(['/', '.']).next()?)
}

/// Where the parts of an hour lie; the whole has `.jsonl` after it.
fn parts(at: Timestamp) -> String {
    format!("{HISTORY}/{}", hour::name(at))
}

/// Names sort as their moments do: the hour, and the microseconds of it that have passed.
fn checkpoint_name(at: Timestamp) -> String {
    let micros = at.as_microsecond().rem_euclid(3_600_000_000);
    format!("{}-{micros:010}.json", hour::name(at))
}

/// The moment that is in a checkpoint's name, to the microsecond.
fn checkpoint_moment(name: &str) -> Option<Timestamp> {
    let (hour, micros) = name.strip_suffix(".json")?.rsplit_once('-')?;
    let micros = Duration::from_micros(micros.parse().ok()?);
    hour::start(hour)?.checked_add(micros).ok()
}

/// The last moment that an object tells of, by its key below `history/`: an hour, a part of one, or a checkpoint.
pub fn end(name: &str) -> Option<Timestamp> {
    match name.split_once('/') {
        Some(("checkpoints", name)) => checkpoint_moment(name),
        Some((hour, _)) => hour::end(hour),
        None => hour::end(name.strip_suffix(".jsonl")?),
    }
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
