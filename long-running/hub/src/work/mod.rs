//! Taking work from the queue, and letting go of it at shutdown.

mod decide;
mod hold;
mod memory;
mod run;

use std::sync::Arc;
use std::time::Duration;

use farm_bus::{Delivery, Receiver};
use farm_model::event::{DecodeError, Message};
use farm_model::message::work::{CancelJob, RunJob};
use parking_lot::Mutex;
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use self::decide::Answer;
use self::memory::Memory;
use crate::attempt::Tools;
use crate::machines::{Checks, Registry};
use crate::status::StatusSender;

/// For attempts that were stopped to tell so, at shutdown.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// The hub's work.
pub struct Work {
    registry: Arc<Registry>,
    tools: Arc<Tools>,
    checks: Checks,
    status: StatusSender,
    memory: Mutex<Memory>,
}

impl Work {
    /// No attempt has been heard of yet.
    pub fn new(
        registry: Arc<Registry>,
        tools: Arc<Tools>,
        checks: Checks,
        status: StatusSender,
    ) -> Self {
        Self {
            registry,
            tools,
            checks,
            status,
            memory: Mutex::default(),
        }
    }

    /// Takes work until `shutdown`, then lets what runs end within `drain`, and stops what is left.
    pub async fn serve(
        self: Arc<Self>,
        mut offers: Receiver,
        shutdown: CancellationToken,
        drain: Duration,
    ) {
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                offer = offers.next() => match offer {
                    Some(offer) => self.take(offer, &mut running),
                    None => break,
                },
                Some(ended) = running.join_next() => log_panic(ended),
            }
        }
        self.registry.drain();
        tracing::info!(
            running = running.len(),
            "shutting down: no new work, what runs may end"
        );
        self.wait(&mut offers, &mut running, drain).await;
        if !running.is_empty() {
            tracing::warn!(running = running.len(), "stopping what still runs");
            self.memory.lock().stop_all("hub shutting down");
            self.wait(&mut offers, &mut running, LAST_WORDS).await;
        }
        running.shutdown().await;
        offers.close().await;
    }

    /// Until nothing runs or `limit` is over; what is offered meanwhile is refused.
    async fn wait(
        self: &Arc<Self>,
        offers: &mut Receiver,
        running: &mut JoinSet<()>,
        limit: Duration,
    ) {
        let over = sleep(limit);
        tokio::pin!(over);
        while !running.is_empty() {
            tokio::select! {
                () = &mut over => return,
                Some(offer) = offers.next() => self.take(offer, running),
                Some(ended) = running.join_next() => log_panic(ended),
            }
        }
    }

    /// Deals with one message. What takes time goes on in `running`.
    fn take(self: &Arc<Self>, offer: Delivery, running: &mut JoinSet<()>) {
        match offer.event.kind.as_str() {
            RunJob::TYPE => match offer.event.decode() {
                Ok(job) => self.offered(job, offer, running),
                Err(error) => reject(offer, &error, running),
            },
            CancelJob::TYPE => match offer.event.decode() {
                Ok(cancel) => self.cancelled(cancel, offer),
                Err(error) => reject(offer, &error, running),
            },
            // Another hub's, or of a later version: not ours.
            _ => offer.ack(),
        }
    }

    fn offered(self: &Arc<Self>, job: RunJob, offer: Delivery, running: &mut JoinSet<()>) {
        let (work, attempt) = (Arc::clone(self), job.attempt.clone());
        match self.decide(job, offer.event.trace()) {
            Ok(Answer::Drive(start)) => {
                let span = start.span.clone();
                running.spawn(work.run(*start, offer).instrument(span));
            }
            Ok(Answer::Later(decided)) => {
                running.spawn(async move { work.say_later(attempt, decided, offer).await });
            }
            Ok(Answer::Say(event)) => {
                running.spawn(async move { work.say(&event, offer).await });
            }
            Err(error) => {
                tracing::error!(%error, "cannot answer an offer");
                offer.again();
            }
        }
    }

    fn cancelled(&self, cancel: CancelJob, offer: Delivery) {
        if cancel.hub == self.tools.identity.hub {
            tracing::info!(attempt = %cancel.attempt, reason = %cancel.reason, "cancelled");
            // One that is over may have left its machine for another to go on.
            self.registry.release_hold(&cancel.attempt);
            self.memory.lock().cancel(cancel.attempt, &cancel.reason);
        }
        offer.ack();
    }
}

fn reject(offer: Delivery, error: &DecodeError, running: &mut JoinSet<()>) {
    tracing::error!(%error, "a message that nobody can read");
    let reason = error.to_string();
    running.spawn(async move { offer.reject(&reason).await });
}

fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "an attempt's task panicked");
    }
}
