//! The machine's side: register, then pick up whenever the hub asks.

mod backoff;
mod pickup;
mod register;
mod session;

pub use backoff::Backoff;
pub use register::{RegisterError, register};
pub use session::{Incoming, ListenEnd, ListenSession, listen};
