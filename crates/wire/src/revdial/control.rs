//! The lines of a control connection, from the hub's side: versions 2 and 3.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::line::{Line, LineError, LineReader};
use super::stats::Counters;
use super::{KEEP_ALIVE, SessionEnd, WRITE_LIMIT};

/// How many lines may wait to be written. They are boxed: a queue makes room for many at once.
pub(super) const LINES: usize = 32;

/// Hands lines of the machine to `heed`, until there are no more.
pub(super) async fn read_lines(
    read: impl AsyncRead + Unpin,
    counters: &Counters,
    mut heed: impl FnMut(Line),
) -> SessionEnd {
    let mut reader = LineReader::new(read);
    loop {
        let line = match reader.next().await {
            Ok(Some(line)) => line,
            Ok(None) => return SessionEnd::Closed,
            Err(LineError::Bad(sample)) => return SessionEnd::BadLine(sample),
            Err(LineError::TooLong) => return SessionEnd::BadLine("a line too long".to_owned()),
            Err(LineError::Io(error)) => return SessionEnd::Io(error),
        };
        counters.received();
        heed(line);
    }
}

/// A keep-alive at the start, thirty seconds after the last line, and behind each other line, as in 2019.
pub(super) async fn write_lines(
    mut write: impl AsyncWrite + Unpin,
    mut lines: mpsc::Receiver<Box<Line>>,
    counters: &Counters,
) -> SessionEnd {
    let keep_alive = Line::keep_alive();
    let mut next: Option<Box<Line>> = None;
    loop {
        let batch = next.as_deref().into_iter().chain([&keep_alive]);
        if let Err(end) = write_batch(&mut write, batch).await {
            return end;
        }
        counters.sent();
        next = match tokio::time::timeout(KEEP_ALIVE, lines.recv()).await {
            // All dialers are gone, the session's own too: cannot be while it runs.
            Ok(None) => return SessionEnd::Asked,
            Ok(line) => line,
            Err(_) => None,
        };
    }
}

async fn write_batch(
    write: &mut (impl AsyncWrite + Unpin),
    lines: impl Iterator<Item = &Line>,
) -> Result<(), SessionEnd> {
    let mut bytes = Vec::new();
    for line in lines {
        match line.encode() {
            Ok(encoded) => bytes.extend(encoded),
            Err(error) => return Err(SessionEnd::Io(io::Error::other(error))),
        }
    }
    within_limit(async {
        write.write_all(&bytes).await?;
        write.flush().await
    })
    .await
}

/// Writing, within its limit.
pub(super) async fn within_limit(
    written: impl Future<Output = io::Result<()>>,
) -> Result<(), SessionEnd> {
    match tokio::time::timeout(WRITE_LIMIT, written).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(SessionEnd::Io(error)),
        Err(_) => Err(SessionEnd::WriteTimedOut),
    }
}
