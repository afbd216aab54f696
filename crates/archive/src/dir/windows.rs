//! On Windows: the same walk from directory handles, by the system's own calls. Modes are what the 2019 buildlet made of them
//! (`buildlet.md` 4.3 to 4.6): read-only or not, and not set.

mod nt;
mod reparse;
mod stat;
mod text;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_CREATE, FILE_DIRECTORY_FILE, FILE_DISPOSITION_DELETE,
    FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE, FILE_DISPOSITION_INFORMATION,
    FILE_DISPOSITION_INFORMATION_EX, FILE_DISPOSITION_POSIX_SEMANTICS, FILE_NON_DIRECTORY_FILE,
    FILE_OPEN, FILE_OPEN_IF, FILE_RENAME_IGNORE_READONLY_ATTRIBUTE, FILE_RENAME_POSIX_SEMANTICS,
    FILE_RENAME_REPLACE_IF_EXISTS, FileBasicInformation, FileDispositionInformation,
    FileDispositionInformationEx, FileLinkInformation, FileRenameInformation,
    FileRenameInformationEx, NTCREATEFILE_CREATE_DISPOSITION, NTCREATEFILE_CREATE_OPTIONS,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_ACCESS_RIGHTS, FILE_ATTRIBUTE_NORMAL, FILE_ATTRIBUTE_READONLY, FILE_BASIC_INFO,
    FILE_FLAG_BACKUP_SEMANTICS, FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_LIST_DIRECTORY,
    FILE_READ_ATTRIBUTES, FILE_TRAVERSE, FILE_WRITE_ATTRIBUTES,
};

use self::nt::{How, Name, NewName};
use self::stat::{is_reparse_point, regular};
use super::{Dir, Kind, Stat};

pub(super) type Handle = File;

/// Why [`Kind::Other`] is not archived.
pub(crate) const NOT_ARCHIVED: &str =
    "sockets, and reparse points that are no links, cannot be archived";
const DIR: FILE_ACCESS_RIGHTS = FILE_LIST_DIRECTORY | FILE_TRAVERSE | FILE_READ_ATTRIBUTES;

impl Dir {
    /// The directory at `path`, which its operator chose: links are followed.
    ///
    /// # Errors
    /// It is not there or no directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .access_mode(DIR)
            .share_mode(nt::SHARED)
            .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
            .open(path)?;
        if !file.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self(file))
    }

    /// Whether both are handles on one directory.
    ///
    /// # Errors
    /// One of them cannot be asked.
    pub fn is_same(&self, other: &Self) -> io::Result<bool> {
        let identity = |file| {
            let is = nt::information(file)?;
            let index = (is.nFileIndexHigh, is.nFileIndexLow);
            io::Result::Ok((is.dwVolumeSerialNumber, index))
        };
        Ok(identity(&self.0)? == identity(&other.0)?)
    }

    pub(crate) fn enter(&self, name: &[u8], make: bool) -> io::Result<Self> {
        let disposition = if make { FILE_OPEN_IF } else { FILE_OPEN };
        let opened = self.at(name, DIR, disposition, FILE_DIRECTORY_FILE);
        let dir = opened.map_err(|error| self.not_entered(name, error))?;
        if is_reparse_point(&dir.metadata()?) {
            let leads = io::Error::other("the way leads through a reparse point");
            return Err(self.not_entered(name, leads));
        }
        Ok(Self(dir))
    }

    /// All names in it, in byte order.
    pub(crate) fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        // Opened anew, the listing has a position of its own.
        let how = How {
            access: FILE_LIST_DIRECTORY,
            disposition: FILE_OPEN,
            options: FILE_DIRECTORY_FILE,
        };
        let names = nt::names(&nt::open(&self.0, &Name::itself(), how)?)?;
        let mut names: Vec<_> = names.iter().map(|name| text::bytes(name)).collect();
        names.retain(|name| name != b"." && name != b"..");
        names.sort_unstable();
        Ok(names)
    }

    pub(crate) fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        stat::of(
            &self
                .at(name, FILE_READ_ATTRIBUTES, FILE_OPEN, 0)?
                .metadata()?,
        )
    }

    /// A regular file for reading.
    pub(crate) fn read(&self, name: &[u8]) -> io::Result<File> {
        let file = self.at(name, FILE_GENERIC_READ, FILE_OPEN, FILE_NON_DIRECTORY_FILE)?;
        regular(file)
    }

    /// A regular file, created or truncated. A link in its place is replaced, and so is a file that has other names.
    pub(crate) fn write(&self, name: &[u8], _mode: u32) -> io::Result<File> {
        // Mostly there is nothing yet, and what was just made needs no second look.
        match self.create_new(name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made,
        }
        match self.at(
            name,
            FILE_GENERIC_WRITE | FILE_READ_ATTRIBUTES,
            FILE_OPEN,
            FILE_NON_DIRECTORY_FILE,
        ) {
            Err(error) if self.kind(name)? != Some(Kind::Symlink) => return Err(error),
            Err(_) => {}
            Ok(file) => {
                // What has another name too is not changed through this one: the other may lie outside the tree.
                if !file.metadata()?.is_symlink() && nt::information(&file)?.nNumberOfLinks == 1 {
                    let file = regular(file)?;
                    file.set_len(0)?;
                    return Ok(file);
                }
            }
        }
        self.unlink(name)?;
        self.create_new(name)
    }

    /// A new file that nothing else has.
    pub(crate) fn create_new(&self, name: &[u8]) -> io::Result<File> {
        self.at(
            name,
            FILE_GENERIC_WRITE | FILE_READ_ATTRIBUTES,
            FILE_CREATE,
            FILE_NON_DIRECTORY_FILE,
        )
    }

    /// Not done: it is a privilege.
    pub(crate) fn symlink(&self, _name: &[u8], _target: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        let link = self.at(name, FILE_READ_ATTRIBUTES, FILE_OPEN, 0)?;
        let target = reparse::target(&nt::reparse_data(&link)?)
            .ok_or_else(|| io::Error::other("a link of an unknown kind"))?;
        let mut target = text::bytes(&target);
        for byte in &mut target {
            *byte = if *byte == b'\\' { b'/' } else { *byte };
        }
        Ok(target)
    }

    /// A second name for a file; neither name is followed if it is a link.
    pub(crate) fn hard_link(&self, name: &[u8], to: (&Self, &[u8])) -> io::Result<()> {
        let file = to.0.at(to.1, FILE_WRITE_ATTRIBUTES, FILE_OPEN, 0)?;
        let new = NewName::new(&self.0, &component(name)?, 0);
        nt::set(&file, FileLinkInformation, &new)
    }

    /// What has the new name is replaced, also if it is read-only; not if it is a directory.
    pub(crate) fn move_to(&self, from: &[u8], to: (&Self, &[u8])) -> io::Result<()> {
        let file = self.at(from, DELETE | FILE_READ_ATTRIBUTES, FILE_OPEN, 0)?;
        let new = component(to.1)?;
        let quick = FILE_RENAME_REPLACE_IF_EXISTS
            | FILE_RENAME_POSIX_SEMANTICS
            | FILE_RENAME_IGNORE_READONLY_ATTRIBUTE;
        let quick = NewName::new(&to.0.0, &new, quick);
        if nt::set(&file, FileRenameInformationEx, &quick).is_ok() {
            return Ok(());
        }
        // Before Windows 10, and on other file systems than NTFS.
        let _ = to.0.make_entry_writable(to.1);
        let slow = NewName::new(&to.0.0, &new, u32::from(true));
        nt::set(&file, FileRenameInformation, &slow)
    }

    /// Removes what is no directory; of links into directories the link.
    pub(crate) fn unlink(&self, name: &[u8]) -> io::Result<()> {
        let file = self.at(name, DELETE | FILE_READ_ATTRIBUTES, FILE_OPEN, 0)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() && !is_reparse_point(&metadata) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        self.delete(name, &file)
    }

    pub(crate) fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        let access = DELETE | FILE_READ_ATTRIBUTES;
        let dir = self.at(name, access, FILE_OPEN, FILE_DIRECTORY_FILE)?;
        self.delete(name, &dir)
    }

    fn delete(&self, name: &[u8], file: &File) -> io::Result<()> {
        let quick = FILE_DISPOSITION_INFORMATION_EX {
            Flags: FILE_DISPOSITION_DELETE
                | FILE_DISPOSITION_POSIX_SEMANTICS
                | FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE,
        };
        if nt::set(file, FileDispositionInformationEx, &quick).is_ok() {
            return Ok(());
        }
        // Before Windows 10, and on other file systems than NTFS.
        let _ = self.make_entry_writable(name);
        let slow = FILE_DISPOSITION_INFORMATION { DeleteFile: true };
        nt::set(file, FileDispositionInformation, &slow)
    }

    /// Nothing: what may be done in a directory does not depend on its being read-only.
    pub(crate) fn make_writable(&self) -> io::Result<()> {
        Ok(())
    }

    /// What has `name` is no longer read-only.
    pub(crate) fn make_entry_writable(&self, name: &[u8]) -> io::Result<()> {
        let access = FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES;
        let file = self.at(name, access, FILE_OPEN, 0)?;
        let attributes = file.metadata()?.file_attributes();
        if attributes & FILE_ATTRIBUTE_READONLY == 0 {
            return Ok(());
        }
        // Times that are zero stay as they are.
        let writable = FILE_BASIC_INFO {
            FileAttributes: attributes & !FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_NORMAL,
            ..FILE_BASIC_INFO::default()
        };
        nt::set(&file, FileBasicInformation, &writable)
    }

    fn at(
        &self,
        name: &[u8],
        access: FILE_ACCESS_RIGHTS,
        disposition: NTCREATEFILE_CREATE_DISPOSITION,
        options: NTCREATEFILE_CREATE_OPTIONS,
    ) -> io::Result<File> {
        let how = How {
            access,
            disposition,
            options,
        };
        nt::open(&self.0, &component(name)?, how)
    }
}

/// Windows has no modes to set.
pub(crate) fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// Owners have no numbers here, and no names that would mean anything elsewhere.
pub(crate) fn user_name(_id: u32) -> Option<String> {
    None
}

pub(crate) fn group_name(_id: u32) -> Option<String> {
    None
}

fn component(name: &[u8]) -> io::Result<Name> {
    Name::new(text::units(name)?).ok_or_else(|| {
        let kind = io::ErrorKind::InvalidFilename;
        io::Error::new(kind, "no name that Windows can give a file")
    })
}

/// The system's units in a row of bytes.
fn units(bytes: &[u8]) -> Vec<u16> {
    let pairs = bytes.chunks_exact(2);
    pairs
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}
