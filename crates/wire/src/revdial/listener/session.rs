//! The control connection, from the machine's side.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::pickup::pick_up;
use crate::revdial::line::{Line, LineError, LineReader};
use crate::revdial::{PICK_UP_LIMIT, WRITE_LIMIT};
use crate::stream::{BoxStream, Connect};

/// The hub sends a line every thirty seconds: three missing ones and it is gone.
const SILENCE: Duration = Duration::from_secs(90);
/// Connections picked up that may wait to be accepted, as in 2019.
const ACCEPT_QUEUE: usize = 8;
/// Pick-ups under way at once.
const MAX_PICK_UPS: usize = 64;
/// Failures that may wait to be written.
const LINES: usize = 8;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub enum ListenEnd {
    /// The hub closed the connection.
    #[error("the hub closed the session")]
    Closed,
    /// The hub sent nothing for ninety seconds.
    #[error("no word from the hub for {} s", SILENCE.as_secs())]
    Silent,
    /// The hub does not read.
    #[error("the hub does not read")]
    WriteTimedOut,
    /// [`Incoming`] was dropped.
    #[error("nobody accepts connections any more")]
    NotAccepting,
    /// What came was no line.
    #[error(transparent)]
    Line(#[from] LineError),
}

/// Connections that the hub opened.
#[derive(Debug)]
pub struct Incoming(mpsc::Receiver<BoxStream>);

impl Incoming {
    /// The next connection, on which the hub speaks first; `None` when the session ended.
    pub async fn accept(&mut self) -> Option<BoxStream> {
        self.0.recv().await
    }
}

impl std::fmt::Debug for dyn crate::stream::Duplex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Duplex")
    }
}

/// A session to be run by its owner; dropping it ends it and its pick-ups under way.
#[must_use = "a session does nothing until it is run"]
pub struct ListenSession {
    control: BoxStream,
    picker: Picker,
    failures: mpsc::Receiver<Line>,
}

/// Serves `control`, a registered connection. Pick-ups go through `connect`, with `host` as the value of `Host`.
pub fn listen(
    control: BoxStream,
    connect: Arc<dyn Connect>,
    host: &str,
) -> (Incoming, ListenSession) {
    let (accepted, incoming) = mpsc::channel(ACCEPT_QUEUE);
    let (failed, failures) = mpsc::channel(LINES);
    let picker = Picker {
        connect,
        host: host.to_owned(),
        accepted,
        failed,
    };
    (
        Incoming(incoming),
        ListenSession {
            control,
            picker,
            failures,
        },
    )
}

impl ListenSession {
    /// Runs the session to its end. Connections accepted already live on.
    pub async fn run(self) -> ListenEnd {
        let (read, write) = tokio::io::split(self.control);
        let accepted = self.picker.accepted.clone();
        let ended = tokio::select! {
            ended = read_lines(read, self.picker) => ended,
            ended = write_lines(write, self.failures) => ended,
            () = accepted.closed() => Ok(ListenEnd::NotAccepting),
        };
        ended.unwrap_or_else(ListenEnd::Line)
    }
}

async fn read_lines(read: ReadHalf<BoxStream>, picker: Picker) -> Result<ListenEnd, LineError> {
    let mut reader = LineReader::new(read);
    let mut pick_ups = JoinSet::new();
    loop {
        let Ok(line) = tokio::time::timeout(SILENCE, reader.next()).await else {
            return Ok(ListenEnd::Silent);
        };
        let Some(line) = line? else {
            return Ok(ListenEnd::Closed);
        };
        while pick_ups.try_join_next().is_some() {}
        if line.command == "conn-ready" {
            if pick_ups.len() < MAX_PICK_UPS {
                pick_ups.spawn(picker.clone().run(line.conn_path));
            } else {
                picker
                    .fail(line.conn_path, "too many pick-ups at once".to_owned())
                    .await;
            }
        }
    }
}

async fn write_lines(
    mut write: WriteHalf<BoxStream>,
    mut failures: mpsc::Receiver<Line>,
) -> Result<ListenEnd, LineError> {
    while let Some(line) = failures.recv().await {
        let Ok(bytes) = line.encode() else { continue };
        let written = async {
            write.write_all(&bytes).await?;
            write.flush().await.map_err(LineError::Io)
        };
        match tokio::time::timeout(WRITE_LIMIT, written).await {
            Ok(result) => result?,
            Err(_) => return Ok(ListenEnd::WriteTimedOut),
        }
    }
    Ok(ListenEnd::Closed)
}

/// Makes pick-ups.
#[derive(Clone)]
struct Picker {
    connect: Arc<dyn Connect>,
    host: String,
    accepted: mpsc::Sender<BoxStream>,
    failed: mpsc::Sender<Line>,
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
                .send(Line::pickup_failed(conn_path, reason))
                .await,
        );
    }
}
