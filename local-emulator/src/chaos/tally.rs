//! What was done, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// A count.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Disturbances so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) lost: Count,
    pub(super) late: Count,
    pub(super) overtaken: Count,
    pub(super) repeated: Count,
    pub(super) machines_killed: Count,
    pub(super) machines_frozen: Count,
    pub(super) coordinator_cut: Count,
    pub(super) hub_cut: Count,
    pub(super) asked_again: Count,
}

/// The same, to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Disturbances {
    pub(super) messages_lost: u64,
    pub(super) messages_late: u64,
    pub(super) messages_overtaken: u64,
    pub(super) messages_repeated: u64,
    pub(super) machines_killed: u64,
    pub(super) machines_frozen: u64,
    pub(super) coordinator_cut_off: u64,
    pub(super) hub_cut_off: u64,
    pub(super) builds_asked_for_again: u64,
}

impl Tally {
    pub(super) fn read(&self) -> Disturbances {
        Disturbances {
            messages_lost: self.lost.get(),
            messages_late: self.late.get(),
            messages_overtaken: self.overtaken.get(),
            messages_repeated: self.repeated.get(),
            machines_killed: self.machines_killed.get(),
            machines_frozen: self.machines_frozen.get(),
            coordinator_cut_off: self.coordinator_cut.get(),
            hub_cut_off: self.hub_cut.get(),
            builds_asked_for_again: self.asked_again.get(),
        }
    }
}

impl Disturbances {
    /// One line for people.
    pub(super) fn sentence(&self) -> String {
        format!(
            "messages: {} lost, {} late ({} overtaken), {} repeated; machines: {} killed, {} frozen; \
             cut off: coordinator {}, hub {}; builds asked for again: {}",
            self.messages_lost,
            self.messages_late,
            self.messages_overtaken,
            self.messages_repeated,
            self.machines_killed,
            self.machines_frozen,
            self.coordinator_cut_off,
            self.hub_cut_off,
            self.builds_asked_for_again,
        )
    }
}
