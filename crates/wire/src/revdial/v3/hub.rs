//! The hub's side.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::sync::{mpsc, oneshot};
use yamux::{ConnectionError, Mode};

use super::{Multiplexed, Stream, fault, multiplex, stream};
use crate::revdial::control::{LINES, read_lines, write_lines};
use crate::revdial::line::Line;
use crate::revdial::stats::Counters;
use crate::revdial::{DialError, RenewError, SessionEnd};
use crate::stream::Duplex;

/// Dials that may wait to be seen.
const OPENS: usize = 16;

/// A dial: where its stream is wanted.
type Open = oneshot::Sender<yamux::Stream>;

/// The dials of one session.
pub(in crate::revdial) struct Dialing {
    opens: mpsc::Sender<Open>,
    lines: mpsc::Sender<Box<Line>>,
}

/// What a session has to do.
pub(in crate::revdial) struct Work {
    opens: mpsc::Receiver<Open>,
    lines: mpsc::Receiver<Box<Line>>,
}

/// Both ends of a session's queues.
pub(in crate::revdial) fn prepare() -> (Dialing, Work) {
    let (opens_sender, opens) = mpsc::channel(OPENS);
    let (lines_sender, lines) = mpsc::channel(LINES);
    let dialing = Dialing {
        opens: opens_sender,
        lines: lines_sender,
    };
    (dialing, Work { opens, lines })
}

impl Dialing {
    /// Opens a stream; the machine is told by its first data.
    pub async fn dial(&self) -> Result<Stream, DialError> {
        let (wanted, opened) = oneshot::channel();
        let asked = self.opens.send(wanted).await;
        asked.map_err(|_| DialError::Closed)?;
        opened.await.map(stream).map_err(|_| DialError::Closed)
    }

    /// Gives the machine its next key.
    pub fn renew_key(&self, key: String) -> Result<(), RenewError> {
        let line = Line::renew_key(key);
        line.encode().map_err(|_| RenewError::TooLong)?;
        self.lines
            .try_send(Box::new(line))
            .map_err(|_| RenewError::Closed)
    }
}

/// Runs a session to its end, and with it end its streams.
pub(in crate::revdial) async fn run_hub<S: Duplex>(
    control: S,
    work: Work,
    counters: &Counters,
) -> SessionEnd {
    let Work { opens, lines } = work;
    let mut connection = multiplex(control, Mode::Client);
    let control = match poll_fn(|context| connection.poll_new_outbound(context)).await {
        Ok(opened) => stream(opened),
        Err(error) => return end_of(error),
    };
    let (read, write) = tokio::io::split(control);
    // The connection's own end says more than that of the stream of lines, which comes with it.
    tokio::select! {
        biased;
        ended = drive(connection, opens) => ended,
        ended = read_lines(read, counters, |_| {}) => ended,
        ended = write_lines(write, lines, counters) => ended,
    }
}

/// Moves on what streams and machine have to say, and opens streams.
async fn drive<S: Duplex>(
    mut connection: Multiplexed<S>,
    mut opens: mpsc::Receiver<Open>,
) -> SessionEnd {
    poll_fn(|context| {
        loop {
            match connection.poll_next_inbound(context) {
                Poll::Ready(Some(Ok(_))) => {
                    return Poll::Ready(SessionEnd::Protocol("it opened a stream"));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(end_of(error)),
                Poll::Ready(None) => return Poll::Ready(SessionEnd::Closed),
                Poll::Pending => {}
            }
            let Poll::Ready(Some(wanted)) = opens.poll_recv(context) else {
                return Poll::Pending;
            };
            match connection.poll_new_outbound(context) {
                // A dial that gave up gets none; what it would have got is dropped unopened.
                Poll::Ready(Ok(opened)) => drop(wanted.send(opened)),
                Poll::Ready(Err(error)) => return Poll::Ready(end_of(error)),
                // Too many streams that the machine has not seen yet: this dial fails.
                Poll::Pending => {}
            }
        }
    })
    .await
}

fn end_of(error: ConnectionError) -> SessionEnd {
    match fault(error) {
        None => SessionEnd::Closed,
        Some(error) if error.kind() == io::ErrorKind::TimedOut => SessionEnd::WriteTimedOut,
        Some(error) => SessionEnd::Io(error),
    }
}
