//! What a sweep would remove, before it does.

use farm_bucket::{Bucket, Found};
use farm_core::keep::Area;
use farm_model::keep::KeepDays;
use farm_runtime::Clock;
use farm_store::Store;

use super::look::{Look, Looked, Removal, Tally};
use crate::leadership::Handle;

/// What a sweep would come to in a part of the bucket.
#[derive(Debug)]
pub struct Prospect {
    /// The part.
    pub area: Area,
    /// What a look through it came to, or why it broke off. Nothing was removed.
    pub looked: anyhow::Result<Looked>,
}

/// Looks through the bucket as the leader does, and removes nothing: whoever may read state and bucket may do so, beside any
/// coordinator. What breaks off in one part does not hold up the others. `told` hears after each step how many objects of a part
/// were looked at so far.
///
/// Snapshots that the state remembers stay: which of them it will forget, the leader decides when another one is made.
pub async fn dry_run(
    store: Box<dyn Store>,
    bucket: &Bucket,
    keep: KeepDays,
    clock: &Clock,
    told: impl FnMut(Area, u64) + Send,
) -> Vec<Prospect> {
    let look = Look {
        bucket: bucket.clone(),
        state: Handle::new(store),
        clock: clock.clone(),
        keep,
    };
    let mut spared = Spared(told);
    let mut prospects = Vec::new();
    for area in Area::ALL {
        let looked = look.through(area, &mut spared).await;
        prospects.push(Prospect { area, looked });
    }
    prospects
}

/// The removal that is none.
struct Spared<T>(T);

impl<T: FnMut(Area, u64) + Send> Removal for Spared<T> {
    async fn step(&mut self, area: Area, looked: &Looked, _: Vec<Found>) -> anyhow::Result<Tally> {
        (self.0)(area, looked.there.objects);
        Ok(Tally::default())
    }
}
