//! What a session did so far.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::reverse::RevdialVersion;

/// What a session did so far.
#[derive(Debug, Clone)]
pub struct SessionStats {
    /// How the machine is dialed.
    pub version: RevdialVersion,
    /// Since it was opened.
    pub age: Duration,
    /// Since the last line was written; in version 1 the last frame.
    pub last_sent: Duration,
    /// Since the last line, frame or pick-up arrived; since the start if none did.
    pub last_received: Duration,
    /// Connections handed to dials.
    pub picked_up: u64,
    /// Dials that the machine said it could not serve.
    pub failed: u64,
    /// Dials that gave up waiting.
    pub given_up: u64,
    /// Pick-ups that came after their dial gave up, or that nobody asked for.
    pub late: u64,
    /// Dials that wait now.
    pub waiting: usize,
    /// Connections open now.
    pub active: usize,
}

/// Where it is kept.
pub(super) struct Counters {
    opened: Instant,
    last_sent: Mutex<Instant>,
    last_received: Mutex<Instant>,
    pub picked_up: AtomicU64,
    pub failed: AtomicU64,
    pub given_up: AtomicU64,
    pub late: AtomicU64,
    pub waiting: AtomicUsize,
}

impl Counters {
    pub fn new() -> Self {
        let now = Instant::now();
        Self {
            opened: now,
            last_sent: Mutex::new(now),
            last_received: Mutex::new(now),
            picked_up: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
            late: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
        }
    }

    pub fn sent(&self) {
        *self.last_sent.lock() = Instant::now();
    }

    pub fn received(&self) {
        *self.last_received.lock() = Instant::now();
    }

    /// `places` are taken by connections and by dials that wait.
    pub fn stats(&self, version: RevdialVersion, places: usize) -> SessionStats {
        let waiting = self.waiting.load(Relaxed);
        SessionStats {
            version,
            age: self.opened.elapsed(),
            last_sent: self.last_sent.lock().elapsed(),
            last_received: self.last_received.lock().elapsed(),
            picked_up: self.picked_up.load(Relaxed),
            failed: self.failed.load(Relaxed),
            given_up: self.given_up.load(Relaxed),
            late: self.late.load(Relaxed),
            waiting,
            active: places.saturating_sub(waiting),
        }
    }
}
