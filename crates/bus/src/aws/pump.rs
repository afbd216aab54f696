//! Polls one queue, whatever happens to the server, and puts what it brings where the receiver takes it.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use farm_model::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::answers::{Answer, Answers};
use super::dead::{self, Graveyard};
use super::held::Held;
use super::poll::{self, Brought, MOST};
use super::queues::Away;
use super::trouble::Trouble;
use super::{Aws, envelope};
use crate::delivery::Delivery;
use crate::pause::Pause;
use crate::receiver::{Intake, LAST_ANSWERS, Limits};

/// Pauses between polls that failed.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// No receiver holds more than a queue lends.
const MOST_LENT: u32 = 100_000;

/// What one receiver works with.
struct Pump {
    queue: Arc<Aws>,
    subscription: String,
    intake: Intake,
    places: Arc<Semaphore>,
    graveyard: Graveyard,
}

/// Receives until `intake` closes.
pub(super) async fn run(queue: Arc<Aws>, subscription: String, limits: Limits, intake: Intake) {
    let places = limits.max_outstanding.clamp(1, MOST_LENT) as usize;
    let pump = Pump {
        graveyard: Graveyard::new(Arc::clone(&queue), &subscription),
        places: Arc::new(Semaphore::new(places)),
        queue,
        subscription,
        intake,
    };
    let mut pause = Pause::new(FIRST_PAUSE, LONGEST_PAUSE);
    let Some(url) = pump.find(&mut pause).await else {
        return;
    };
    let answers = Answers::start(&pump.queue, &url);
    while pump.once(&url, &answers, &mut pause).await {}
    // Deliveries that somebody still works on are waited for, within reason.
    if timeout(LAST_ANSWERS, answers.settled()).await.is_err() {
        tracing::debug!(pump.subscription, "closed with deliveries under way");
    }
}

impl Pump {
    /// The queue's address, once it is there.
    async fn find(&self, pause: &mut Pause) -> Option<String> {
        loop {
            let found = tokio::select! {
                () = self.intake.closing.cancelled() => return None,
                found = self.queue.queue(&self.subscription) => found,
            };
            match found {
                Ok(url) => {
                    pause.reset();
                    return Some(url);
                }
                Err(away) => {
                    if !self.rest(pause, &away).await {
                        return None;
                    }
                }
            }
        }
    }

    /// One poll, and the pause after it where it failed; says whether to go on.
    async fn once(&self, url: &str, answers: &Answers, pause: &mut Pause) -> bool {
        let polled = tokio::select! {
            () = self.intake.closing.cancelled() => return false,
            polled = self.poll(url, answers) => polled,
        };
        match polled {
            Ok(brought) => {
                pause.reset();
                for (one, place) in brought {
                    self.hand_over(one, place).await;
                }
                true
            }
            Err(trouble) => {
                self.rest(
                    pause,
                    &Away {
                        name: self.subscription.clone(),
                        trouble,
                    },
                )
                .await
            }
        }
    }

    /// As many messages as there are places for them, with their places.
    async fn poll(
        &self,
        url: &str,
        answers: &Answers,
    ) -> Result<Vec<(Brought, OwnedSemaphorePermit)>, Trouble> {
        let closed = |_| Trouble::Passing("it is closed".to_owned());
        let place = async || {
            Arc::clone(&self.places)
                .acquire_owned()
                .await
                .map_err(closed)
        };
        let mut places = vec![place().await?];
        while places.len() < MOST {
            match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) => places.push(place),
                Err(_) => break,
            }
        }
        let brought = poll::once(&self.queue, url, answers, places.len()).await?;
        Ok(brought.into_iter().zip(places).collect())
    }

    async fn rest(&self, pause: &mut Pause, away: &Away) -> bool {
        let (wait, subscription) = (pause.grow(), &self.subscription);
        if wait == FIRST_PAUSE {
            tracing::warn!(subscription, %away, "receiving stopped; trying again");
        } else {
            tracing::debug!(subscription, %away, ?wait, "still not receiving");
        }
        tokio::select! {
            () = self.intake.closing.cancelled() => false,
            () = sleep(wait) => true,
        }
    }

    /// To whoever receives; what is no event, to the dead letters.
    async fn hand_over(&self, brought: Brought, place: OwnedSemaphorePermit) {
        let Brought { message, lent } = brought;
        match envelope::decode(message.body().unwrap_or_default(), sent(&message)) {
            Ok(event) => {
                let attempt = attempt(&message);
                let held = Held::new(lent, attempt, self.graveyard.clone(), place);
                let delivery = Delivery::new(event, attempt, held);
                // If nobody receives any more, dropping it gives it back.
                drop(self.intake.deliveries.send(delivery).await);
            }
            Err(reason) => match self.graveyard.bury(dead::as_it_is(&message), &reason).await {
                Ok(()) => {
                    tracing::error!(
                        subscription = self.subscription,
                        message = message.message_id,
                        reason,
                        "no CloudEvent: moved to the dead letters"
                    );
                    lent.answer(Answer::Done);
                }
                Err(error) => {
                    tracing::warn!(
                        subscription = self.subscription,
                        message = message.message_id,
                        reason,
                        error,
                        "no CloudEvent, and cannot be moved to the dead letters; comes again"
                    );
                }
            },
        }
    }
}

fn attribute<'a>(message: &'a Message, name: &MessageSystemAttributeName) -> Option<&'a str> {
    message.attributes()?.get(name).map(String::as_str)
}

fn attempt(message: &Message) -> u32 {
    let count = attribute(
        message,
        &MessageSystemAttributeName::ApproximateReceiveCount,
    );
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

fn sent(message: &Message) -> Option<Timestamp> {
    let milliseconds = attribute(message, &MessageSystemAttributeName::SentTimestamp)?;
    Timestamp::from_millisecond(milliseconds.parse().ok()?).ok()
}
