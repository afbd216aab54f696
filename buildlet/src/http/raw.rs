//! What a handler gets of a connection beside its answer: news of its end, or all of it.

use bytes::BytesMut;
use farm_wire::stream::BoxStream;
use tokio::io::{AsyncReadExt, ReadHalf, WriteHalf};

/// How much may be read ahead while an answer is streamed.
const MAX_AHEAD: usize = 64 * 1024;

/// A connection that was taken over.
pub struct Raw<'a> {
    /// What the client sends.
    pub read: &'a mut ReadHalf<BoxStream>,
    /// What it is sent.
    pub write: &'a mut WriteHalf<BoxStream>,
    /// What was read of it already.
    pub ahead: &'a mut BytesMut,
}

/// Notices a client that goes away: closing its half counts (`buildlet.md` 5.8).
pub struct Gone<'a> {
    pub(super) read: &'a mut ReadHalf<BoxStream>,
    pub(super) buffer: &'a mut BytesMut,
}

impl Gone<'_> {
    /// Returns when the client is gone. What it sends early is kept for later. Cancel-safe.
    pub async fn wait(&mut self) {
        while self.buffer.len() < MAX_AHEAD {
            match self.read.read_buf(self.buffer).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
        }
        // A client that sends this much ahead is watched no further than by writing to it.
        std::future::pending().await
    }
}
