//! Lines of the hub, from the machine's side: versions 2 and 3.

use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::sync::mpsc;

use super::{ListenEnd, NewKey};
use crate::revdial::line::{Line, LineReader};

/// The hub sends a line every thirty seconds: three missing ones and it is gone.
pub(super) const SILENCE: Duration = Duration::from_secs(90);

/// Reads lines. New keys are for both versions; what else there is for one of them, its caller heeds.
pub(super) struct Lines<R> {
    reader: LineReader<R>,
    keys: mpsc::Sender<NewKey>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub fn new(read: R, keys: mpsc::Sender<NewKey>) -> Self {
        Self {
            reader: LineReader::new(read),
            keys,
        }
    }

    /// The next line that is no keep-alive and no new key.
    pub async fn next(&mut self) -> Result<Line, ListenEnd> {
        loop {
            let next = tokio::time::timeout(SILENCE, self.reader.next()).await;
            let line = next.map_err(|_| ListenEnd::Silent)??;
            let line = line.ok_or(ListenEnd::Closed)?;
            match line.command.as_str() {
                "keep-alive" => {}
                "renew-key" => self.renew(line.key),
                _ => return Ok(line),
            }
        }
    }

    fn renew(&self, key: String) {
        match NewKey::new(key) {
            // A second one before the first was taken: the hub sends it again at the next registration.
            Some(key) => drop(self.keys.try_send(key)),
            None => tracing::warn!("the hub sent a key that cannot be used"),
        }
    }
}
