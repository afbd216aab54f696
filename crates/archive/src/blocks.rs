//! The tar layer: headers with their extensions, of bounded size. A reader of its own, since what comes from the network
//! must not decide how much memory a name takes.

use std::io::{self, Read};

use tar::{EntryType, Header, PaxExtensions};

use crate::Error;

const BLOCK: usize = 512;
/// The longest extended header (names, pax records).
const MAX_EXTENSION: u64 = 1 << 20;

/// One member of an archive, extensions applied.
pub(crate) struct Entry {
    pub kind: EntryType,
    pub name: Vec<u8>,
    pub link: Vec<u8>,
    pub size: u64,
    pub mode: u32,
    /// Seconds since 1970.
    pub mtime: u64,
}

impl Entry {
    /// Whether bytes of a file follow its header.
    pub fn has_content(&self) -> bool {
        self.kind.is_file() || self.kind.is_contiguous()
    }
}

/// Reads an archive member by member.
pub(crate) struct Blocks<R> {
    source: R,
    /// Of the current member's content.
    left: u64,
    padding: u64,
}

/// What came in front of a member.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    mtime: Option<u64>,
}

impl<R: Read> Blocks<R> {
    pub fn new(source: R) -> Self {
        Self {
            source,
            left: 0,
            padding: 0,
        }
    }

    /// The next member; what was not read of the one before is skipped. `None` at the end marker, or at the end of input
    /// between members.
    pub fn next(&mut self) -> Result<Option<Entry>, Error> {
        let mut extensions = Extensions::default();
        loop {
            self.skip().map_err(|error| Error::tar(&error))?;
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            let size = header.entry_size().map_err(|error| Error::tar(&error))?;
            match header.entry_type() {
                EntryType::GNULongName => extensions.name = Some(until_nul(self.extension(size)?)),
                EntryType::GNULongLink => extensions.link = Some(until_nul(self.extension(size)?)),
                EntryType::XHeader => extensions.read(&self.extension(size)?)?,
                EntryType::XGlobalHeader => drop(self.extension(size)?),
                kind => return self.entry(&header, kind, size, extensions).map(Some),
            }
        }
    }

    fn entry(
        &mut self,
        header: &Header,
        kind: EntryType,
        size: u64,
        extensions: Extensions,
    ) -> Result<Entry, Error> {
        let name = extensions
            .name
            .unwrap_or_else(|| header.path_bytes().into_owned());
        // Before POSIX a directory was a file whose name ends in a slash.
        let kind = if kind.is_file() && name.ends_with(b"/") {
            EntryType::Directory
        } else {
            kind
        };
        let size = extensions.size.unwrap_or(size);
        let entry = Entry {
            kind,
            name,
            link: extensions
                .link
                .or_else(|| header.link_name_bytes().map(|link| link.into_owned()))
                .unwrap_or_default(),
            size,
            mode: header.mode().map_err(|error| Error::tar(&error))?,
            // Absurd times are no reason to refuse a file.
            mtime: extensions
                .mtime
                .or_else(|| header.mtime().ok())
                .unwrap_or_default(),
        };
        self.has(if entry.has_content() { size } else { 0 });
        Ok(entry)
    }

    /// How much of the current member's content was not read yet.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Content of this size follows.
    fn has(&mut self, size: u64) {
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    fn skip(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.left).saturating_add(std::mem::take(&mut self.padding));
        let skipped = io::copy(&mut self.source.by_ref().take(rest), &mut io::sink())?;
        if skipped == rest {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn header(&mut self) -> Result<Option<Header>, Error> {
        let mut header = Header::new_old();
        let block = header.as_mut_bytes();
        let mut filled = 0;
        while filled < BLOCK {
            match self.source.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(Error::tar(&io::ErrorKind::UnexpectedEof.into())),
                Ok(length) => filled += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::tar(&error)),
            }
        }
        if block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        check_sum(&header)?;
        Ok(Some(header))
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, Error> {
        if size > MAX_EXTENSION {
            return Err(Error::Malformed(
                "tar error: extended header too long".to_owned(),
            ));
        }
        self.has(size);
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)
            .map_err(|error| Error::tar(&error))?;
        Ok(bytes)
    }
}

/// The content of the current member; an archive that ends inside is an error, never a short file.
impl<R: Read> Read for Blocks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let length = self.source.read(&mut buffer[..most])?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= length as u64;
        Ok(length)
    }
}

impl Extensions {
    fn read(&mut self, records: &[u8]) -> Result<(), Error> {
        for record in PaxExtensions::new(records) {
            let record = record.map_err(|error| Error::tar(&error))?;
            let value = record.value_bytes();
            match record.key_bytes() {
                b"path" => self.name = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = Some(number(value)?),
                b"mtime" => {
                    self.mtime =
                        number(value.split(|&byte| byte == b'.').next().unwrap_or_default()).ok()
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err(Error::Malformed(
                        "tar error: sparse files are not supported".to_owned(),
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn number(digits: &[u8]) -> Result<u64, Error> {
    let number = std::str::from_utf8(digits)
        .ok()
        .and_then(|text| text.parse().ok());
    number.ok_or_else(|| Error::Malformed("tar error: bad pax record".to_owned()))
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

/// The sum of all bytes, those of the sum itself counted as spaces.
fn check_sum(header: &Header) -> Result<(), Error> {
    let bytes = header.as_bytes();
    let sum: u32 = bytes[..148]
        .iter()
        .chain(&bytes[156..])
        .map(|&byte| u32::from(byte))
        .sum::<u32>()
        + 8 * 32;
    match header.cksum() {
        Ok(said) if said == sum => Ok(()),
        _ => Err(Error::Malformed(
            "tar error: archive/tar: invalid tar header".to_owned(),
        )),
    }
}
