//! Removes from the bucket what is old and wanted by nobody. A task of its own with a store of its own: it goes through the
//! bucket a step at a time, and no round of the engine waits for it.
//!
//! What may go is decided in [`farm_core::keep`]. Before each removal the state is asked whether this coordinator leads. One
//! that was deposed since may still remove what it had chosen in that one step: nothing that the next leader would not.

mod dry_run;
mod look;
mod references;
mod trouble;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use farm_bucket::{Bucket, Found};
use farm_core::keep::Area;
use farm_model::Timestamp;
use farm_model::keep::KeepDays;
use farm_model::view::{SweepStatus, SweptArea};
use farm_runtime::Clock;
use farm_store::Store;
use jiff::SignedDuration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::engine::Input;
use crate::leadership::{Fenced, Handle, Leadership};
use crate::metrics::Counts;
use crate::status::Board;
use look::{Look, Removal};
use trouble::Trouble;

pub use dry_run::{Prospect, dry_run};
pub use look::{Looked, Tally};

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
    look: Look,
    remover: Remover,
    board: Board,
    counts: Counts,
    /// Parts that rest, and until when.
    resting: BTreeMap<Area, Timestamp>,
}

/// Removes what may go, as long as this coordinator leads.
struct Remover {
    bucket: Bucket,
    leadership: Leadership,
    counts: Counts,
    /// What was removed since this leader began.
    removed: BTreeMap<Area, Tally>,
}

/// Looks through the bucket some minutes from now and then `every` so often; never, if that is none.
pub(crate) fn start(
    tasks: &mut JoinSet<()>,
    mut sweep: Sweep,
    every: Option<Duration>,
    inputs: mpsc::Sender<Input>,
) {
    sweep.board.keeps(sweep.look.keep);
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
            remover: Remover {
                bucket: parts.bucket.clone(),
                leadership: parts.leadership,
                counts: parts.counts.clone(),
                removed: BTreeMap::new(),
            },
            look: Look {
                bucket: parts.bucket,
                state: Handle::new(parts.store),
                clock: parts.clock,
                keep: parts.keep,
            },
            board: parts.board,
            counts: parts.counts,
            resting: BTreeMap::new(),
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
            match self.look.through(area, &mut self.remover).await {
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
        until.is_some_and(|until| self.look.clock.now() < *until)
    }

    fn has_looked(&mut self, area: Area, looked: Looked) {
        let (objects, removed) = (looked.there.objects, looked.removed.objects);
        if removed > 0 {
            tracing::info!(
                area = area.prefix(),
                objects,
                removed,
                "removed what is old"
            );
        }
        let hours = objects.saturating_add(looked.records) / AN_HOUR;
        let rest = SignedDuration::from_hours(i64::try_from(hours).unwrap_or(0));
        let until = self.look.clock.now().checked_add(rest);
        self.resting.insert(area, until.unwrap_or(Timestamp::MAX));
    }

    fn put_up(&self, error: Option<String>) {
        let areas = self.remover.removed.iter().map(|(area, tally)| SweptArea {
            area: area.prefix().to_owned(),
            objects: tally.objects,
            bytes: tally.bytes,
        });
        self.board.swept(SweepStatus {
            at: self.look.clock.now(),
            areas: areas.collect(),
            error,
        });
    }
}

impl Removal for Remover {
    async fn step(&mut self, area: Area, _: &Looked, old: Vec<Found>) -> anyhow::Result<Tally> {
        let removed = self.remove(area, old).await?;
        tokio::time::sleep(PAUSE).await;
        Ok(removed)
    }
}

impl Remover {
    async fn remove(&mut self, area: Area, old: Vec<Found>) -> anyhow::Result<Tally> {
        if old.is_empty() {
            return Ok(Tally::default());
        }
        if !self.leadership.holds().await {
            return Err(Fenced.into());
        }
        let removed: Tally = self.bucket.remove_unchanged(old).await?.iter().collect();
        self.counts.swept(area, removed.objects, removed.bytes);
        *self.removed.entry(area).or_default() += removed;
        Ok(removed)
    }
}
