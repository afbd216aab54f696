//! The handle through which one machine is dialed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use super::line::Line;
use super::pending::{Pending, Refused};
use super::{DIALER, DialerId, PICK_UP_LIMIT, PICK_UP_PATH, TOKEN};
use crate::head::query_value;
use crate::random;
use crate::stream::{BoxStream, Connect};

/// Why no connection was opened. Texts are those of 2019 where they had one.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The session ended.
    #[error("revdial.Dialer closed")]
    Closed,
    /// The machine said why.
    #[error("revdial listener failed to pick up connection: {0}")]
    Failed(String),
    /// The machine did not dial in in time.
    #[error("the machine did not pick up in time")]
    TimedOut,
    /// Too many dials wait already.
    #[error("too many dials of this machine wait")]
    TooMany,
    /// The system gave no random bytes for a token.
    #[error("no random bytes: {0}")]
    Random(io::Error),
}

/// What a session did so far.
#[derive(Debug, Clone)]
pub struct SessionStats {
    /// Since it was opened.
    pub age: Duration,
    /// Since the last line was written.
    pub last_sent: Duration,
    /// Since the last line or pick-up arrived; since the start if none did.
    pub last_received: Duration,
    /// Connections handed to dials.
    pub picked_up: u64,
    /// Dials that the machine said it could not serve.
    pub failed: u64,
    /// Dials that gave up waiting.
    pub given_up: u64,
    /// Dials that wait now.
    pub waiting: usize,
}

/// Dials one machine through its session. Clones share it.
#[derive(Clone)]
pub struct Dialer(pub(super) Arc<Shared>);

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The id is half a secret: only its hub is shown.
        write!(f, "Dialer(of hub {:?})", self.0.id.hub())
    }
}

/// What a session, its dialers and the registry share.
pub(super) struct Shared {
    pub id: DialerId,
    pub pending: Pending,
    pub lines: mpsc::Sender<Line>,
    pub closed: watch::Sender<Closing>,
    pub picked_up: AtomicU64,
    pub failed: AtomicU64,
    given_up: AtomicU64,
    opened: Instant,
    pub last_sent: Mutex<Instant>,
    pub last_received: Mutex<Instant>,
}

/// How far a session is on its way to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    No,
    Asked,
    Done,
}

impl Shared {
    pub fn new(id: DialerId, lines: mpsc::Sender<Line>) -> Self {
        let now = Instant::now();
        Self {
            id,
            pending: Pending::open(),
            lines,
            closed: watch::Sender::new(Closing::No),
            picked_up: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
            opened: now,
            last_sent: Mutex::new(now),
            last_received: Mutex::new(now),
        }
    }

    /// A `pickup-failed` of the machine: fails the dial it belongs to, and no other.
    pub fn pickup_failed(&self, line: Line) {
        let token = line
            .conn_path
            .split_once('?')
            .and_then(|(_, query)| query_value(query, TOKEN));
        let Some(hand) = token.and_then(|token| self.pending.take(token)) else {
            tracing::debug!(err = %line.err, "pick-up failed for a dial that waits no more");
            return;
        };
        self.failed.fetch_add(1, Ordering::Relaxed);
        drop(hand.send(Err(line.err)));
    }
}

impl Dialer {
    /// Opens a connection to the machine within `limit`. Cancel-safe: a dial that is dropped voids its token, and a
    /// pick-up that comes later is closed.
    ///
    /// # Errors
    /// [`DialError`].
    pub async fn dial(&self, limit: Duration) -> Result<BoxStream, DialError> {
        let token = random::hex128().map_err(DialError::Random)?;
        let arrival = self
            .0
            .pending
            .wait(&token)
            .map_err(|refused| match refused {
                Refused::Closed => DialError::Closed,
                Refused::TooMany => DialError::TooMany,
            })?;
        let mut waiting = Waiting {
            shared: &self.0,
            token,
            arrived: false,
        };
        let ready = Line::conn_ready(format!(
            "{PICK_UP_PATH}?{DIALER}={}&{TOKEN}={}",
            self.0.id, waiting.token
        ));
        let asked = async {
            self.0
                .lines
                .send(ready)
                .await
                .map_err(|_| DialError::Closed)?;
            arrival
                .await
                .map_err(|_| DialError::Closed)?
                .map_err(DialError::Failed)
        };
        let opened = tokio::time::timeout(limit, asked).await;
        waiting.arrived = opened.is_ok();
        opened.map_err(|_| DialError::TimedOut)?
    }

    /// Ends the session and its control connection. Connections picked up already live on.
    pub fn close(&self) {
        self.0.closed.send_if_modified(|closing| {
            let open = *closing == Closing::No;
            if open {
                *closing = Closing::Asked;
            }
            open
        });
    }

    /// Whether the session ended or was asked to.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        *self.0.closed.borrow() != Closing::No
    }

    /// Waits until the session has ended.
    pub async fn closed(&self) {
        let mut closed = self.0.closed.subscribe();
        // The sender lives in what `self` holds.
        drop(closed.wait_for(|closing| *closing == Closing::Done).await);
    }

    /// The session's name.
    #[must_use]
    pub fn id(&self) -> &DialerId {
        &self.0.id
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> SessionStats {
        let shared = &self.0;
        SessionStats {
            age: shared.opened.elapsed(),
            last_sent: shared.last_sent.lock().elapsed(),
            last_received: shared.last_received.lock().elapsed(),
            picked_up: shared.picked_up.load(Ordering::Relaxed),
            failed: shared.failed.load(Ordering::Relaxed),
            given_up: shared.given_up.load(Ordering::Relaxed),
            waiting: shared.pending.len(),
        }
    }
}

impl Connect for Dialer {
    fn connect(&self) -> BoxFuture<'_, io::Result<BoxStream>> {
        async move { self.dial(PICK_UP_LIMIT).await.map_err(io::Error::other) }.boxed()
    }
}

/// Voids the token of a dial that ends, however it ends.
struct Waiting<'a> {
    shared: &'a Shared,
    token: String,
    arrived: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.pending.take(&self.token);
        if !self.arrived {
            self.shared.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }
}
