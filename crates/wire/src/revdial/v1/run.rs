//! One session.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::Work;
use super::frame::{Frame, Kind, MAX_PAYLOAD};
use super::table::{Outlet, Table};
use crate::revdial::SessionEnd;
use crate::revdial::control::within_limit;
use crate::revdial::stats::Counters;
use crate::stream::Duplex;

/// Frames that may wait to be written.
const FRAMES: usize = 4;
/// How long one connection may stop all others by not being read.
const STALL: Duration = Duration::from_secs(60);

/// Carries what the user of a connection writes to the machine.
pub(in crate::revdial) struct Pump {
    pub id: u32,
    pub outlet: Outlet,
}

/// Runs a session to its end.
pub(in crate::revdial) async fn run<S: Duplex>(
    control: S,
    work: Work,
    counters: &Counters,
) -> SessionEnd {
    let Work { table, new } = work;
    let (read, write) = tokio::io::split(control);
    let (frames, waiting) = mpsc::channel(FRAMES);
    tokio::select! {
        ended = read_frames(read, &table, counters) => ended,
        ended = write_frames(write, waiting, counters) => ended,
        () = pump_all(new, &table, &frames) => SessionEnd::Asked,
    }
}

async fn read_frames(
    mut read: impl AsyncRead + Unpin,
    table: &Table,
    counters: &Counters,
) -> SessionEnd {
    let mut buffer = BytesMut::new();
    loop {
        while let Some(frame) = Frame::take(&mut buffer) {
            counters.received();
            if let Err(end) = heed(frame, table).await {
                return end;
            }
        }
        match read.read_buf(&mut buffer).await {
            Ok(0) => return SessionEnd::Closed,
            Ok(_) => {}
            Err(error) => return SessionEnd::Io(error),
        }
    }
}

async fn heed(frame: Frame, table: &Table) -> Result<(), SessionEnd> {
    let id = frame.id;
    match frame.kind {
        Kind::New => Err(SessionEnd::Protocol("it opened a connection")),
        Kind::Write => {
            // Of a connection closed lately, perhaps.
            let Some(mut inlet) = table.take(id) else {
                return Ok(());
            };
            match tokio::time::timeout(STALL, inlet.write_all(&frame.payload)).await {
                Ok(Ok(())) => table.put(id, inlet),
                // Its user closed it.
                Ok(Err(_)) => {}
                Err(_) => return Err(SessionEnd::Stalled),
            }
            Ok(())
        }
        Kind::Close => {
            if let Some(mut inlet) = table.take(id) {
                drop(inlet.shutdown().await);
            }
            Ok(())
        }
        Kind::Unknown(_) => Ok(()),
    }
}

async fn write_frames(
    mut write: impl AsyncWrite + Unpin,
    mut frames: mpsc::Receiver<Frame>,
    counters: &Counters,
) -> SessionEnd {
    while let Some(frame) = frames.recv().await {
        let written = async {
            write.write_all(&frame.encode()).await?;
            write.flush().await
        };
        if let Err(end) = within_limit(written).await {
            return end;
        }
        counters.sent();
    }
    SessionEnd::Asked
}

/// Runs the pumps of all connections.
async fn pump_all(mut new: mpsc::Receiver<Pump>, table: &Table, frames: &mpsc::Sender<Frame>) {
    let mut pumps = FuturesUnordered::new();
    loop {
        tokio::select! {
            pump = new.recv() => match pump {
                Some(pump) => pumps.push(pump.run(table, frames)),
                None => return,
            },
            Some(_) = pumps.next() => {}
        }
    }
}

impl Pump {
    /// Opens the connection at the machine, and closes it there when its user did. `None`: the session is over.
    async fn run(mut self, table: &Table, frames: &mpsc::Sender<Frame>) -> Option<()> {
        let id = self.id;
        frames.send(Frame::bare(Kind::New, id)).await.ok()?;
        while let Some(payload) = self.next().await {
            let kind = Kind::Write;
            frames.send(Frame { kind, id, payload }).await.ok()?;
        }
        table.close(id);
        frames.send(Frame::bare(Kind::Close, id)).await.ok()
    }

    async fn next(&mut self) -> Option<Bytes> {
        let mut buffer = BytesMut::with_capacity(MAX_PAYLOAD);
        let read = (&mut self.outlet)
            .take(MAX_PAYLOAD as u64)
            .read_buf(&mut buffer)
            .await;
        match read {
            Ok(1..) => Some(buffer.freeze()),
            Ok(0) | Err(_) => None,
        }
    }
}
