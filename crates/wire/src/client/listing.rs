//! Listing a tree (`buildlet.md` 4.6).

use bytes::{Bytes, BytesMut};

use super::form::Form;
use super::transfer::Stream;
use super::{Client, TransportError};

/// The longest line.
const MAX_LINE: usize = 64 * 1024;
/// Letters in front of the permissions that say it is no regular file: directory, symbolic link, device, pipe, socket,
/// character device, irregular.
const NOT_REGULAR: &[u8] = b"dLDpSc?";
const PERMISSIONS: usize = 9;
const SHA1_HEX: usize = 40;

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// Directories are entered, too.
    pub recursive: bool,
    /// Regular files come with their SHA-1.
    pub digest: bool,
    /// Directories neither listed nor entered: names relative to the listed one, without a final slash.
    pub skip: Vec<String>,
}

/// One thing in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    mode: String,
    name: Bytes,
    file: Option<File>,
}

/// What only regular files have.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    size: u64,
    modified: String,
    digest: Option<String>,
}

impl DirEntry {
    /// Reads one line, without its end. From the right, so that a tab in a file's name does no harm.
    fn parse(line: &Bytes, digest: bool) -> Option<Self> {
        let tab = line.iter().position(|&byte| byte == b'\t')?;
        let mode = std::str::from_utf8(&line[..tab]).ok()?;
        let letters = mode.len().checked_sub(PERMISSIONS).filter(|&n| n > 0)?;
        let mut rest = line.slice(tab + 1..);
        let special = |byte: &u8| NOT_REGULAR.contains(byte);
        let file = if mode.as_bytes()[..letters].iter().any(special) {
            None
        } else {
            let is_sum = |text: &String| text.len() == SHA1_HEX && hex::decode(text).is_ok();
            let mut modified = last_field(&mut rest)?;
            let digest = Some(&modified)
                .filter(|text| digest && is_sum(text))
                .cloned();
            if digest.is_some() {
                modified = last_field(&mut rest)?;
            }
            let size = last_field(&mut rest)?.parse().ok()?;
            Some(File {
                size,
                modified,
                digest,
            })
        };
        Some(Self {
            mode: mode.to_owned(),
            name: rest,
            file,
        })
    }

    /// Relative to the listed directory, `/` between components; a directory's ends in `/`. Need not be UTF-8.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// In Go's form: `-rwxr-xr-x`, `drwxr-xr-x`, `Lrwxrwxrwx`.
    #[must_use]
    pub fn mode(&self) -> &str {
        &self.mode
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.mode.starts_with('d')
    }

    /// In bytes; regular files only.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.file.as_ref().map(|file| file.size)
    }

    /// When it was modified, in whole seconds of UTC as `2006-01-02T15:04:05Z`; regular files only.
    #[must_use]
    pub fn modified(&self) -> Option<&str> {
        self.file.as_ref().map(|file| file.modified.as_str())
    }

    /// The SHA-1 in lower-case hex; regular files only, and only if asked for.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.file.as_ref()?.digest.as_deref()
    }
}

/// Takes the last field off.
fn last_field(line: &mut Bytes) -> Option<String> {
    let tab = line.iter().rposition(|&byte| byte == b'\t')?;
    let field = std::str::from_utf8(&line[tab + 1..]).ok()?.to_owned();
    line.truncate(tab);
    Some(field)
}

/// A listing on its way. Dropping it closes the connection.
#[derive(Debug)]
pub struct Listing {
    stream: Stream,
    digest: bool,
    unread: BytesMut,
}

impl Client {
    /// Lists `dir` below the work dir (empty: the work dir).
    ///
    /// # Errors
    /// [`TransportError`]; a directory that is not there is a status.
    pub async fn list_dir(
        &self,
        dir: &str,
        options: &ListOptions,
    ) -> Result<Listing, TransportError> {
        let flag = |on| if on { "true" } else { "false" };
        let path = Form::default()
            .with("digest", flag(options.digest))
            .with("dir", dir)
            .with("recursive", flag(options.recursive))
            .with_all("skip", &options.skip)
            .after("/ls");
        Ok(Listing {
            stream: self.stream_of(&path).await?,
            digest: options.digest,
            unread: BytesMut::new(),
        })
    }
}

impl Listing {
    /// The next entry; `None` at the end, which only a complete listing has. Cancel-safe.
    ///
    /// # Errors
    /// The connection broke, nothing came for two minutes, or a line is none or longer than 64 KiB.
    pub async fn next(&mut self) -> Result<Option<DirEntry>, TransportError> {
        let mut seen = 0;
        loop {
            if let Some(end) = self.unread[seen..].iter().position(|&byte| byte == b'\n') {
                let mut line = self.unread.split_to(seen + end + 1);
                line.truncate(seen + end);
                return self.entry(line.freeze()).map(Some);
            }
            seen = self.unread.len();
            if seen > MAX_LINE {
                return Err(TransportError::Protocol(format!(
                    "a line of more than {MAX_LINE} bytes in a listing"
                )));
            }
            match self.stream.next().await? {
                Some(piece) => self.unread.extend_from_slice(&piece),
                None if self.unread.is_empty() => return Ok(None),
                None => {
                    let line = self.unread.split().freeze();
                    return self.entry(line).map(Some);
                }
            }
        }
    }

    fn entry(&self, line: Bytes) -> Result<DirEntry, TransportError> {
        DirEntry::parse(&line, self.digest)
            .filter(|_| line.len() <= MAX_LINE)
            .ok_or_else(|| {
                let start = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
                TransportError::Protocol(format!("no line of a listing: {start:?}"))
            })
    }
}
