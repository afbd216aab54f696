//! FreeBSD. Not tested.

pub(super) use super::usual::{configure, raise_limits};
pub use super::usual::{console, guest_info, in_memory_work_dir, is_google_machine};

use super::tell::run_or_log;

/// The cloud's networks carry no larger packets; builds need no durable disk.
pub(super) async fn prepare_cloud_machine(is_buildlet: bool) {
    run_or_log(&["ifconfig", "vtnet0", "mtu", "1460"]).await;
    if is_buildlet {
        run_or_log(&["/sbin/mount", "-u", "-o", "async,noatime", "/"]).await;
    }
}
