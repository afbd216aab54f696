//! Version 2, the hub's dials: a line asks, the machine dials in with the dial's token (`revdial.md` 3).

mod pending;

pub(super) use pending::Hand;
use pending::Pending;

use tokio::sync::mpsc;

use super::line::Line;
use super::{DialError, DialerId};
use crate::head::query_value;
use crate::random;
use crate::stream::BoxStream;

/// Where pick-ups arrive.
const PICK_UP_PATH: &str = "/revdial";
/// Names the session.
pub(super) const DIALER: &str = "revdial.dialer";
/// Names the dial; opaque to the machine, which only echoes it.
pub(super) const TOKEN: &str = "pickup";

/// The dials of one session.
pub(super) struct Dialing {
    pending: Pending,
    lines: mpsc::Sender<Box<Line>>,
}

impl Dialing {
    /// `lines` are written to the machine.
    pub fn new(lines: mpsc::Sender<Box<Line>>) -> Self {
        Self {
            pending: Pending::open(),
            lines,
        }
    }

    /// Waits for as long as the caller does.
    pub async fn dial(&self, id: &DialerId) -> Result<BoxStream, DialError> {
        let token = random::hex128().map_err(DialError::Random)?;
        let arrival = self.pending.wait(&token).ok_or(DialError::Closed)?;
        let path = format!("{PICK_UP_PATH}?{DIALER}={id}&{TOKEN}={token}");
        let _waiting = Waiting {
            pending: &self.pending,
            token,
        };
        let asked = self.lines.send(Box::new(Line::conn_ready(path))).await;
        asked.map_err(|_| DialError::Closed)?;
        arrival
            .await
            .map_err(|_| DialError::Closed)?
            .map_err(DialError::Failed)
    }

    /// The dial that waits for this token: once.
    pub fn take(&self, token: &str) -> Option<Hand> {
        self.pending.take(token)
    }

    /// A `pickup-failed` of the machine: fails the dial it belongs to, and no other.
    pub fn failed(&self, line: Line) {
        let token = line
            .conn_path
            .split_once('?')
            .and_then(|(_, query)| query_value(query, TOKEN));
        match token.and_then(|token| self.take(token)) {
            Some(hand) => drop(hand.send(Err(line.err))),
            None => {
                tracing::debug!(err = %line.err, "pick-up failed for a dial that waits no more");
            }
        }
    }

    /// Fails all, now and later.
    pub fn end(&self) {
        self.pending.close();
    }
}

/// Voids the token of a dial that ends, however it ends.
struct Waiting<'a> {
    pending: &'a Pending,
    token: String,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.pending.take(&self.token);
    }
}
