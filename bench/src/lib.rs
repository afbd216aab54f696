//! What the measurements share: figures with their spread, facts about this machine and its processes, and the peers.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on"
)]

#[cfg(feature = "farm")]
pub mod bulk;
pub mod figures;
pub mod machine;
#[cfg(feature = "farm")]
pub mod peer;
pub mod pubsub;
pub mod ran;
