//! Version 2: pick-ups, each when a line asks for it.

use std::sync::Arc;

use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::ListenEnd;
use super::lines::Lines;
use super::pickup::pick_up;
use crate::revdial::line::{Line, LineError};
use crate::revdial::{MAX_CONNECTIONS, PICK_UP_LIMIT, WRITE_LIMIT};
use crate::stream::{BoxStream, Connect};

/// Failures that may wait to be written.
const LINES: usize = 8;

/// Serves a control connection to its end.
pub(super) async fn run(
    control: BoxStream,
    lines: impl FnOnce(ReadHalf<BoxStream>) -> Lines<ReadHalf<BoxStream>>,
    connect: Arc<dyn Connect>,
    host: String,
    accepted: mpsc::Sender<BoxStream>,
) -> ListenEnd {
    let (read, write) = tokio::io::split(control);
    let (failed, failures) = mpsc::channel(LINES);
    let picker = Picker {
        connect,
        host,
        accepted,
        failed,
    };
    tokio::select! {
        ended = read_lines(lines(read), picker) => ended,
        ended = write_lines(write, failures) => ended,
    }
}

async fn read_lines(mut lines: Lines<ReadHalf<BoxStream>>, picker: Picker) -> ListenEnd {
    let mut pick_ups = JoinSet::new();
    loop {
        let line = match lines.next().await {
            Ok(line) => line,
            Err(end) => return end,
        };
        while pick_ups.try_join_next().is_some() {}
        if line.command != "conn-ready" {
            continue;
        }
        if pick_ups.len() < MAX_CONNECTIONS {
            pick_ups.spawn(picker.clone().run(line.conn_path));
        } else {
            let reason = "too many pick-ups at once".to_owned();
            picker.fail(line.conn_path, reason).await;
        }
    }
}

async fn write_lines(
    mut write: WriteHalf<BoxStream>,
    mut failures: mpsc::Receiver<Box<Line>>,
) -> ListenEnd {
    while let Some(line) = failures.recv().await {
        let Ok(bytes) = line.encode() else { continue };
        let written = async {
            write.write_all(&bytes).await?;
            write.flush().await
        };
        match tokio::time::timeout(WRITE_LIMIT, written).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return ListenEnd::Line(LineError::Io(error)),
            Err(_) => return ListenEnd::WriteTimedOut,
        }
    }
    ListenEnd::Closed
}

/// Makes pick-ups.
#[derive(Clone)]
struct Picker {
    connect: Arc<dyn Connect>,
    host: String,
    accepted: mpsc::Sender<BoxStream>,
    failed: mpsc::Sender<Box<Line>>,
}

impl Picker {
    /// One pick-up; its budget covers waiting for a place in the accept queue.
    async fn run(self, conn_path: String) {
        let picked = async {
            let stream = pick_up(&*self.connect, &self.host, &conn_path).await?;
            self.accepted
                .send(stream)
                .await
                .map_err(|_| "the machine is leaving".to_owned())
        };
        let picked = tokio::time::timeout(PICK_UP_LIMIT, picked).await;
        if let Err(reason) = picked.unwrap_or_else(|_| Err("pick-up took too long".to_owned())) {
            self.fail(conn_path, reason).await;
        }
    }

    async fn fail(&self, conn_path: String, reason: String) {
        // The path holds a token: the log gets the reason alone.
        tracing::warn!(%reason, "pick-up failed");
        drop(
            self.failed
                .send(Box::new(Line::pickup_failed(conn_path, reason)))
                .await,
        );
    }
}
