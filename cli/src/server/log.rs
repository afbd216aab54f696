//! One answer's part of a log.

use bytes::Bytes;
use reqwest::Response;

use super::ServerError;

/// Where to go on, in bytes. Its absence says that the answer is the whole log from its beginning, whatever was asked
/// for: a redirect to a stored one ends there.
const NEXT: &str = "x-log-next";
/// Of one answer, in bytes: what a log may hold, and then some.
const LARGEST: u64 = 2 << 30;

/// Bytes of a log, as they arrive.
#[derive(Debug)]
pub struct LogPiece {
    response: Response,
    /// What is told next begins at this byte of the log.
    at: u64,
    /// Of what arrives, bytes that were told before.
    skip: u64,
    next: Option<u64>,
    taken: u64,
}

impl LogPiece {
    /// The answer to a question for everything from `from` on.
    pub(super) fn new(response: Response, from: u64) -> Self {
        let header = response.headers().get(NEXT);
        let next = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Self {
            response,
            at: from,
            skip: if next.is_none() { from } else { 0 },
            next,
            taken: 0,
        }
    }

    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// The connection broke; [`LogPiece::next`] says from where to ask again.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ServerError> {
        while let Some(mut chunk) = self.arrive().await? {
            let old = self.skip.min(chunk.len() as u64);
            self.skip -= old;
            // No more than the chunk is long, so it fits.
            let new = chunk.split_off(usize::try_from(old).unwrap_or(chunk.len()));
            self.at += new.len() as u64;
            if !new.is_empty() {
                return Ok(Some(new));
            }
        }
        // Whole: the server knows best where the log goes on.
        self.at = self.next.unwrap_or(self.at).max(self.at);
        Ok(None)
    }

    async fn arrive(&mut self) -> Result<Option<Bytes>, ServerError> {
        let base = self.response.url().clone();
        let chunk = self.response.chunk().await;
        let chunk = chunk.map_err(|error| ServerError::of_request(&base, &error))?;
        self.taken += chunk.as_ref().map_or(0, Bytes::len) as u64;
        if self.taken > LARGEST {
            let text = format!("{base} answers more than {LARGEST} bytes");
            return Err(ServerError::Never(text));
        }
        Ok(chunk)
    }

    /// The byte to ask for next.
    pub fn next(&self) -> u64 {
        self.at
    }

    /// Whether the log may go on behind this answer: the server speaks of a next byte.
    pub fn goes_on(&self) -> bool {
        self.next.is_some()
    }
}
