//! A look through a part of the bucket: what lies there, and what of it may go. It is the same look whether that is removed or
//! not.

use std::ops::AddAssign;

use farm_bucket::{Bucket, Found};
use farm_core::keep::{Aged, Area, References, history_begins, may_go};
use farm_model::Timestamp;
use farm_model::keep::KeepDays;
use farm_runtime::Clock;
use futures::StreamExt;

use super::references;
use crate::leadership::Handle;

/// Objects that are looked at, and at most removed, in one step: a page of a store's list.
pub(super) const STEP: usize = 1000;

/// Objects and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many objects.
    pub objects: u64,
    /// Of all of them together.
    pub bytes: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.objects += more.objects;
        self.bytes += more.bytes;
    }
}

impl<'a> FromIterator<&'a Found> for Tally {
    fn from_iter<T: IntoIterator<Item = &'a Found>>(all: T) -> Self {
        let mut tally = Self::default();
        for found in all {
            tally += Self {
                objects: 1,
                bytes: found.size(),
            };
        }
        tally
    }
}

/// What a look through a part of the bucket came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// What tells of a time before this may go; none where everything is kept for ever, so that nobody looks.
    pub before: Option<Timestamp>,
    /// Records of the state that were read.
    pub records: u64,
    /// Pages of the list.
    pub steps: u64,
    /// All that lay there.
    pub there: Tally,
    /// What of it may go.
    pub old: Tally,
    /// What of that was removed.
    pub removed: Tally,
    /// The last moment that the oldest of what stays tells of.
    pub oldest: Option<Timestamp>,
}

impl Looked {
    fn count(&mut self, old: &[Found], stays: &[Found]) {
        let old: Tally = old.iter().collect();
        self.steps += 1;
        self.old += old;
        self.there += old;
        self.there += stays.iter().collect();
        let oldest = stays.iter().map(Found::ends).min();
        self.oldest = self.oldest.into_iter().chain(oldest).min();
    }
}

/// What is done with that which may go.
pub(super) trait Removal {
    /// Does it with the `old` ones of one step, which may be none; what is gone by that. So far the look came to `looked`.
    fn step(
        &mut self,
        area: Area,
        looked: &Looked,
        old: Vec<Found>,
    ) -> impl Future<Output = anyhow::Result<Tally>> + Send;
}

/// How to look.
pub(super) struct Look {
    pub(super) bucket: Bucket,
    /// For reading what refers to blobs.
    pub(super) state: Handle,
    pub(super) clock: Clock,
    pub(super) keep: KeepDays,
}

impl Look {
    /// Looks through a part of the bucket in steps, and leaves what may go to `removal`.
    ///
    /// # Errors
    /// Bucket or state fail, or the removal does.
    pub(super) async fn through(
        &self,
        area: Area,
        removal: &mut impl Removal,
    ) -> anyhow::Result<Looked> {
        let now = self.clock.now();
        let before = self.before(area, now).await?;
        let mut looked = Looked {
            before,
            ..Looked::default()
        };
        let Some(before) = before else {
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
            let (old, stays): (Vec<Found>, Vec<Found>) = step.into_iter().partition(|found| {
                let (name, ends) = (found.name(), found.ends());
                may_go(area, before, &references, Aged { name, ends })
            });
            looked.count(&old, &stays);
            looked.removed += removal.step(area, &looked, old).await?;
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
}
