//! The client of one buildlet (`buildlet.md` 11): over a direct connection or one picked up, it does not matter.

mod body;
mod connection;
mod error;
mod exec;
mod form;
mod forward;
mod heartbeat;
mod listing;
mod plain;
mod remote;
mod request;
mod ssh;
mod state;
mod transfer;

pub use error::{RemoteError, TransportError};
pub use exec::{Exec, Running};
pub use forward::Forwarded;
pub use listing::{DirEntry, ListOptions, Listing};
pub use plain::Status;
pub use remote::{RemoteBuildlet, RemoteFarm};
pub use transfer::Download;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::HeaderValue;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::stream::Connect;
use request::Route;
use state::Life;

/// For `/status` and `/workdir`.
const QUICK: Duration = Duration::from_secs(10);
/// For `/halt`.
const HALT: Duration = Duration::from_secs(2);
/// For `/removeall`: large trees on slow disks.
const REMOVAL: Duration = Duration::from_secs(600);
/// For the answer of `/exec` to begin.
const HEADERS: Duration = Duration::from_secs(20);
/// Nothing moves for so long: the connection is given up.
const STALL: Duration = Duration::from_secs(120);
/// How much of an error's text is kept.
const ERROR_TEXT: usize = 4096;
/// How much of a short answer is read.
const SHORT_ANSWER: usize = 64 * 1024;

/// A buildlet. Clones share connections and state; when the last one is dropped, all its connections close.
///
/// It is *broken* after a time-out or another failure of a command, or when somebody says so: it should not be used
/// again, and transfers under way end. It is *dead*, once and with a cause, when three heartbeats failed or it was
/// closed: everything that waits for it ends with [`TransportError::Dead`].
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    route: Arc<Route>,
    life: Arc<Life>,
    /// The heartbeat, from the first request on; ends with the client.
    heart: Option<Mutex<JoinSet<()>>>,
    closed: AtomicBool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({:?}, {:?})", self.0.route.host, self.0.life)
    }
}

impl Client {
    /// A client of whatever `connect` reaches; `host` is the value of `Host`, left empty if no header can hold it, which
    /// every buildlet takes. Nothing is opened yet.
    #[must_use]
    pub fn new(connect: Arc<dyn Connect>, host: &str) -> Self {
        Self::of(Route::new(connect, host), Life::new(None), false)
    }

    /// The same with a password, for the user `gomote`. Neither connections nor state are shared with the client before.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        self.with_login("gomote", password)
    }

    /// The same with a user and a password.
    #[must_use]
    pub fn with_login(self, user: &str, password: &str) -> Self {
        self.altered(|route| route.log_in(user, password))
    }

    /// The same for the buildlet that is known as `name` to whoever is reached, see [`RemoteFarm`].
    fn behind(self, name: HeaderValue) -> Self {
        self.altered(|route| route.behind = Some(name))
    }

    /// The same with a heartbeat that begins with the first request; `on_death` is called once, with the cause, when the
    /// buildlet is dead.
    #[must_use]
    pub fn with_heartbeat(self, on_death: impl FnOnce(&TransportError) + Send + 'static) -> Self {
        let life = Life::new(Some(Box::new(on_death)));
        Self::of(self.0.route.sibling(), life, true)
    }

    fn altered(self, change: impl FnOnce(&mut Route)) -> Self {
        let mut route = self.0.route.sibling();
        change(&mut route);
        let life = Life::new(self.0.life.take_on_death());
        Self::of(route, life, self.0.heart.is_some())
    }

    fn of(route: Route, life: Life, beats: bool) -> Self {
        Self(Arc::new(Shared {
            route: Arc::new(route),
            life: Arc::new(life),
            heart: beats.then(Mutex::default),
            closed: AtomicBool::new(false),
        }))
    }

    /// Whether this buildlet should not be used again.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.life.is_broken()
    }

    /// Says that this buildlet should not be used again. Transfers and removals under way end with
    /// [`TransportError::Broken`].
    pub fn mark_broken(&self) {
        self.0.life.mark_broken();
    }

    /// Waits until the buildlet is dead; the cause, in [`TransportError::Dead`].
    pub async fn died(&self) -> TransportError {
        self.0.life.died().await
    }

    /// Asks the buildlet to end, within two seconds, and gives it up: it is dead of [`TransportError::Closed`]. Only the
    /// first call does something.
    pub async fn close(&self) {
        if self.0.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        // Also if nobody waits for the halt's answer any more.
        let _dies = Dies(&self.0.life);
        self.halt().await;
    }

    /// An exchange that only death ends.
    async fn while_alive<T>(
        &self,
        exchange: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, TransportError> {
        self.begin_to_beat();
        tokio::select! {
            biased;
            cause = self.0.life.died() => Err(cause),
            done = exchange => done,
        }
    }

    /// An exchange that ends when the buildlet should not be used any more.
    async fn while_usable<T>(
        &self,
        exchange: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, TransportError> {
        self.begin_to_beat();
        tokio::select! {
            biased;
            cause = self.0.life.unusable() => Err(cause),
            done = exchange => done,
        }
    }

    fn begin_to_beat(&self) {
        let Some(heart) = &self.0.heart else { return };
        let mut heart = heart.lock();
        if heart.is_empty() && !self.0.life.is_dead() {
            let (route, life) = (self.0.route.sibling(), self.0.life.clone());
            heart.spawn(async move { drop(heartbeat::beat(&route, &life).await) });
        }
    }
}

struct Dies<'a>(&'a Life);

impl Drop for Dies<'_> {
    fn drop(&mut self) {
        self.0.die(TransportError::Closed);
    }
}

#[cfg(test)]
mod tests;
