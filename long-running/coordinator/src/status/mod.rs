//! What the coordinator tells the process it lives in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use farm_model::id::HostType;

mod board;

#[cfg(test)]
pub(crate) use board::tests;
pub(crate) use board::{Board, Told};

/// Counts since this start, after each commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// This coordinator leads; otherwise it stands by, and the rest says nothing.
    pub leading: bool,
    /// Builds that are not over.
    pub open: usize,
    /// Of these, how many have a machine.
    pub running: usize,
    /// Machines connected.
    pub machines: usize,
    /// Jobs that wait for a machine of a host type, and do not pause.
    pub waiting: BTreeMap<HostType, usize>,
    /// Host types that the builders in force need.
    pub hosts: BTreeSet<HostType>,
    /// Runs decided.
    pub decided: u64,
    /// Messages that changed nothing: repeated, stale or unknown.
    pub ignored: u64,
    /// Every source has been read, or found unreadable, at least once.
    pub observed: bool,
    /// What an operator should know.
    pub troubles: Vec<String>,
    /// Where the status page is served, if it is.
    pub page: Option<SocketAddr>,
}

impl Status {
    /// Nothing is open and nothing can be pending that was there at the start.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.observed && self.open == 0
    }
}
