//! Keeps one subscription's stream, whatever happens to the server, and puts what it brings where the receiver takes it.

use std::sync::Arc;
use std::time::Duration;

use google_cloud_pubsub::model::Message;
use google_cloud_pubsub::subscriber::MessageStream;
use google_cloud_pubsub::subscriber::handler::Handler;
use tokio::time::{sleep, timeout};

use super::dead::Graveyard;
use super::held::Held;
use super::sentinel::Sentinel;
use super::{PubSub, attributes};
use crate::delivery::Delivery;
use crate::pause::Pause;
use crate::receiver::{Intake, LAST_ANSWERS, Limits};

/// Pauses between streams.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long a message is ours without a word from us. The client extends it while we live; when we are killed, another has
/// to wait this long, so it is short. The service's minimum is 10 seconds.
const LOAN: Duration = Duration::from_secs(15);
/// A stream that brings nothing for so long is made anew: a connection that died without a word shows no other sign.
const QUIET: Duration = Duration::from_secs(600);

/// Why a stream ended.
enum Ended {
    /// We were asked to end.
    Closing,
    /// Nothing came for long; nothing need be wrong.
    Quiet,
    /// The server ended it, is gone, or refuses.
    Broken(String),
}

/// What one receiver works with.
struct Pump {
    queue: Arc<PubSub>,
    subscription: String,
    limits: Limits,
    intake: Intake,
    graveyard: Graveyard,
}

/// Receives until `intake` closes.
pub(super) async fn run(queue: Arc<PubSub>, subscription: String, limits: Limits, intake: Intake) {
    let graveyard = Graveyard::new(Arc::clone(&queue), &subscription);
    let pump = Pump {
        queue,
        subscription,
        limits,
        intake,
        graveyard,
    };
    let mut pause = Pause::new(FIRST_PAUSE, LONGEST_PAUSE);
    while pump.once(&mut pause).await {}
}

impl Pump {
    /// One stream and the pause after it; says whether to go on.
    async fn once(&self, pause: &mut Pause) -> bool {
        let ended = self.stream(pause).await;
        let reason = match ended {
            Ended::Closing => return false,
            Ended::Quiet => return true,
            Ended::Broken(reason) => reason,
        };
        let wait = pause.grow();
        if wait == FIRST_PAUSE {
            tracing::warn!(
                subscription = self.subscription,
                reason,
                "receiving stopped; trying again"
            );
        } else {
            tracing::debug!(
                subscription = self.subscription,
                reason,
                ?wait,
                "still not receiving"
            );
        }
        tokio::select! {
            () = self.intake.closing.cancelled() => false,
            () = sleep(wait) => true,
        }
    }

    async fn stream(&self, pause: &mut Pause) -> Ended {
        let opened = tokio::select! {
            () = self.intake.closing.cancelled() => return Ended::Closing,
            opened = self.open() => opened,
        };
        let (mut stream, sentinel) = match opened {
            Ok(opened) => opened,
            Err(reason) => return Ended::Broken(reason),
        };
        tokio::select! {
            () = self.intake.closing.cancelled() => {}
            () = gone(sentinel) => return Ended::Broken("the server is gone".to_owned()),
            ended = self.forward(&mut stream, pause) => return ended,
        }
        // Sends the answers given so far. Deliveries that somebody still works on are waited for, within reason.
        let flushed = timeout(LAST_ANSWERS, stream.shutdown_token().shutdown()).await;
        if flushed.is_err() {
            tracing::debug!(
                subscription = self.subscription,
                "closed with deliveries under way"
            );
        }
        Ended::Closing
    }

    async fn open(&self) -> Result<(MessageStream, Option<Sentinel>), String> {
        let plain = self
            .queue
            .endpoint
            .as_ref()
            .and_then(|endpoint| endpoint.plain.as_deref());
        let sentinel = match plain {
            Some(address) => Some(
                Sentinel::connect(address)
                    .await
                    .map_err(|error| format!("{address}: {error}"))?,
            ),
            None => None,
        };
        let subscriber = self
            .queue
            .subscriber()
            .await
            .map_err(|error| error.to_string())?;
        let stream = subscriber
            .subscribe(self.queue.subscription_path(&self.subscription))
            .set_max_outstanding_messages(self.limits.max_outstanding.max(1))
            .set_max_lease_extension(LOAN)
            .build();
        Ok((stream, sentinel))
    }

    async fn forward(&self, stream: &mut MessageStream, pause: &mut Pause) -> Ended {
        loop {
            match timeout(QUIET, stream.next()).await {
                Err(_) => return Ended::Quiet,
                Ok(None) => return Ended::Broken("the server ended the stream".to_owned()),
                Ok(Some(Err(error))) => return Ended::Broken(error.to_string()),
                Ok(Some(Ok((message, handler)))) => {
                    pause.reset();
                    self.hand_over(message, handler).await;
                }
            }
        }
    }

    /// To whoever receives; what is no event, to the dead letters.
    async fn hand_over(&self, message: Message, handler: Handler) {
        let attempt = handler
            .delivery_attempt()
            .and_then(|n| u32::try_from(n).ok());
        match attributes::decode(&message) {
            Ok(event) => {
                let held = Held::new(handler, self.graveyard.clone());
                let delivery = Delivery::new(event, attempt.unwrap_or(1), held);
                // If nobody receives any more, dropping it gives it back.
                drop(self.intake.deliveries.send(delivery).await);
            }
            Err(reason) => self.bury(message, handler, &reason).await,
        }
    }

    async fn bury(&self, message: Message, handler: Handler, reason: &str) {
        let id = message.message_id.clone();
        match self.graveyard.bury(message, reason).await {
            Ok(()) => {
                tracing::error!(
                    subscription = self.subscription,
                    message = id,
                    reason,
                    "no CloudEvent: moved to the dead letters"
                );
                handler.ack();
            }
            Err(error) => {
                tracing::warn!(subscription = self.subscription, message = id, reason, %error, "no CloudEvent, and cannot be moved to the dead letters; comes again");
                handler.nack();
            }
        }
    }
}

async fn gone(sentinel: Option<Sentinel>) {
    match sentinel {
        Some(sentinel) => sentinel.gone().await,
        None => std::future::pending().await,
    }
}
