//! The heart: topics and subscriptions, and the messages between them, behind one lock.
//!
//! The lock is held for pure work only, never over a wait for the disk or a peer: a publish hands
//! its entries to the log under the lock, which fixes the order, and enters the subscriptions when
//! the log's thread says that they are durable.

mod ack_id;
mod admin;
mod compact;
mod consume;
mod dead_letter;
mod inspect;
mod messages;
mod publish;
mod schemas;
mod seek;
mod settings;
mod settle;
mod shelf;
mod snapshots;
mod state;
mod subscription;
#[cfg(test)]
mod tests;
mod ticker;
mod topics;
mod written;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Moment};
use crate::disturbance::Disturbance;
use crate::options::{Durability, Options};
use crate::push::Signer;
use crate::schema::Guard;
use crate::stats::Stats;
use crate::store::catalog::Catalog;
use crate::store::{AppendError, Folder, Log, OpenError};
pub(crate) use admin::Page;
pub(crate) use consume::{Batch, Consumer, Delivery, Opened, fill, received};
pub(crate) use inspect::Watched;
pub(crate) use publish::MOST_BYTES;
pub(crate) use schemas::SchemaSource;
pub(crate) use seek::SeekTo;
pub(crate) use settle::{Outcome, Settled};
use state::State;
pub(crate) use ticker::run as run_ticker;

/// Bytes of messages that may wait for the disk; publishers beyond that wait their turn.
const WAITING_KIB: usize = 64 * 1024;

/// What happens, under the lock, once entries are on disk or could not be written.
type Then = Box<dyn FnOnce(&Arc<Broker>, &mut State, Result<(), AppendError>) + Send>;

/// The emulator without its wire.
#[derive(Debug)]
pub(crate) struct Broker {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    disturbance: Option<Arc<dyn Disturbance>>,
    log: Log,
    /// Checks messages of topics with a schema.
    guard: Guard,
    signer: Signer,
    folder: Option<PathBuf>,
    /// One change of the catalog at a time.
    admin: tokio::sync::Mutex<()>,
    room: Arc<Semaphore>,
    max_backlog_bytes: u64,
    max_disk_slack: u64,
    /// Something is due earlier than the ticker thinks.
    sooner: Notify,
    /// The catalog has changed.
    changed: Notify,
    closing: CancellationToken,
    /// Who looks on as messages are published.
    watchers: broadcast::Sender<Watched>,
}

impl Broker {
    /// Opens the data folder, if there is one, and takes up where the last run stopped. Blocks.
    pub fn open(options: &Options, clock: Arc<dyn Clock>) -> Result<Arc<Self>, OpenError> {
        let first_token = clock.now().as_micros();
        let mut state = State::new(options.memory_bytes, first_token);
        let durable = options.durability == Durability::Fsync;
        let folder = options.data.clone().filter(|_| durable);
        let log = match &folder {
            None => Log::none(),
            Some(path) => {
                let folder = Folder::open(path)?;
                let catalog = Catalog::load(path)?;
                let live: BTreeSet<_> = catalog.holders().collect();
                let (log, recovered) =
                    Log::open(folder, &live, options.memory_bytes, options.segment_bytes)?;
                state.adopt(Arc::new(catalog), clock.now());
                state.recover(recovered);
                log
            }
        };
        let broker = Arc::new(Self {
            state: Mutex::new(state),
            clock,
            disturbance: options.disturbance.clone(),
            log,
            guard: Guard::default(),
            signer: Signer::default(),
            folder,
            admin: tokio::sync::Mutex::new(()),
            room: Arc::new(Semaphore::new(WAITING_KIB)),
            max_backlog_bytes: options.max_backlog_bytes,
            max_disk_slack: options.segment_bytes.saturating_mul(2),
            sooner: Notify::new(),
            changed: Notify::new(),
            closing: CancellationToken::new(),
            watchers: broadcast::Sender::new(inspect::WATCHED),
        });
        broker.remove_finished(&mut broker.state.lock());
        Ok(broker)
    }

    /// Cancelled when the emulator goes down.
    pub fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Signs the tokens of pushes.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The time now.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Resolves after a change of the catalog.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Ends every stream, writes what is left, releases the folder. Blocks for the last write.
    pub fn stop(&self) {
        self.closing.cancel();
        self.log.stop();
    }

    /// Numbers for a display.
    pub fn stats(&self) -> Stats {
        let now = self.clock.now();
        self.state.lock().stats(now, self.log.bytes())
    }
}
