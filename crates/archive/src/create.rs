//! Packing (`buildlet.md` 4.5).

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};

use tar::{EntryType, Header};

use crate::dir::{Kind, MAX_DEPTH, NOT_ARCHIVED, Stat, group_name, user_name};
use crate::gzip::{Block, Members, Output, Single};
use crate::{Dir, Error};

const BLOCK: u64 = 512;
/// What a plain header can hold of a name.
const SHORT: usize = 100;

/// Writes the tree below `dir` to `out` as one gzip member: depth first, names in byte order, links as links. The tree
/// itself has no entry; names of directories end in `/`.
///
/// # Errors
/// [`Error::Local`]: `out` failed, or a file cannot be read, changed its size meanwhile, or is a socket, or directories
/// are nested deeper than 500. What is in `out` is no archive then.
pub fn create<W: Write>(dir: &Dir, out: W) -> Result<W, Error> {
    pack(dir, Single::new(out))
}

/// The same as many gzip members of 1 MiB of input each, compressed on all CPUs: the quick way. Readers that stop after
/// the first member exist; all of ours read on.
///
/// # Errors
/// As [`create`].
pub fn create_members<W: Write>(dir: &Dir, out: W) -> Result<W, Error> {
    std::thread::scope(|scope| {
        let members = Members::start(scope, out).map_err(Error::local("start", b"threads"))?;
        pack(dir, members)
    })
}

fn pack<B: Output>(dir: &Dir, out: B) -> Result<B::Written, Error> {
    let mut packing = Packing {
        out,
        block: Block::new(),
        owners: Owners::default(),
    };
    if let Err(error) = packing.tree(dir, &mut Vec::new(), 0) {
        packing.out.break_off();
        return Err(error);
    }
    let end = packing.write(&[0; 2 * BLOCK as usize]);
    end.and_then(|()| packing.out.take(&mut packing.block))
        .and_then(|()| packing.out.finish())
        .map_err(Error::local("write", b"archive"))
}

struct Packing<B: Output> {
    out: B,
    block: Block,
    owners: Owners,
}

impl<B: Output> Packing<B> {
    /// Everything in `dir`, whose name (with a final slash unless empty) is `prefix`.
    fn tree(&mut self, dir: &Dir, prefix: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            let deep = format!("directories nested deeper than {MAX_DEPTH}");
            return Err(Error::local("archive", prefix)(io::Error::other(deep)));
        }
        for name in dir.names().map_err(Error::local("list", prefix))? {
            let length = prefix.len();
            prefix.extend_from_slice(&name);
            self.entry(dir, &name, prefix, depth)?;
            prefix.truncate(length);
        }
        Ok(())
    }

    fn entry(
        &mut self,
        dir: &Dir,
        name: &[u8],
        path: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Error> {
        let stat = dir.stat(name).map_err(Error::local("stat", path))?;
        let header_only = |packing: &mut Self, path: &[u8], link: &[u8], entry| {
            let header = packing.header(&stat, entry);
            packing
                .head(header, path, link)
                .map_err(Error::local("write", path))
        };
        match stat.kind {
            Kind::File => {
                let file = dir.read(name).map_err(Error::local("open", path))?;
                self.file(&file, &stat, path)
                    .map_err(Error::local("read", path))
            }
            Kind::Dir => {
                path.push(b'/');
                header_only(self, path, b"", EntryType::Directory)?;
                let below = dir.enter(name, false).map_err(Error::local("open", path))?;
                self.tree(&below, path, depth + 1)
            }
            Kind::Symlink => {
                let target = dir
                    .read_link(name)
                    .map_err(Error::local("read link", path))?;
                header_only(self, path, &target, EntryType::Symlink)
            }
            Kind::Fifo => header_only(self, path, b"", EntryType::Fifo),
            Kind::Char => header_only(self, path, b"", EntryType::Char),
            Kind::Block => header_only(self, path, b"", EntryType::Block),
            Kind::Other => Err(Error::local("archive", path)(io::Error::other(
                NOT_ARCHIVED,
            ))),
        }
    }

    fn file(&mut self, mut file: &File, stat: &Stat, path: &[u8]) -> io::Result<()> {
        let size = file.metadata()?.len();
        let mut header = self.header(stat, EntryType::Regular);
        header.set_size(size);
        self.head(header, path, b"")?;
        let mut left = size;
        // A read that comes back short has met the end of the file.
        let mut ended = false;
        while left > 0 {
            if self.block.room().is_empty() {
                self.out.take(&mut self.block)?;
            }
            let room = self.block.room();
            // One byte more than expected shows a file that grows, without a read of its own.
            let most = usize::try_from(left + 1).map_or(room.len(), |left| left.min(room.len()));
            let length = file.read(&mut room[..most])?;
            if length == 0 {
                return Err(io::Error::other("file shrank while it was read"));
            }
            if length as u64 > left {
                return Err(io::Error::other("file grew while it was read"));
            }
            ended = length < most;
            self.block.filled(length);
            left -= length as u64;
        }
        if !ended && file.read(&mut [0])? != 0 {
            return Err(io::Error::other("file grew while it was read"));
        }
        self.pad(size)
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.block.room().is_empty() {
                self.out.take(&mut self.block)?;
            }
            let room = self.block.room();
            let length = room.len().min(bytes.len());
            room[..length].copy_from_slice(&bytes[..length]);
            self.block.filled(length);
            bytes = &bytes[length..];
        }
        Ok(())
    }

    fn header(&mut self, stat: &Stat, kind: EntryType) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(stat.mode & 0o7777);
        header.set_mtime(u64::try_from(stat.modified).unwrap_or(0));
        header.set_uid(stat.user.into());
        header.set_gid(stat.group.into());
        // Names too long for a header are left out: the numbers are there.
        let _ = header.set_username(self.owners.user(stat.user));
        let _ = header.set_groupname(self.owners.group(stat.group));
        if matches!(kind, EntryType::Char | EntryType::Block) {
            let _ = header.set_device_major(stat.device.0);
            let _ = header.set_device_minor(stat.device.1);
        }
        header
    }

    /// A header, with GNU's extensions in front where a name is long.
    fn head(&mut self, mut header: Header, name: &[u8], link: &[u8]) -> io::Result<()> {
        if link.len() > SHORT {
            self.long(EntryType::GNULongLink, link)?;
        }
        if name.len() > SHORT {
            self.long(EntryType::GNULongName, name)?;
        }
        if let Some(gnu) = header.as_gnu_mut() {
            put(&mut gnu.name, name);
            put(&mut gnu.linkname, link);
        }
        header.set_cksum();
        self.write(header.as_bytes())
    }

    fn long(&mut self, kind: EntryType, name: &[u8]) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        let size = name.len() as u64 + 1;
        header.set_size(size);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        if let Some(gnu) = header.as_gnu_mut() {
            put(&mut gnu.name, b"././@LongLink");
        }
        header.set_cksum();
        self.write(header.as_bytes())?;
        self.write(name)?;
        self.write(&[0])?;
        self.pad(size)
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let padding = usize::try_from(size.wrapping_neg() % BLOCK).unwrap_or(0);
        self.write(&[0; BLOCK as usize][..padding])
    }
}

fn put(field: &mut [u8; SHORT], name: &[u8]) {
    let length = name.len().min(SHORT);
    field[..length].copy_from_slice(&name[..length]);
}

/// Names of users and groups, asked once each.
#[derive(Default)]
struct Owners {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Owners {
    fn user(&mut self, id: u32) -> &str {
        let name = || user_name(id).unwrap_or_default();
        self.users.entry(id).or_insert_with(name)
    }

    fn group(&mut self, id: u32) -> &str {
        let name = || group_name(id).unwrap_or_default();
        self.groups.entry(id).or_insert_with(name)
    }
}
