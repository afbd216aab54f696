//! The calls to the system itself, which take a directory and a name in it. What the Win32 layer above them makes of names
//! (devices, drives, dots at the end, short paths) does not happen here: a name is one component, and nothing else.
#![expect(
    unsafe_code,
    reason = "neither the standard library nor a kept crate has these calls with a directory to start from"
)]

use std::fs::File;
use std::io;
use std::mem::offset_of;
use std::os::windows::io::{AsRawHandle, FromRawHandle, RawHandle};
use std::ptr::{null, null_mut};

use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{
    FILE_INFORMATION_CLASS, FILE_OPEN_REPARSE_POINT, FILE_SYNCHRONOUS_IO_NONALERT,
    NTCREATEFILE_CREATE_DISPOSITION, NTCREATEFILE_CREATE_OPTIONS, NtCreateFile,
    NtSetInformationFile,
};
use windows_sys::Win32::Foundation::{
    ERROR_NO_MORE_FILES, HANDLE, NTSTATUS, OBJ_CASE_INSENSITIVE, RtlNtStatusToDosError,
    UNICODE_STRING,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ACCESS_RIGHTS, FILE_ATTRIBUTE_NORMAL, FILE_FULL_DIR_INFO,
    FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, FileFullDirectoryInfo,
    GetFileInformationByHandle, GetFileInformationByHandleEx, MAXIMUM_REPARSE_DATA_BUFFER_SIZE,
    SYNCHRONIZE,
};
use windows_sys::Win32::System::IO::{DeviceIoControl, IO_STATUS_BLOCK};
use windows_sys::Win32::System::Ioctl::FSCTL_GET_REPARSE_POINT;

/// What lies in a name's place is opened to be read, written, renamed and removed by others meanwhile, as on Unix.
pub(super) const SHARED: u32 = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
/// The longest component that a file system takes.
const LONGEST: usize = 255;

/// How something is opened.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub access: FILE_ACCESS_RIGHTS,
    pub disposition: NTCREATEFILE_CREATE_DISPOSITION,
    pub options: NTCREATEFILE_CREATE_OPTIONS,
}

/// What `name` stands for in `dir`; `dir` itself, opened anew, if it is empty. Links of any kind are opened themselves.
pub(super) fn open(dir: &File, name: &Name, how: How) -> io::Result<File> {
    let bytes = u16::try_from(name.length() * 2).map_err(io::Error::other)?;
    let object_name = UNICODE_STRING {
        Length: bytes,
        MaximumLength: bytes,
        // Only read, whatever its type says.
        Buffer: name.units.as_ptr().cast_mut(),
    };
    let attributes = OBJECT_ATTRIBUTES {
        Length: length_of::<OBJECT_ATTRIBUTES>(),
        RootDirectory: dir.as_raw_handle(),
        ObjectName: &raw const object_name,
        Attributes: OBJ_CASE_INSENSITIVE,
        SecurityDescriptor: null(),
        SecurityQualityOfService: null(),
    };
    let mut handle: RawHandle = null_mut();
    let mut status = IO_STATUS_BLOCK::default();
    // SAFETY: all that is pointed to lives until the call returns, and is what `NtCreateFile` says it takes.
    let result = unsafe {
        NtCreateFile(
            &raw mut handle,
            how.access | SYNCHRONIZE,
            &raw const attributes,
            &raw mut status,
            null(),
            FILE_ATTRIBUTE_NORMAL,
            SHARED,
            how.disposition,
            how.options | FILE_OPEN_REPARSE_POINT | FILE_SYNCHRONOUS_IO_NONALERT,
            null(),
            0,
        )
    };
    done(result)?;
    // SAFETY: the call succeeded, so the handle is open and nobody else has it.
    Ok(unsafe { File::from_raw_handle(handle) })
}

/// One component of a path, in the system's units.
pub(super) struct Name {
    units: Vec<u16>,
}

impl Name {
    /// `None`: this is more than a component, or none.
    pub fn new(units: Vec<u16>) -> Option<Self> {
        let dot = u16::from(b'.');
        let leads = |unit: &u16| b"\\/:\0".iter().any(|&byte| *unit == u16::from(byte));
        let bad = units.is_empty()
            || units.len() > LONGEST
            || units == [dot]
            || units == [dot, dot]
            || units.iter().any(leads);
        (!bad).then_some(Self { units })
    }

    /// The directory itself.
    pub fn itself() -> Self {
        Self { units: Vec::new() }
    }

    fn length(&self) -> usize {
        self.units.len()
    }
}

/// `FILE_RENAME_INFORMATION` and `FILE_LINK_INFORMATION`, which are alike, with room for a name.
#[repr(C)]
pub(super) struct NewName {
    /// Whether what has the name is replaced: `BOOLEAN` or flags, by the class.
    replace: u32,
    directory: HANDLE,
    bytes: u32,
    name: [u16; LONGEST],
}

impl NewName {
    /// Lives no longer than `dir` is open.
    pub fn new(dir: &File, name: &Name, replace: u32) -> Self {
        let mut units = [0; LONGEST];
        units[..name.length()].copy_from_slice(&name.units);
        Self {
            replace,
            directory: dir.as_raw_handle(),
            bytes: u32::try_from(name.length() * 2).unwrap_or(0),
            name: units,
        }
    }
}

/// Changes what `class` says. The system checks that `value` is what the class wants, by its length.
pub(super) fn set<T>(file: &File, class: FILE_INFORMATION_CLASS, value: &T) -> io::Result<()> {
    let mut status = IO_STATUS_BLOCK::default();
    // SAFETY: `value` and `status` live until the call returns, and no more of `value` is read than there is.
    let result = unsafe {
        NtSetInformationFile(
            file.as_raw_handle(),
            &raw mut status,
            std::ptr::from_ref(value).cast(),
            length_of::<T>(),
            class,
        )
    };
    done(result)
}

/// Attributes, number of names, and what tells one file from all others.
pub(super) fn information(file: &File) -> io::Result<BY_HANDLE_FILE_INFORMATION> {
    let mut information = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: `information` is what is filled in, and lives until the call returns.
    let result = unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut information) };
    succeeded(result)?;
    Ok(information)
}

/// The reparse data of a link of any kind.
pub(super) fn reparse_data(file: &File) -> io::Result<Vec<u8>> {
    let mut data = vec![0_u8; MAXIMUM_REPARSE_DATA_BUFFER_SIZE as usize];
    let mut length = 0;
    // SAFETY: nothing is read, no more is written than `data` has room for, and all lives until the call returns.
    let result = unsafe {
        DeviceIoControl(
            file.as_raw_handle(),
            FSCTL_GET_REPARSE_POINT,
            null(),
            0,
            data.as_mut_ptr().cast(),
            MAXIMUM_REPARSE_DATA_BUFFER_SIZE,
            &raw mut length,
            null_mut(),
        )
    };
    succeeded(result)?;
    data.truncate(length as usize);
    Ok(data)
}

/// A piece of a listing, aligned as the system wants it.
#[repr(C, align(8))]
struct Piece([u8; 64 * 1024]);

/// All names in `dir`, which was just opened: `.` and `..` among them.
pub(super) fn names(dir: &File) -> io::Result<Vec<Vec<u16>>> {
    let mut piece = Box::new(Piece([0; _]));
    let mut names = Vec::new();
    loop {
        // SAFETY: no more is written than `piece` has room for, and it lives until the call returns.
        let result = unsafe {
            GetFileInformationByHandleEx(
                dir.as_raw_handle(),
                FileFullDirectoryInfo,
                (&raw mut *piece).cast(),
                length_of::<Piece>(),
            )
        };
        match succeeded(result) {
            Err(error) if error.raw_os_error() == Some(ERROR_NO_MORE_FILES.cast_signed()) => {
                return Ok(names);
            }
            result => result?,
        }
        entries(&piece.0, &mut names).ok_or_else(|| io::Error::other("broken listing"))?;
    }
}

/// Reads the names of `FILE_FULL_DIR_INFO` entries. `None`: they contradict themselves.
fn entries(mut piece: &[u8], names: &mut Vec<Vec<u16>>) -> Option<()> {
    const NAME: usize = offset_of!(FILE_FULL_DIR_INFO, FileName);
    const NAME_LENGTH: usize = offset_of!(FILE_FULL_DIR_INFO, FileNameLength);
    loop {
        let next = number(piece, offset_of!(FILE_FULL_DIR_INFO, NextEntryOffset))?;
        let name = piece.get(NAME..)?.get(..number(piece, NAME_LENGTH)?)?;
        names.push(super::units(name));
        if next == 0 {
            return Some(());
        }
        piece = piece.get(next..)?;
    }
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

fn length_of<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(u32::MAX)
}

fn succeeded(result: i32) -> io::Result<()> {
    if result == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The system's own statuses as the errors that the standard library knows.
fn done(status: NTSTATUS) -> io::Result<()> {
    if status >= 0 {
        return Ok(());
    }
    // SAFETY: it takes a number and gives one.
    let code = unsafe { RtlNtStatusToDosError(status) };
    Err(io::Error::from_raw_os_error(code.cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_component() {
        let name = |text: &str| Name::new(text.encode_utf16().collect());
        for good in ["a", "...", "NUL", "a. ", ".a", &"x".repeat(255)] {
            assert!(name(good).is_some(), "{good:?}");
        }
        for bad in ["", ".", "..", "a\\b", "a/b", "a:b", "a\0", &"x".repeat(256)] {
            assert!(name(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_listing_that_contradicts_itself_is_none() {
        let entry = |next: u32, length: u32, name: &str| {
            let mut bytes = vec![0; offset_of!(FILE_FULL_DIR_INFO, FileName)];
            bytes[..4].copy_from_slice(&next.to_le_bytes());
            let at = offset_of!(FILE_FULL_DIR_INFO, FileNameLength);
            bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
            bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
            bytes
        };
        let two = [entry(72, 4, "ab"), entry(0, 2, "c")].concat();
        let mut names = Vec::new();
        assert!(entries(&two, &mut names).is_some());
        let texts: Vec<_> = names
            .iter()
            .map(|name| String::from_utf16_lossy(name))
            .collect();
        assert_eq!(texts, ["ab", "c"]);
        for bad in [entry(0, 200, "a"), entry(900, 2, "a"), vec![0; 9]] {
            assert!(entries(&bad, &mut Vec::new()).is_none());
        }
    }
}
