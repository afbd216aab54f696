//! Time, taken from one place.

use std::fmt::Debug;

/// Where the emulator reads the time.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Microseconds since the Unix epoch.
    fn micros(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where this package reads the wall clock"
    )]
    fn micros(&self) -> u64 {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let wall = wall.unwrap_or_default().as_micros();
        u64::try_from(wall).unwrap_or(u64::MAX)
    }
}
