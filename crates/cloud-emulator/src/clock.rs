//! The wall clock: what these servers show as times.

use jiff::Timestamp;

/// Now, in whole seconds or finer.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where this package reads the wall clock"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Now, in whole seconds.
pub(crate) fn second() -> Timestamp {
    let now = now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
