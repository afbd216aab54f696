//! Programs that crash where nobody looks.

use windows_sys::Win32::System::Diagnostics::Debug::{
    SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SetErrorMode,
};

/// Commands inherit it: one that crashes ends, rather than wait for somebody to close a window that says so.
#[expect(unsafe_code, reason = "the standard library knows no such setting")]
#[expect(clippy::unnecessary_wraps, reason = "other systems may fail")]
pub(in crate::os) fn raise_limits() -> anyhow::Result<()> {
    // SAFETY: it takes a number, and may be called at any time.
    unsafe { SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX) };
    Ok(())
}
