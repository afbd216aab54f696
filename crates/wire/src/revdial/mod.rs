//! Reverse dialing: a hub opens connections to machines that can only dial out (`revdial.md`).
//!
//! | version | a connection is | for |
//! |---|---|---|
//! | 1 | frames on the control connection | buildlets before version 23, where it is switched on |
//! | 2 | one more TLS connection, dialed by the machine when a line asks for it | peers of 2019 |
//! | 3 | a yamux stream on the one TLS connection | our own ends |
//!
//! Hub: [`Dialers`] knows every session, a [`Session`] runs one, a [`Dialer`] dials through it, whatever the version.
//! Machine: [`listener`], versions 2 and 3.
//!
//! Version 3 is asked for by `X-Revdial-Version: 3`, and answered by a 101 with the same header. The hub is the yamux client:
//! it alone opens streams. The first carries the lines of version 2 (keep-alives, `renew-key`); on every other one the hub
//! speaks HTTP/1.1 first. A stream costs no round trip: its first data opens it.

mod control;
mod dialer;
pub mod fuzz;
mod id;
mod line;
pub mod listener;
mod place;
mod registry;
mod session;
mod stats;
mod v1;
mod v2;
mod v3;

pub use dialer::{DialError, Dialer, RenewError};
pub use id::{BadHubId, DialerId};
pub use line::{Line, LineError, LineReader, MAX_READ, MAX_WRITTEN};
pub use registry::{Dialers, PickUpCounts};
pub use session::{Session, SessionEnd};
pub use stats::SessionStats;

use std::time::Duration;

/// Between keep-alives of the hub.
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// For one line or frame to be written; in version 3 for any byte to be taken.
pub const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// For a pick-up, from `conn-ready` to the connection, on both sides.
pub const PICK_UP_LIMIT: Duration = Duration::from_secs(20);
/// Connections to one machine at once, opened and asked for, whatever the version. Neither side has more.
pub const MAX_CONNECTIONS: usize = 64;

#[cfg(test)]
mod tests;
