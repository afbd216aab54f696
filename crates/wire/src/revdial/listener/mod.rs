//! The machine's side: register, then serve whatever connections the hub opens.

mod ask;
mod backoff;
mod incoming;
mod lines;
mod picker;
mod pickup;
mod register;
mod session;
mod versions;

pub use backoff::Backoff;
pub use incoming::{Incoming, NewKey, Renewals};
pub use register::{RegisterError, Registered, register};
pub use session::{ListenEnd, ListenSession, Listening, listen};
pub use versions::Versions;
