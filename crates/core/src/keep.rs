//! What may go from the bucket: whatever is old enough and referred to by nothing.
//!
//! What refers to a blob is in the state alone: snapshots in the book, and reports of attempts in runs. Documents in the
//! bucket name blobs too, but are written from the state. A reference to a blob that has none is only ever made by a
//! report, and whoever reports a blob has just stored it, which makes it young again. So what is older than [`GRACE`] and
//! referred to by nothing stays so, however long ago that was looked up within the grace.

use std::collections::HashSet;

use farm_model::Timestamp;
use farm_model::id::BlobId;
use farm_model::keep::KeepDays;
use farm_model::kept::Kept;
use farm_model::message::progress::AttemptReport;
use farm_model::record::{AttemptState, Run};
use jiff::SignedDuration;

use crate::policy::earlier;

/// How old a blob is at least that goes. Longer than what may lie between its storing and the report of it being heard: two
/// days of a run, a week on a queue, two weeks among the dead letters; and than a whole look through the bucket.
pub const GRACE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How old an upload is at least that never ended.
const STAGED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A part of the bucket in which things grow old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// Content by its digest.
    Blobs,
    /// Webhooks as they were received.
    Deliveries,
    /// Transitions by the hour, and checkpoints.
    History,
    /// Chunks of logs, and whose log has which hash.
    Logs,
    /// Who has been told what.
    Said,
    /// Uploads under way.
    Staging,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Blobs,
        Self::Deliveries,
        Self::History,
        Self::Logs,
        Self::Said,
        Self::Staging,
    ];

    /// What its keys begin with, before the `/`.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Blobs => "blobs",
            Self::Deliveries => "deliveries",
            Self::History => "history",
            Self::Logs => "logs",
            Self::Said => "said",
            Self::Staging => "staging",
        }
    }

    /// How old something in it becomes at most, unless it is referred to.
    #[must_use]
    pub fn limit(self, keep: &KeepDays) -> Limit {
        let fixed = |age| Limit {
            age: Some(age),
            setting: None,
        };
        let set = |number, setting| Limit {
            age: days(number),
            setting: Some(setting),
        };
        match self {
            Self::Blobs => fixed(GRACE),
            Self::Staging => fixed(STAGED),
            Self::Deliveries => set(keep.deliveries, "--keep-deliveries"),
            Self::History => set(keep.history, "--keep-history"),
            Self::Logs => set(keep.logs, "--keep-logs"),
            Self::Said => set(keep.said, "--keep-said"),
        }
    }

    /// What tells of a time before this may go, as of `now`; none where it is kept for ever.
    #[must_use]
    pub fn before(self, keep: &KeepDays, now: Timestamp) -> Option<Timestamp> {
        let age = self.limit(keep).age;
        age.map(|age| earlier(now, age))
    }
}

/// How old things become in a part of the bucket, and what says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// At most; none: they are kept for ever.
    pub age: Option<SignedDuration>,
    /// The coordinator's option that sets it in days; none where it is always the same.
    pub setting: Option<&'static str>,
}

/// So many days; none for 0, which is for ever.
#[must_use]
pub fn days(number: u32) -> Option<SignedDuration> {
    (number > 0).then(|| SignedDuration::from_hours(i64::from(number) * 24))
}

/// Where history begins of which all before may go: with the newest checkpoint (`checkpoint`) that is not after `before`.
/// Moments after `before` are made of it and of what follows it, however long ago it was written.
#[must_use]
pub fn history_begins(before: Timestamp, checkpoint: Option<Timestamp>) -> Timestamp {
    checkpoint.map_or(before, |checkpoint| checkpoint.min(before))
}

/// Since when the runs are over whose logs are kept, as of `now`; none for all of them.
#[must_use]
pub fn logs_since(keep: &KeepDays, now: Timestamp) -> Option<Timestamp> {
    Area::Logs.before(keep, now)
}

/// An object, as far as it matters whether it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aged<'a> {
    /// Its key below the area.
    pub name: &'a str,
    /// The last moment that it tells of.
    pub ends: Timestamp,
}

/// Whether an object of `area` may go that tells of nothing after `before`.
#[must_use]
pub fn may_go(area: Area, before: Timestamp, references: &References, object: Aged<'_>) -> bool {
    let held = area == Area::Blobs && references.may_have(object.name);
    object.ends < before && !held
}

/// Blobs that are referred to. Of a digest it knows 64 bits: enough for a blob to be kept by mistake once in an age, and for
/// none to go by mistake ever.
#[derive(Debug, Default)]
pub struct References(HashSet<u64>);

impl References {
    /// What a record of the book refers to.
    pub fn kept(&mut self, kept: &Kept) {
        if let Kept::Snapshot(snapshot) = kept {
            self.blob(&snapshot.blob);
        }
    }

    /// What a run refers to: all that its attempts have stored while it is open; then their logs and tests, if it was over
    /// at `since` or later.
    pub fn run(&mut self, run: &Run, since: Option<Timestamp>) {
        let over = run.verdict.as_ref().map(|verdict| verdict.at);
        if over.is_some_and(|over| since.is_some_and(|since| over < since)) {
            return;
        }
        for report in reports(run) {
            let archive = report.snapshot.as_ref().filter(|_| over.is_none());
            let told = report.log.whole.iter().chain(&report.tests_whole);
            told.chain(archive).for_each(|blob| self.blob(blob));
        }
    }

    /// How many blobs are referred to.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn blob(&mut self, blob: &BlobId) {
        self.0.extend(head(blob.as_str()));
    }

    /// Whether a blob of that name may be referred to. What has not the name of a blob is somebody else's.
    fn may_have(&self, name: &str) -> bool {
        let known = |name: BlobId| head(name.as_str()).is_none_or(|head| self.0.contains(&head));
        name.parse().map_or(true, known)
    }
}

fn reports(run: &Run) -> impl Iterator<Item = &AttemptReport> {
    let attempts = run.jobs.iter().flat_map(|job| &job.attempts);
    attempts.filter_map(|attempt| match &attempt.state {
        AttemptState::Finished { report, .. } => Some(report),
        _ => None,
    })
}

fn head(digest: &str) -> Option<u64> {
    u64::from_str_radix(digest.get(..16)?, 16).ok()
}

#[cfg(test)]
mod tests;
