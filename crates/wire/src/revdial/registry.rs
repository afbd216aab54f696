//! All sessions of a hub, by id, and where its acceptor brings pick-ups.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;

use super::dialer::{Shared, Way};
use super::id::{check_hub, hub_of};
use super::session::{self, Session};
use super::v2::{DIALER, Hand, TOKEN};
use super::{BadHubId, Dialer, DialerId};
use crate::head::{Refusal, RequestHead, write_101, write_refusal};
use crate::reverse::RevdialVersion;
use crate::stream::Duplex;

/// The sessions of one hub. Clones share them.
#[derive(Clone)]
pub struct Dialers(Arc<Inner>);

struct Inner {
    hub: String,
    sessions: Mutex<HashMap<String, Arc<Shared>>>,
    unknown: AtomicU64,
    unwanted: AtomicU64,
    handed: AtomicU64,
}

/// What became of pick-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PickUpCounts {
    /// For no session of ours.
    pub unknown: u64,
    /// For a session of ours, but with no token, a used one, or one whose dial gave up.
    pub unwanted: u64,
    /// Handed to the dial that asked.
    pub handed: u64,
}

impl Dialers {
    /// For the hub of this id.
    ///
    /// # Errors
    /// The id cannot stand in a dialer id.
    pub fn new(hub: &str) -> Result<Self, BadHubId> {
        check_hub(hub)?;
        Ok(Self(Arc::new(Inner {
            hub: hub.to_owned(),
            sessions: Mutex::default(),
            unknown: AtomicU64::new(0),
            unwanted: AtomicU64::new(0),
            handed: AtomicU64::new(0),
        })))
    }

    /// Which hub a `/revdial` request belongs to, if it names one: another's is spliced to its owner.
    #[must_use]
    pub fn hub_of(head: &RequestHead) -> Option<&str> {
        hub_of(head.query(DIALER)?)
    }

    /// Opens a session of this version on a control connection, after the 101. It is known until [`Session`] ends or is
    /// dropped.
    ///
    /// # Errors
    /// The system has no random bytes for its id.
    pub fn open<S: Duplex>(
        &self,
        version: RevdialVersion,
        control: S,
    ) -> io::Result<(Dialer, Session<S>)> {
        let id = DialerId::random(&self.0.hub)?;
        let (way, work) = session::prepare(version);
        let shared = Arc::new(Shared::new(id, way));
        let mut sessions = self.0.sessions.lock();
        sessions.insert(shared.id.to_string(), shared.clone());
        drop(sessions);
        let dialer = Dialer(shared);
        let session = Session::new(self.clone(), dialer.clone(), control, work);
        Ok((dialer, session))
    }

    pub(super) fn forget(&self, id: &DialerId) {
        self.0.sessions.lock().remove(id.as_str());
    }

    /// Answers a `/revdial` request: a 101 and the connection goes to the dial that asked for it, or a refusal, and the
    /// connection closes. `now` is for the `Date` of a refusal.
    ///
    /// # Errors
    /// What the peer was told; for the log and for counting per source.
    pub async fn pick_up<S: Duplex + 'static>(
        &self,
        head: &RequestHead,
        mut stream: S,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        match self.claim(head) {
            Ok(hand) => {
                // The dial fails by the dropped hand if the 101 cannot be written.
                if write_101(&mut stream).await.is_ok() && hand.send(Ok(Box::new(stream))).is_ok() {
                    self.0.handed.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            }
            Err(refusal) => {
                drop(write_refusal(&mut stream, &refusal, now).await);
                drop(tokio::io::AsyncWriteExt::shutdown(&mut stream).await);
                Err(refusal)
            }
        }
    }

    /// The checks of `revdial.md` 3.5, and the token: each is good once.
    fn claim(&self, head: &RequestHead) -> Result<Hand, Refusal> {
        if head.method != "GET" {
            return Err(Refusal::new(
                405,
                "expected GET request to revdial conn handler",
            ));
        }
        let session = head
            .query(DIALER)
            .and_then(|id| self.0.sessions.lock().get(id).cloned());
        let Some(session) = session else {
            self.0.unknown.fetch_add(1, Ordering::Relaxed);
            return Err(Refusal::new(400, "unknown dialer"));
        };
        session.counters.received();
        let token = head.query(TOKEN);
        let hand = match &session.way {
            Way::PickUps(pick_ups) => token.and_then(|token| pick_ups.take(token)),
            Way::Frames(_) | Way::Streams(_) => None,
        };
        hand.ok_or_else(|| {
            session.counters.late.fetch_add(1, Ordering::Relaxed);
            self.0.unwanted.fetch_add(1, Ordering::Relaxed);
            Refusal::new(400, "nobody waits for this pick-up")
        })
    }

    /// What became of pick-ups so far.
    #[must_use]
    pub fn counts(&self) -> PickUpCounts {
        PickUpCounts {
            unknown: self.0.unknown.load(Ordering::Relaxed),
            unwanted: self.0.unwanted.load(Ordering::Relaxed),
            handed: self.0.handed.load(Ordering::Relaxed),
        }
    }

    /// How many sessions are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.sessions.lock().len()
    }

    /// Whether no session is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
