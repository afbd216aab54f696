//! The cases, a file an area of the API.

mod delivery;
mod exactly_once;
mod publishing;
mod schemas;
mod snapshots;
mod subscriptions;
mod topics;

use crate::case::Case;

/// Every case.
pub fn all() -> impl Iterator<Item = Case> {
    let areas = [
        topics::CASES,
        subscriptions::CASES,
        publishing::CASES,
        delivery::CASES,
        exactly_once::CASES,
        snapshots::CASES,
        schemas::CASES,
    ];
    areas.into_iter().flatten().copied()
}
