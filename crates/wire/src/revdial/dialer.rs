//! The handle through which one machine is dialed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use tokio::sync::watch;

use super::place::{Place, Places};
use super::stats::{Counters, SessionStats};
use super::{DialerId, PICK_UP_LIMIT, v1, v2, v3};
use crate::reverse::RevdialVersion;
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
    /// There are as many connections as there may be.
    #[error("too many connections to this machine")]
    TooMany,
    /// The system gave no random bytes for a token.
    #[error("no random bytes: {0}")]
    Random(io::Error),
}

/// Why a machine gets no new key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenewError {
    /// Only version 3 knows of it.
    #[error("the machine speaks revdial version {0}, which renews no keys")]
    Version(RevdialVersion),
    /// No line holds it.
    #[error("the key is too long for a line")]
    TooLong,
    /// The session ended, or has too much to say already.
    #[error("the session takes no more lines")]
    Closed,
}

/// Dials one machine through its session. Clones share it.
#[derive(Clone)]
pub struct Dialer(pub(super) Arc<Shared>);

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The id is half a secret: only its hub is shown.
        write!(
            f,
            "Dialer(of hub {:?}, version {})",
            self.0.id.hub(),
            self.version()
        )
    }
}

/// What a session, its dialers and the registry share.
pub(super) struct Shared {
    pub id: DialerId,
    pub way: Way,
    pub closed: watch::Sender<Closing>,
    pub counters: Counters,
    places: Places,
}

/// How connections come to be.
pub(super) enum Way {
    Frames(v1::Dialing),
    PickUps(v2::Dialing),
    Streams(v3::Dialing),
}

/// How far a session is on its way to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    No,
    Asked,
    Done,
}

impl Shared {
    pub fn new(id: DialerId, way: Way) -> Self {
        Self {
            id,
            way,
            closed: watch::Sender::new(Closing::No),
            counters: Counters::new(),
            places: Places::new(),
        }
    }

    /// Fails all dials, now and later.
    pub fn end(&self) {
        match &self.way {
            Way::Frames(frames) => frames.end(),
            Way::PickUps(pick_ups) => pick_ups.end(),
            // They wait for the session itself, which is gone.
            Way::Streams(_) => {}
        }
        self.closed.send_replace(Closing::Done);
    }
}

impl Dialer {
    /// Opens a connection to the machine within `limit`. Cancel-safe: a dial that is dropped voids its token, and a
    /// pick-up that comes later is closed. In versions 1 and 3 the machine is told with the first data.
    ///
    /// # Errors
    /// [`DialError`].
    pub async fn dial(&self, limit: Duration) -> Result<BoxStream, DialError> {
        let place = self.0.places.take().ok_or(DialError::TooMany)?;
        let mut outcome = Outcome::of(&self.0.counters);
        let dialed = tokio::time::timeout(limit, self.open(place)).await;
        outcome.settle(&dialed);
        dialed.map_err(|_| DialError::TimedOut)?
    }

    async fn open(&self, place: Place) -> Result<BoxStream, DialError> {
        match &self.0.way {
            Way::Frames(frames) => Ok(place.hold(frames.dial().await?)),
            Way::PickUps(pick_ups) => Ok(place.hold(pick_ups.dial(&self.0.id).await?)),
            Way::Streams(streams) => Ok(place.hold(streams.dial().await?)),
        }
    }

    /// Gives the machine its next key.
    ///
    /// # Errors
    /// [`RenewError`].
    pub fn renew_key(&self, key: String) -> Result<(), RenewError> {
        match &self.0.way {
            Way::Streams(streams) => streams.renew_key(key),
            _ => Err(RenewError::Version(self.version())),
        }
    }

    /// Ends the session and its control connection. Connections picked up in version 2 live on; all others end.
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

    /// How the machine is dialed.
    #[must_use]
    pub fn version(&self) -> RevdialVersion {
        match self.0.way {
            Way::Frames(_) => RevdialVersion::V1,
            Way::PickUps(_) => RevdialVersion::V2,
            Way::Streams(_) => RevdialVersion::V3,
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> SessionStats {
        let places = self.0.places.taken();
        self.0.counters.stats(self.version(), places)
    }
}

impl Connect for Dialer {
    fn connect(&self) -> BoxFuture<'_, io::Result<BoxStream>> {
        async move { self.dial(PICK_UP_LIMIT).await.map_err(io::Error::other) }.boxed()
    }
}

/// Counts how a dial ends, however it ends.
struct Outcome<'a> {
    counters: &'a Counters,
    known: bool,
}

impl<'a> Outcome<'a> {
    fn of(counters: &'a Counters) -> Self {
        counters.waiting.fetch_add(1, Relaxed);
        Self {
            counters,
            known: false,
        }
    }

    fn settle(
        &mut self,
        dialed: &Result<Result<BoxStream, DialError>, tokio::time::error::Elapsed>,
    ) {
        let Ok(dialed) = dialed else { return };
        self.known = true;
        match dialed {
            Ok(_) => self.counters.picked_up.fetch_add(1, Relaxed),
            Err(DialError::Failed(_)) => self.counters.failed.fetch_add(1, Relaxed),
            Err(_) => 0,
        };
    }
}

impl Drop for Outcome<'_> {
    fn drop(&mut self) {
        self.counters.waiting.fetch_sub(1, Relaxed);
        if !self.known {
            self.counters.given_up.fetch_add(1, Relaxed);
        }
    }
}
