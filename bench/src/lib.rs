//! What the measurements share: figures with their spread, and facts about this machine and its processes.
#![allow(
    clippy::unwrap_used,
    reason = "a measurement ends where it cannot go on"
)]

pub mod bulk;
pub mod figures;
pub mod machine;
