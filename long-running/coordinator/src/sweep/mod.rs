//! Removes from the bucket what is old and wanted by nobody. A task of its own with a store of its own: it goes through the
//! bucket a step at a time, and no round of the engine waits for it.
//!
//! What may go is decided in [`farm_core::keep`]. Before each removal the state is asked whether this coordinator leads. One
//! that was deposed since may still remove what it had chosen in that one step: nothing that the next leader would not.

mod references;
mod trouble;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use farm_bucket::{Bucket, Found};
use farm_core::keep::{Aged, Area, References, history_begins, may_go};
use farm_model::Timestamp;
use farm_model::keep::KeepDays;
use farm_model::view::{SweepStatus, SweptArea};
use farm_runtime::Clock;
use farm_store::Store;
use futures::StreamExt;
use jiff::SignedDuration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::engine::Input;
use crate::leadership::{Fenced, Handle, Leadership};
use crate::metrics::Counts;
use crate::status::Board;
use trouble::Trouble;

/// Objects that are looked at, and at most removed, in one step: a page of a store's list.
const STEP: usize = 1000;
/// Between two steps.
const PAUSE: Duration = Duration::from_millis(100);
/// The first look is no later than this after leading began: others have enough to do then.
const FIRST: Duration = Duration::from_mins(5);
/// After more objects than this a part of the bucket rests for hours, one for each time as many: lists cost money.
const AN_HOUR: u64 = 50_000;

/// What it works with.
pub(crate) struct Parts {
    pub(crate) bucket: Bucket,
    /// For reading what refers to blobs.
    pub(crate) store: Box<dyn Store>,
    /// Asked before anything is removed.
    pub(crate) leadership: Leadership,
    pub(crate) clock: Clock,
    pub(crate) keep: KeepDays,
    pub(crate) board: Board,
    pub(crate) counts: Counts,
}

/// The sweep of one leader.
pub(crate) struct Sweep {
    bucket: Bucket,
    state: Handle,
    leadership: Leadership,
    clock: Clock,
    keep: KeepDays,
    board: Board,
    counts: Counts,
    /// Parts that rest, and until when.
    resting: BTreeMap<Area, Timestamp>,
    /// What was removed since this leader began.
    removed: BTreeMap<Area, Tally>,
}

/// Objects and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    objects: u64,
    bytes: u64,
}

/// What a look through a part of the bucket came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Looked {
    /// Records of the state that were read.
    records: u64,
    /// Objects.
    objects: u64,
    steps: u64,
    /// Of these, how many were removed.
    removed: u64,
}

/// Looks through the bucket some minutes from now and then `every` so often; never, if that is none.
pub(crate) fn start(
    tasks: &mut JoinSet<()>,
    mut sweep: Sweep,
    every: Option<Duration>,
    inputs: mpsc::Sender<Input>,
) {
    sweep.board.keeps(sweep.keep);
    let Some(every) = every else {
        tracing::info!("the bucket is not looked through for what is old");
        return;
    };
    tasks.spawn(async move {
        let mut trouble = Trouble::new(inputs);
        let mut pause = every.min(FIRST);
        loop {
            tokio::time::sleep(pause).await;
            pause = every;
            match sweep.round().await {
                Ok(error) => trouble.is(error).await,
                // Somebody else does it now; this task ends with its leadership.
                Err(Fenced) => std::future::pending().await,
            }
        }
    });
}

impl Sweep {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            bucket: parts.bucket,
            state: Handle::new(parts.store),
            leadership: parts.leadership,
            clock: parts.clock,
            keep: parts.keep,
            board: parts.board,
            counts: parts.counts,
            resting: BTreeMap::new(),
            removed: BTreeMap::new(),
        }
    }

    /// Looks through every part of the bucket that does not rest. What broke off is said, and the others are looked through
    /// all the same.
    ///
    /// # Errors
    /// [`Fenced`].
    async fn round(&mut self) -> Result<Option<String>, Fenced> {
        let mut failed = None;
        for area in Area::ALL {
            if self.rests(area) {
                continue;
            }
            match self.look_through(area).await {
                Ok(looked) => self.has_looked(area, looked),
                Err(error) if error.is::<Fenced>() => return Err(Fenced),
                Err(error) => {
                    self.counts.sweep_failed();
                    tracing::warn!(area = area.prefix(), "cannot remove what is old: {error:#}");
                    failed = Some(format!("{}/: {error:#}", area.prefix()));
                }
            }
        }
        self.put_up(failed.clone());
        Ok(failed)
    }

    fn rests(&self, area: Area) -> bool {
        let until = self.resting.get(&area);
        until.is_some_and(|until| self.clock.now() < *until)
    }

    fn has_looked(&mut self, area: Area, looked: Looked) {
        if looked.removed > 0 {
            let Looked {
                objects, removed, ..
            } = looked;
            tracing::info!(
                area = area.prefix(),
                objects,
                removed,
                "removed what is old"
            );
        }
        let hours = looked.objects.saturating_add(looked.records) / AN_HOUR;
        let rest = SignedDuration::from_hours(i64::try_from(hours).unwrap_or(0));
        let until = self.clock.now().checked_add(rest);
        self.resting.insert(area, until.unwrap_or(Timestamp::MAX));
    }

    /// Removes what may go from a part of the bucket, in steps.
    async fn look_through(&mut self, area: Area) -> anyhow::Result<Looked> {
        let now = self.clock.now();
        let mut looked = Looked::default();
        let Some(before) = self.before(area, now).await? else {
            return Ok(looked);
        };
        let mut references = References::default();
        if area == Area::Blobs {
            looked.records =
                references::read(&self.state, &self.keep, now, &mut references).await?;
        }
        let mut walk = self.bucket.walk(area.prefix())?.chunks(STEP);
        while let Some(step) = walk.next().await {
            let step: Vec<Found> = step.into_iter().collect::<Result<_, _>>()?;
            looked.steps += 1;
            looked.objects += step.len() as u64;
            looked.removed += self.step(area, before, &references, step).await?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(looked)
    }

    /// What tells of a time before this may go.
    async fn before(&self, area: Area, now: Timestamp) -> anyhow::Result<Option<Timestamp>> {
        let Some(before) = area.before(&self.keep, now) else {
            return Ok(None);
        };
        if area != Area::History {
            return Ok(Some(before));
        }
        let checkpoint = self.bucket.checkpoint_before(before).await?;
        Ok(Some(history_begins(before, checkpoint)))
    }

    /// Removes those of a step that may go; how many did.
    async fn step(
        &mut self,
        area: Area,
        before: Timestamp,
        references: &References,
        mut step: Vec<Found>,
    ) -> anyhow::Result<u64> {
        step.retain(|found| {
            let (name, ends) = (found.name(), found.ends());
            may_go(area, before, references, Aged { name, ends })
        });
        if step.is_empty() {
            return Ok(0);
        }
        if !self.leadership.holds().await {
            return Err(Fenced.into());
        }
        let removed = self.bucket.remove_unchanged(step).await?;
        let objects = removed.len() as u64;
        let bytes = removed.iter().map(Found::size).sum();
        self.counts.swept(area, objects, bytes);
        let tally = self.removed.entry(area).or_default();
        tally.objects += objects;
        tally.bytes += bytes;
        Ok(objects)
    }

    fn put_up(&self, error: Option<String>) {
        let areas = self.removed.iter().map(|(area, tally)| SweptArea {
            area: area.prefix().to_owned(),
            objects: tally.objects,
            bytes: tally.bytes,
        });
        self.board.swept(SweepStatus {
            at: self.clock.now(),
            areas: areas.collect(),
            error,
        });
    }
}
