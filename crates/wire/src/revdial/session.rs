//! One control connection, from the hub's side.

use std::io;

use tokio::sync::mpsc;

use super::control::{LINES, read_lines, write_lines};
use super::dialer::{Closing, Shared, Way};
use super::line::Line;
use super::{Dialer, Dialers, v1, v2, v3};
use crate::reverse::RevdialVersion;
use crate::stream::Duplex;

/// Why a session ended.
#[derive(Debug)]
pub enum SessionEnd {
    /// The machine closed the connection.
    Closed,
    /// [`Dialer::close`].
    Asked,
    /// The machine sent what is no line. Holds a sample.
    BadLine(String),
    /// The machine did what its protocol forbids.
    Protocol(&'static str),
    /// The machine did not read for ten seconds.
    WriteTimedOut,
    /// Version 1: whoever uses a connection did not read from it, which stops all others.
    Stalled,
    /// The connection failed.
    Io(io::Error),
}

/// A session to be run by its owner. Dropping it ends it: it is unregistered, waiting dials fail, the connection closes.
#[must_use = "a session does nothing until it is run"]
pub struct Session<S> {
    /// Boxed: it is passed on several times, and futures keep a place for each.
    control: Box<S>,
    work: Work,
    end: Ending,
}

/// What dialers give a session to do.
pub(super) enum Work {
    Frames(v1::Work),
    PickUps(mpsc::Receiver<Box<Line>>),
    Streams(v3::Work),
}

/// Both ends of a session's queues.
pub(super) fn prepare(version: RevdialVersion) -> (Way, Work) {
    match version {
        RevdialVersion::V1 => {
            let (dialing, work) = v1::prepare();
            (Way::Frames(dialing), Work::Frames(work))
        }
        RevdialVersion::V2 => {
            let (sender, lines) = mpsc::channel(LINES);
            (Way::PickUps(v2::Dialing::new(sender)), Work::PickUps(lines))
        }
        RevdialVersion::V3 => {
            let (dialing, work) = v3::prepare();
            (Way::Streams(dialing), Work::Streams(work))
        }
    }
}

impl<S: Duplex> Session<S> {
    pub(super) fn new(dialers: Dialers, dialer: Dialer, control: S, work: Work) -> Self {
        Self {
            control: Box::new(control),
            work,
            end: Ending { dialers, dialer },
        }
    }

    /// Runs the session to its end. Connections picked up in version 2 live on; all others end.
    pub async fn run(self) -> SessionEnd {
        let Self { control, work, end } = self;
        let shared = end.dialer.0.clone();
        let mut asked = shared.closed.subscribe();
        let work = async {
            match work {
                // Boxed where a session of another version would keep a place for it.
                Work::Frames(work) => Box::pin(v1::run(control, work, &shared.counters)).await,
                Work::PickUps(lines) => run_lines(control, lines, &shared).await,
                Work::Streams(work) => v3::run_hub(control, work, &shared.counters).await,
            }
        };
        tokio::select! {
            ended = work => ended,
            _ = asked.wait_for(|closing| *closing != Closing::No) => SessionEnd::Asked,
        }
    }
}

async fn run_lines<S: Duplex>(
    control: S,
    lines: mpsc::Receiver<Box<Line>>,
    shared: &Shared,
) -> SessionEnd {
    let (read, write) = tokio::io::split(control);
    let heed = |line: Line| match &shared.way {
        Way::PickUps(pick_ups) if line.command == "pickup-failed" => pick_ups.failed(line),
        _ => {}
    };
    tokio::select! {
        ended = read_lines(read, &shared.counters, heed) => ended,
        ended = write_lines(write, lines, &shared.counters) => ended,
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
        self.dialer.0.end();
    }
}
