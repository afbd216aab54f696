//! Between connections, which are async, and archives, which block: bounded queues of pieces.

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::http::Connection;

/// Pieces that may wait.
const PIECES: usize = 8;
/// Size of a piece written.
const PIECE: usize = 64 * 1024;

type Piece = io::Result<Bytes>;

/// Reads what [`feed`] sends. An end that was not sent is an error: whoever fed is gone.
pub(super) struct Source {
    pieces: mpsc::Receiver<Piece>,
    current: Bytes,
    ended: bool,
}

pub(super) fn source() -> (mpsc::Sender<Piece>, Source) {
    let (sender, pieces) = mpsc::channel(PIECES);
    (
        sender,
        Source {
            pieces,
            current: Bytes::new(),
            ended: false,
        },
    )
}

/// Sends the body of a request, until it ends or nobody reads any more.
pub(super) async fn feed(connection: &mut Connection, pieces: mpsc::Sender<Piece>) {
    loop {
        let piece = match connection.body().await {
            Ok(piece) => Ok(piece.unwrap_or_default()),
            Err(error) => {
                tracing::debug!(%error, "a body broke off");
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        };
        let last = piece.as_ref().map_or(true, Bytes::is_empty);
        if pieces.send(piece).await.is_err() || last {
            return;
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() && !self.ended {
            self.current = self
                .pieces
                .blocking_recv()
                .unwrap_or(Err(io::ErrorKind::UnexpectedEof.into()))?;
            self.ended = self.current.is_empty();
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current[..length]);
        self.current.advance(length);
        Ok(length)
    }
}

/// Hands what is written to the other side; fails when that is gone.
pub(super) struct Sink {
    pieces: mpsc::Sender<Bytes>,
    current: BytesMut,
}

pub(super) fn sink() -> (Sink, mpsc::Receiver<Bytes>) {
    let (pieces, receiver) = mpsc::channel(PIECES);
    (
        Sink {
            pieces,
            current: BytesMut::with_capacity(PIECE),
        },
        receiver,
    )
}

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.current.extend_from_slice(data);
        if self.current.len() >= PIECE {
            self.flush()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.current.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.current, BytesMut::with_capacity(PIECE)).freeze();
        self.pieces
            .blocking_send(piece)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
