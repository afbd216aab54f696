//! Time, taken from one place: leases, back-off, retention and publish times all read [`Clock`].

use std::fmt::Debug;
use std::future::Future;
use std::ops::Add;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// A point in time: microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment so many microseconds after the Unix epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    pub(crate) fn to_proto(self) -> prost_types::Timestamp {
        prost_types::Timestamp {
            seconds: i64::try_from(self.0 / 1_000_000).unwrap_or(i64::MAX),
            nanos: i32::try_from(self.0 % 1_000_000 * 1_000).unwrap_or(0),
        }
    }

    pub(crate) fn from_proto(time: &prost_types::Timestamp) -> Self {
        let seconds = u64::try_from(time.seconds).unwrap_or(0);
        let nanos = u64::try_from(time.nanos).unwrap_or(0);
        Self(seconds.saturating_mul(1_000_000) + nanos / 1_000)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, length: Duration) -> Moment {
        let micros = u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        Moment(self.0.saturating_add(micros))
    }
}

/// A wait for a moment.
pub type Wait<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Where the emulator reads the time and waits for it.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Moment;

    /// Resolves once `now()` has reached `at`.
    fn reached(&self, at: Moment) -> Wait<'_>;
}

/// The machine's clock: the wall time at its making, carried on by the monotonic clock, so that a
/// step of the wall clock neither expires nor prolongs a lease.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    epoch: Moment,
}

impl SystemClock {
    /// A clock that starts at the wall time.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where this package reads the wall clock"
    )]
    pub fn start() -> Self {
        let wall = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started: Instant::now(),
            epoch: Moment::default() + wall,
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        self.epoch + self.started.elapsed()
    }

    fn reached(&self, at: Moment) -> Wait<'_> {
        Box::pin(tokio::time::sleep(at.since(self.now())))
    }
}

/// A clock that stands still until it is moved: for tests.
#[derive(Debug)]
pub struct ManualClock(watch::Sender<Moment>);

impl ManualClock {
    /// A clock standing at `start`.
    pub fn at(start: Moment) -> Self {
        Self(watch::Sender::new(start))
    }

    /// Moves the clock forward and wakes whoever waits for a moment that has come.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now = *now + by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        *self.0.borrow()
    }

    fn reached(&self, at: Moment) -> Wait<'_> {
        let mut moved = self.0.subscribe();
        Box::pin(async move {
            // The sender lives as long as `self`, so this never fails.
            let _ = moved.wait_for(|now| *now >= at).await;
        })
    }
}
