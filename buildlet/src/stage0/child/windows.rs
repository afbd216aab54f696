//! Windows: an event of the console tells a process to end, and a job ends it with us.

use std::io;

use tokio::process::{Child, Command};
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, GenerateConsoleCtrlEvent};
use windows_sys::Win32::System::Threading::CREATE_NEW_PROCESS_GROUP;

use crate::job::{Job, SUSPENDED};

/// A process that runs, and all that it starts.
pub(super) struct Started(pub Child, Job);

/// Starts it, in a group of its own: Ctrl-C is for us, and we tell it.
///
/// # Errors
/// It cannot be started.
pub(super) fn start(command: &mut Command) -> io::Result<Started> {
    let job = Job::new()?;
    let mut child = command
        .creation_flags(SUSPENDED | CREATE_NEW_PROCESS_GROUP)
        .spawn()?;
    match (child.id(), child.raw_handle()) {
        (Some(number), Some(handle)) => job.adopt(handle, number)?,
        _ => child.start_kill()?,
    }
    Ok(Started(child, job))
}

impl Started {
    /// Tells it to end; without a console, which it would share with us, it is killed.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unnecessary_wraps, reason = "other systems may fail")]
    pub fn tell(&self) -> io::Result<()> {
        let number = self.0.id().unwrap_or_default();
        #[expect(unsafe_code, reason = "the standard library knows no such events")]
        // SAFETY: two numbers. No group has number 0 here: that would mean all that share our console.
        let told =
            number != 0 && unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, number) } != 0;
        if !told {
            self.1.kill();
        }
        Ok(())
    }
}
