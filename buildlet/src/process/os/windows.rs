//! Windows: no groups and no signals. A tree of processes is found by its snapshot and killed, children first.

use std::process::{Command, Stdio};

/// Kills a process and all that descend from it.
///
/// # Errors
/// The system's tool cannot be run.
pub fn kill_tree(pid: u32) -> std::io::Result<()> {
    let pid = pid.to_string();
    Command::new("taskkill")
        .args(["/F", "/T", "/PID", &pid])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map(drop)
}
