//! One control connection, from the hub's side.

use std::io;
use std::time::Instant;

use tokio::io::{AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::dialer::{Closing, Shared};
use super::line::{Line, LineError, LineReader};
use super::{Dialer, Dialers, KEEP_ALIVE, WRITE_LIMIT};
use crate::stream::Duplex;

/// How many `conn-ready` lines may wait to be written.
pub(super) const LINES: usize = 32;

/// Why a session ended.
#[derive(Debug)]
pub enum SessionEnd {
    /// The machine closed the connection.
    Closed,
    /// [`Dialer::close`].
    Asked,
    /// The machine sent what is no line. Holds a sample.
    BadLine(String),
    /// The machine did not read for ten seconds.
    WriteTimedOut,
    /// The connection failed.
    Io(io::Error),
}

/// A session to be run by its owner. Dropping it ends it: it is unregistered, waiting dials fail, the connection closes.
#[must_use = "a session does nothing until it is run"]
pub struct Session<S> {
    control: S,
    lines: mpsc::Receiver<Line>,
    end: Ending,
}

impl<S: Duplex> Session<S> {
    pub(super) fn new(
        dialers: Dialers,
        dialer: Dialer,
        control: S,
        lines: mpsc::Receiver<Line>,
    ) -> Self {
        Self {
            control,
            lines,
            end: Ending { dialers, dialer },
        }
    }

    /// Runs the session to its end. Connections picked up already live on.
    pub async fn run(self) -> SessionEnd {
        let Self {
            control,
            lines,
            end,
        } = self;
        let shared = end.dialer.0.clone();
        let (read, write) = tokio::io::split(control);
        let mut asked = shared.closed.subscribe();
        tokio::select! {
            ended = read_lines(read, &shared) => ended,
            ended = write_lines(write, lines, &shared) => ended,
            _ = asked.wait_for(|closing| *closing != Closing::No) => SessionEnd::Asked,
        }
    }
}

async fn read_lines<S: Duplex>(read: ReadHalf<S>, shared: &Shared) -> SessionEnd {
    let mut reader = LineReader::new(read);
    loop {
        let line = match reader.next().await {
            Ok(Some(line)) => line,
            Ok(None) => return SessionEnd::Closed,
            Err(LineError::Bad(sample)) => return SessionEnd::BadLine(sample),
            Err(LineError::TooLong) => return SessionEnd::BadLine("a line too long".to_owned()),
            Err(LineError::Io(error)) => return SessionEnd::Io(error),
        };
        *shared.last_received.lock() = Instant::now();
        if line.command == "pickup-failed" {
            shared.pickup_failed(line);
        }
    }
}

/// A keep-alive at the start, thirty seconds after the last line, and behind each `conn-ready`, as in 2019.
async fn write_lines<S: Duplex>(
    mut write: WriteHalf<S>,
    mut lines: mpsc::Receiver<Line>,
    shared: &Shared,
) -> SessionEnd {
    let keep_alive = Line::keep_alive();
    let mut next = None;
    loop {
        if let Err(end) = write_batch(&mut write, next.iter().chain([&keep_alive])).await {
            return end;
        }
        *shared.last_sent.lock() = Instant::now();
        next = match tokio::time::timeout(KEEP_ALIVE, lines.recv()).await {
            // All dialers are gone, the session's own too: cannot be while it runs.
            Ok(None) => return SessionEnd::Asked,
            Ok(line) => line,
            Err(_) => None,
        };
    }
}

async fn write_batch<W: AsyncWrite + Unpin>(
    write: &mut W,
    lines: impl Iterator<Item = &Line>,
) -> Result<(), SessionEnd> {
    let mut bytes = Vec::new();
    for line in lines {
        match line.encode() {
            Ok(encoded) => bytes.extend(encoded),
            Err(error) => return Err(SessionEnd::Io(io::Error::other(error))),
        }
    }
    let written = async {
        write.write_all(&bytes).await?;
        write.flush().await
    };
    match tokio::time::timeout(WRITE_LIMIT, written).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(SessionEnd::Io(error)),
        Err(_) => Err(SessionEnd::WriteTimedOut),
    }
}

/// What happens at the end of a session, however it comes.
struct Ending {
    dialers: Dialers,
    dialer: Dialer,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.dialers.forget(&self.dialer.0.id);
        self.dialer.0.pending.close();
        self.dialer.0.closed.send_replace(Closing::Done);
    }
}
