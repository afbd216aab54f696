//! What of a session differs between Unix systems. Only Linux is tested.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(all(unix, not(target_os = "linux")))]
mod other;

#[cfg(target_os = "linux")]
pub use linux::{die_with_parent, kill_other_groups};
#[cfg(all(unix, not(target_os = "linux")))]
pub use other::{die_with_parent, kill_other_groups};
