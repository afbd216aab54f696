//! Reverse dialing, version 2: the hub asks over a control connection, the machine dials in once more per connection wanted
//! (`revdial.md` 3). Hub: [`Dialers`] knows every session, a [`Session`] runs one, a [`Dialer`] dials through it.
//! Machine: [`listener`].

mod dialer;
mod id;
mod line;
pub mod listener;
mod pending;
mod registry;
mod session;

pub use dialer::{DialError, Dialer, SessionStats};
pub use id::{BadHubId, DialerId};
pub use line::{Line, LineError, LineReader, MAX_READ, MAX_WRITTEN};
pub use registry::{Dialers, PickUpCounts};
pub use session::{Session, SessionEnd};

use std::time::Duration;

/// Between keep-alives of the hub.
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// For one line to be written.
pub const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// For a pick-up, from `conn-ready` to the connection, on both sides.
pub const PICK_UP_LIMIT: Duration = Duration::from_secs(20);

/// Where pick-ups arrive.
const PICK_UP_PATH: &str = "/revdial";
/// Names the session.
const DIALER: &str = "revdial.dialer";
/// Names the dial; opaque to the machine, which only echoes it.
const TOKEN: &str = "pickup";

#[cfg(test)]
mod tests;
