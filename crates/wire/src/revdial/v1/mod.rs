//! Version 1, the hub's side: many connections in frames on the control connection (`revdial.md` 5).
//!
//! There is no window in this protocol. A connection holds at most 1 MiB that its user has not read; then the control
//! connection is read no further, which stops the others too, and the session ends if that lasts a minute.

pub(super) mod frame;
mod run;
mod table;

use std::sync::Arc;

use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use super::DialError;
use table::Table;

pub(super) use run::run;

/// Connections that may wait to be announced to the machine.
const NEW: usize = 8;

/// The dials of one session.
pub(super) struct Dialing {
    table: Arc<Table>,
    new: mpsc::Sender<run::Pump>,
}

/// What a session has to do.
pub(super) struct Work {
    table: Arc<Table>,
    new: mpsc::Receiver<run::Pump>,
}

/// Both ends of a session's queue.
pub(super) fn prepare() -> (Dialing, Work) {
    let table = Arc::new(Table::default());
    let (sender, new) = mpsc::channel(NEW);
    let dialing = Dialing {
        table: table.clone(),
        new: sender,
    };
    (dialing, Work { table, new })
}

impl Dialing {
    /// Opens a connection. The machine is told by a frame; it has no say in it.
    pub async fn dial(&self) -> Result<DuplexStream, DialError> {
        let place = self.new.reserve().await.map_err(|_| DialError::Closed)?;
        let (id, near, outlet) = self.table.open().ok_or(DialError::Closed)?;
        place.send(run::Pump { id, outlet });
        Ok(near)
    }

    /// Ends all connections, and opens no more.
    pub fn end(&self) {
        self.table.end();
    }
}

#[cfg(test)]
mod tests;
