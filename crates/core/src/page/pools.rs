//! `pools.json`.

use jiff::Timestamp;

use farm_model::view::PoolsView;

use crate::farm::Farm;

/// The document: of the farm as it is at `now`, which has to be durable by then.
#[must_use]
pub fn pools(farm: &Farm, now: Timestamp) -> PoolsView {
    PoolsView {
        made: now,
        orders: farm.orders().map(|of| of.line.clone()).collect(),
    }
}
