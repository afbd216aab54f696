//! Sending the source: from a mirror of the repository, through gzip, to the machine, never held as a whole.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;

use farm_forge::git::Mirror;
use farm_model::message::work::SourceRef;
use farm_wire::client::{Client, TransportError};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio_util::io::StreamReader;

use super::fault::Fault;
use super::gzip::gzip;
use super::{Bad, End};
use crate::text::one_line;

/// Of what the machine says, in characters.
const REASON: usize = 300;

/// Mirrors of repositories in the data folder, by URL: as many as the farm has repositories.
pub struct Mirrors {
    folder: PathBuf,
    open: Mutex<HashMap<String, Mirror>>,
}

impl Mirrors {
    /// Mirrors below `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            open: Mutex::default(),
        }
    }

    /// Puts the tree of the commit into the folder `into` of the machine.
    ///
    /// # Errors
    /// [`Bad::Lost`]: the source cannot be read, or not be sent. [`Bad::Failed`]: it holds what no machine unpacks.
    pub async fn send(&self, source: &SourceRef, into: &str, client: &Client) -> End {
        let unreadable = |why: String| {
            Bad::Lost(format!(
                "cannot read {} at {}: {why}",
                source.repo, source.commit
            ))
        };
        let archive = self.mirror(&source.url).archive(&source.commit).await;
        let archive = archive.map_err(|error| unreadable(error.to_string()))?;
        let fault = Fault::default();
        let body = StreamReader::new(fault.watch(gzip(archive)));
        let sent = client.put_tar(body, into, |_| {}).await;
        match (fault.take(), sent) {
            (Some(why), _) => Err(unreadable(why)),
            // The machine says what in it cannot be unpacked: a hard link that leads out of the tree, a name it cannot have.
            // No other machine would take it.
            (None, Err(TransportError::Status { status: 400, body })) => Err(Bad::Failed(format!(
                "the source cannot be unpacked: {}",
                one_line(&body, REASON)
            ))),
            (None, Err(error)) => Err(Bad::Lost(format!("cannot send the source: {error}"))),
            (None, Ok(())) => Ok(()),
        }
    }

    /// All attempts of one source share its mirror, which makes them take turns where they must.
    fn mirror(&self, url: &str) -> Mirror {
        let mut open = self.open.lock();
        let opened = open.entry(url.to_owned());
        opened
            .or_insert_with(|| Mirror::open(self.folder_of(url), url))
            .clone()
    }

    /// Named by the URL's digest: whatever a URL holds, the mirror stays in the folder.
    fn folder_of(&self, url: &str) -> PathBuf {
        let digest = Sha256::digest(url.as_bytes());
        let name = digest
            .iter()
            .take(16)
            .fold(String::new(), |mut name, byte| {
                // Writing to a string does not fail.
                let _ = write!(name, "{byte:02x}");
                name
            });
        self.folder.join(name)
    }
}
