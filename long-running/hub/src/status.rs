//! What the hub tells the process it lives in, and whoever asks `/status`.

use std::net::SocketAddr;

use farm_model::message::progress::Outcome;
use serde::Serialize;
use tokio::sync::watch;

/// Counts since this start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HubStatus {
    /// Machines connected and checked.
    pub machines: usize,
    /// Of these, how many work on an attempt.
    pub busy: usize,
    /// No new work is taken.
    pub draining: bool,
    /// Attempts taken.
    pub accepted: u64,
    /// Attempts not taken.
    pub refused: u64,
    /// Attempts that ended well.
    pub ok: u64,
    /// Attempts that the code failed.
    pub failed: u64,
    /// Attempts lost to us or the network.
    pub lost: u64,
    /// Registrations refused: a wrong key, a bad request.
    pub registrations_refused: u64,
    /// Pick-ups of other hubs' machines that were handed over to them.
    pub handed_over: u64,
    /// Pick-ups of other hubs' machines that could not be: their hub is away, or there are too many.
    pub not_handed_over: u64,
    /// Where operators look, once it is open.
    #[serde(skip)]
    pub admin: Option<SocketAddr>,
}

/// Where the counts are kept.
pub type StatusSender = watch::Sender<HubStatus>;

/// Counts an attempt that ended.
pub fn count_outcome(status: &StatusSender, outcome: Outcome) {
    status.send_modify(|status| match outcome {
        Outcome::Ok => status.ok += 1,
        Outcome::Failed => status.failed += 1,
        Outcome::Lost => status.lost += 1,
    });
}
