//! Between connections, which are async, and archives, which block: bounded queues of pieces.

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes, BytesMut};
use farm_archive::Error;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::http::{Connection, Head};

/// Pieces that may wait.
const PIECES: usize = 8;

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

/// Hands what is written to the other side, in pieces; fails when that is gone.
pub(super) struct Sink {
    pieces: mpsc::Sender<Bytes>,
    current: BytesMut,
    piece: usize,
}

impl Sink {
    /// Nobody wants it any more.
    pub fn is_closed(&self) -> bool {
        self.pieces.is_closed()
    }
}

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.current.extend_from_slice(data);
        if self.current.len() > self.piece {
            self.flush()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.current.is_empty() {
            return Ok(());
        }
        let piece = self.current.split().freeze();
        self.pieces
            .blocking_send(piece)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Answers with what `produce` writes, on a thread that may block. A body of no more than `piece` bytes is sent with its
/// length, a longer one in chunks as it comes.
///
/// # Errors
/// The outer error: the connection is to be cut, since `produce` failed after the answer began, or the client is gone.
/// The inner one: `produce` failed before that, and nothing was answered.
pub(super) async fn answer<F>(
    connection: &mut Connection,
    head: Head,
    piece: usize,
    produce: F,
) -> io::Result<Result<(), Error>>
where
    F: FnOnce(&mut Sink) -> Result<(), Error> + Send + 'static,
{
    let (pieces, mut receiver) = mpsc::channel(PIECES);
    let producing = spawn_blocking(move || {
        let mut sink = Sink {
            pieces,
            current: BytesMut::with_capacity(piece),
            piece,
        };
        produce(&mut sink)?;
        let what = "write answer".to_owned();
        sink.flush().map_err(|error| Error::Local { what, error })
    });
    let first = receiver.recv().await.unwrap_or_default();
    if first.len() <= piece {
        // Nothing follows a short piece.
        let done = producing.await.map_err(io::Error::other)?;
        return match done {
            Ok(()) => Ok(Ok(connection.respond(&head, &first).await?)),
            Err(error) if first.is_empty() => Ok(Err(error)),
            Err(error) => {
                connection
                    .stream(&head.typed(&first))
                    .await?
                    .chunk(&first)
                    .await?;
                Err(io::Error::other(error))
            }
        };
    }
    let mut stream = connection.stream(&head.typed(&first)).await?;
    stream.chunk(&first).await?;
    while let Some(piece) = receiver.recv().await {
        stream.chunk(&piece).await?;
    }
    let done = producing.await.map_err(io::Error::other)?;
    done.map_err(io::Error::other)?;
    Ok(Ok(stream.finish(&[]).await?))
}
