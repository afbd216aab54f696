//! A session, from the machine's side.

use std::io;
use std::sync::Arc;

use tokio::io::ReadHalf;
use tokio::sync::mpsc;

use super::lines::{Lines, SILENCE};
use super::{Incoming, NewKey, Registered, Renewals, picker};
use crate::revdial::{LineError, MAX_CONNECTIONS, v3};
use crate::reverse::RevdialVersion;
use crate::stream::{BoxStream, Connect};

/// Connections picked up that may wait to be accepted, as in 2019. In version 3 there is a place for each that may be open.
const ACCEPT_QUEUE: usize = 8;

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
    /// The connection below the streams failed.
    #[error("the connection failed: {0}")]
    Connection(#[source] io::Error),
}

/// A session and what it brings.
pub struct Listening {
    /// Connections that the hub opens.
    pub incoming: Incoming,
    /// Keys that the hub gives.
    pub renewals: Renewals,
    /// To be run.
    pub session: ListenSession,
}

/// A session to be run by its owner; dropping it ends it and its pick-ups under way.
#[must_use = "a session does nothing until it is run"]
pub struct ListenSession {
    control: Registered,
    connect: Arc<dyn Connect>,
    host: String,
    accepted: mpsc::Sender<BoxStream>,
    keys: mpsc::Sender<NewKey>,
}

/// Serves a registered connection. Pick-ups of version 2 go through `connect`, with `host` as the value of `Host`.
#[must_use]
pub fn listen(control: Registered, connect: Arc<dyn Connect>, host: &str) -> Listening {
    let queue = match control.version {
        RevdialVersion::V3 => MAX_CONNECTIONS,
        _ => ACCEPT_QUEUE,
    };
    let (accepted, incoming) = mpsc::channel(queue);
    let (keys, renewals) = mpsc::channel(1);
    Listening {
        incoming: Incoming(incoming),
        renewals: Renewals(renewals),
        session: ListenSession {
            control,
            connect,
            host: host.to_owned(),
            accepted,
            keys,
        },
    }
}

impl ListenSession {
    /// Runs the session to its end. Connections accepted in version 2 live on, those of version 3 end.
    pub async fn run(self) -> ListenEnd {
        let Self {
            control: Registered { version, stream },
            connect,
            host,
            accepted,
            keys,
        } = self;
        let unused = accepted.clone();
        let serve = async {
            if version == RevdialVersion::V3 {
                run_streams(stream, accepted, keys).await
            } else {
                let lines = |read: ReadHalf<BoxStream>| Lines::new(read, keys);
                picker::run(stream, lines, connect, host, accepted).await
            }
        };
        tokio::select! {
            ended = serve => ended,
            () = unused.closed() => ListenEnd::NotAccepting,
        }
    }
}

/// Serves streams to the end of their connection.
async fn run_streams(
    stream: BoxStream,
    accepted: mpsc::Sender<BoxStream>,
    keys: mpsc::Sender<NewKey>,
) -> ListenEnd {
    let mut streams = v3::Streams::new(stream);
    let control = match tokio::time::timeout(SILENCE, streams.first()).await {
        Ok(Ok(control)) => control,
        Ok(Err(fault)) => return end_of(fault),
        Err(_) => return ListenEnd::Silent,
    };
    let mut lines = Lines::new(control, keys);
    let heed = async {
        loop {
            // There is no command of version 3 besides those that are heeded already.
            if let Err(end) = lines.next().await {
                return end;
            }
        }
    };
    // The connection's own end says more than that of the stream of lines, which comes with it.
    tokio::select! {
        biased;
        fault = streams.accept(accepted) => end_of(fault),
        ended = heed => ended,
    }
}

fn end_of(fault: Option<io::Error>) -> ListenEnd {
    match fault {
        None => ListenEnd::Closed,
        Some(error) if error.kind() == io::ErrorKind::TimedOut => ListenEnd::WriteTimedOut,
        Some(error) => ListenEnd::Connection(error),
    }
}
