//! What differs from system to system. Only Linux is tested.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(all(unix, not(target_os = "linux")))]
mod unix;

#[cfg(target_os = "linux")]
pub use linux::{die_with_parent, kill_other_groups};
#[cfg(all(unix, not(target_os = "linux")))]
pub use unix::{die_with_parent, kill_other_groups};
