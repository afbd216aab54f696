//! Windows: an access list of our own, with nothing inherited from the folder.

#![expect(
    unsafe_code,
    reason = "the standard library makes files with what their folder gives"
)]

use std::fs::{File, Metadata};
use std::io;
use std::iter::once;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{GENERIC_WRITE, HANDLE, INVALID_HANDLE_VALUE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{
    GetTokenInformation, PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES, TOKEN_QUERY, TOKEN_USER,
    TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{CREATE_NEW, CreateFileW, FILE_ATTRIBUTE_NORMAL};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// A token's user: the structure and the longest SID behind it.
const MAX_USER: usize = 256;

/// A new file for this process's user, the system and administrators, from its first byte. It belongs to this process's user:
/// a file of somebody else's is not given back to them.
pub fn create(path: &Path, _: &Metadata) -> io::Result<File> {
    let sid = user()?;
    // Protected (P), so that nothing is inherited; full access (FA) each: the user, SYSTEM (SY), administrators (BA).
    let descriptor = Descriptor::new(&format!("D:P(A;;FA;;;{sid})(A;;FA;;;SY)(A;;FA;;;BA)"))?;
    let attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: descriptor.0,
        bInheritHandle: 0,
    };
    let name: Vec<u16> = path.as_os_str().encode_wide().chain(once(0)).collect();
    // SAFETY: the name ends in a NUL; attributes and what they point to live beyond the call.
    let handle = unsafe {
        CreateFileW(
            name.as_ptr(),
            GENERIC_WRITE,
            0,
            &raw const attributes,
            CREATE_NEW,
            FILE_ATTRIBUTE_NORMAL,
            null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened, and nobody else has it.
    Ok(unsafe { File::from_raw_handle(handle) })
}

/// The system's own business.
#[expect(clippy::unnecessary_wraps, reason = "other systems may fail")]
pub fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Who this process is, as a SID (`S-1-5-…`).
fn user() -> io::Result<String> {
    let mut token: HANDLE = null_mut();
    // SAFETY: the process's own handle needs no closing; `token` is written to.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened, and nobody else has it.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    // Aligned for the structure at its start.
    let mut buffer = [0_u64; MAX_USER / 8];
    let mut length = 0;
    // SAFETY: the buffer is as long as is said, and written to.
    let told = unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            buffer.as_mut_ptr().cast(),
            MAX_USER as u32,
            &raw mut length,
        )
    };
    if told == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: that is what the buffer holds now, aligned as it must be.
    let user = unsafe { &*buffer.as_ptr().cast::<TOKEN_USER>() };
    let mut text = null_mut();
    // SAFETY: the SID lies in the buffer; `text` is written to.
    if unsafe { ConvertSidToStringSidW(user.User.Sid, &raw mut text) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a string that ends in a NUL, which is ours to free, once.
    let sid = unsafe { widestring(text) };
    // SAFETY: as above.
    unsafe { LocalFree(text.cast()) };
    Ok(sid)
}

/// The text of a string.
///
/// # Safety
/// It ends in a NUL.
unsafe fn widestring(text: *const u16) -> String {
    let mut length = 0;
    // SAFETY: there is a NUL behind whatever was looked at before.
    while unsafe { *text.add(length) } != 0 {
        length += 1;
    }
    // SAFETY: so much of it was read just now.
    String::from_utf16_lossy(unsafe { std::slice::from_raw_parts(text, length) })
}

/// A security descriptor that the system made.
struct Descriptor(PSECURITY_DESCRIPTOR);

impl Descriptor {
    /// From its text: <https://learn.microsoft.com/windows/win32/secauthz/security-descriptor-string-format>.
    fn new(text: &str) -> io::Result<Self> {
        let text: Vec<u16> = text.encode_utf16().chain(once(0)).collect();
        let mut made = null_mut();
        // SAFETY: the text ends in a NUL, `made` is written to, and its length is not asked for.
        let done = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut made,
                null_mut(),
            )
        };
        match done {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(Self(made)),
        }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: the system made it, and it is freed once.
        unsafe { LocalFree(self.0) };
    }
}
