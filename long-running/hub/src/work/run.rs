//! One attempt from its acceptance to the moment the queue has its report.

use std::sync::Arc;

use farm_bus::{Delivery, PublishError};
use farm_model::config::Clean;
use farm_model::event::Event;
use farm_model::id::{AttemptKey, BlobId};
use farm_model::message::progress::{AttemptEvent, AttemptReport, Missing, Outcome};
use tokio_util::sync::CancellationToken;

use super::Work;
use super::decide::Start;
use super::hold::wanted;
use super::memory::Known;
use crate::attempt::{Attempt, Left, after};
use crate::machines::Lease;
use crate::status::count_outcome;

/// The queue could not be told that the attempt was accepted: it will be offered again.
struct NotAccepted;

impl Work {
    /// Says it, and is then done with the message.
    pub(super) async fn say(&self, event: &Event, delivery: Delivery) {
        let told = self.tools.teller.tell(event).await;
        self.settle(told, delivery).await.ok();
    }

    /// The same offer came again while it was being looked at: it is answered after that, as the first.
    pub(super) async fn say_later(
        &self,
        attempt: AttemptKey,
        decided: CancellationToken,
        delivery: Delivery,
    ) {
        decided.cancelled().await;
        let known = self.memory.lock().recall(&attempt);
        match known {
            Known::Said(event) => self.say(&event, delivery).await,
            _ => delivery.again(),
        }
    }

    /// Accepts, drives, reports.
    pub(super) async fn run(self: Arc<Self>, start: Start, delivery: Delivery) {
        let key = start.job.attempt.clone();
        let gate = CancellationToken::new();
        let mut lease = start.lease;
        let machine = Arc::clone(lease.machine());
        let attempt = Attempt::new(
            start.job,
            machine,
            (start.voice, start.stop),
            Arc::clone(&self.tools),
        );
        if attempt.job.clean == Clean::Halt {
            lease.spoil("its attempt broke off, and it was to be halted");
        }
        if let Some(snapshot) = attempt.missing_snapshot().await {
            return self.take_back(&attempt, lease, &snapshot, delivery).await;
        }
        drop(start.undecided);
        tracing::info!(attempt = %key, machine = %attempt.machine.id, "accepted");
        let drive = async { Ok(attempt.drive(&gate).await) };
        let accept = async {
            self.accept(&start.accepted, delivery).await?;
            // Steps begin now.
            if attempt.job.clean == Clean::Halt {
                self.registry.owe_halt(&attempt.machine.id);
            }
            gate.cancel();
            Ok(())
        };
        match tokio::try_join!(drive, accept) {
            Ok((report, ())) => self.finish(attempt, lease, report).await,
            Err(NotAccepted) => {
                self.memory.lock().forget(&key);
                if attempt.left(Outcome::Lost) == Left::Unclean {
                    lease.retire("it was being cleaned when its attempt was taken back");
                    attempt.machine.close();
                }
                lease.unused();
            }
        }
    }

    /// Refuses what was taken, before anything of it was told: what it would restore is gone.
    async fn take_back(
        &self,
        attempt: &Attempt,
        lease: Lease,
        snapshot: &BlobId,
        delivery: Delivery,
    ) {
        let key = &attempt.job.attempt;
        let reason = format!("the snapshot {snapshot} is gone");
        tracing::info!(attempt = %key, %reason, "refused");
        lease.unused();
        self.status.send_modify(|status| {
            status.accepted -= 1;
            status.refused += 1;
        });
        let missing = Some(Missing::Snapshot);
        match attempt
            .voice
            .event(AttemptEvent::Refused { reason, missing })
        {
            Ok(refused) => {
                self.memory.lock().end(key, refused.clone());
                self.say(&refused, delivery).await;
            }
            Err(error) => {
                tracing::error!(%error, "cannot answer an offer");
                self.memory.lock().forget(key);
                delivery.again();
            }
        }
    }

    /// From here on the attempt's life is told by heartbeats, not by the queue.
    async fn accept(&self, accepted: &Event, delivery: Delivery) -> Result<(), NotAccepted> {
        let told = self.tools.teller.tell(accepted).await;
        self.settle(told, delivery).await
    }

    async fn settle(
        &self,
        told: Result<(), PublishError>,
        delivery: Delivery,
    ) -> Result<(), NotAccepted> {
        match told {
            Ok(()) => {
                delivery.ack();
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "cannot answer an offer; it will come again");
                delivery.again();
                Err(NotAccepted)
            }
        }
    }

    /// Frees the machine, or keeps it, then reports: whoever hears the report may use the machine at once.
    async fn finish(&self, attempt: Attempt, lease: Lease, report: AttemptReport) {
        let (key, outcome) = (&attempt.job.attempt, report.outcome);
        tracing::info!(attempt = %key, outcome = outcome.as_str(), reason = %report.reason, "finished");
        tracing::Span::current().record("outcome", outcome.as_str());
        count_outcome(&self.status, outcome);
        if outcome == Outcome::Lost && !attempt.stop.is_asked() {
            self.registry.trouble(&attempt.machine.id, &report.reason);
        }
        let left = attempt.left(outcome);
        let draining = self.registry.is_draining();
        let hold = wanted(&attempt, outcome, left).filter(|_| !draining);
        let clean = match hold {
            Some(_) => Clean::None,
            None => attempt.job.clean,
        };
        let parting = after(&lease, clean, left, &self.checks).await;
        let last = match attempt.voice.event(AttemptEvent::Finished { report }) {
            Ok(last) => last,
            Err(error) => {
                tracing::error!(%error, "a report cannot be told");
                if parting.is_some() {
                    attempt.machine.close();
                }
                return self.memory.lock().forget(key);
            }
        };
        self.memory.lock().end(key, last.clone());
        let kept = match hold.filter(|_| parting.is_none()) {
            Some(limit) => Some((lease.hold(attempt.job.clean), limit)),
            None => {
                lease.hand_back();
                None
            }
        };
        let tell = async {
            self.tools.teller.tell_surely(&last).await;
            self.registry.told(&attempt.machine.id, key);
        };
        let see_off = async {
            if let Some(parting) = parting {
                parting.see_off(&self.registry).await;
            }
        };
        let keep = async {
            if let Some((keeping, limit)) = kept {
                self.keep(&attempt, keeping, limit).await;
            }
        };
        tokio::join!(tell, see_off, keep);
    }
}
