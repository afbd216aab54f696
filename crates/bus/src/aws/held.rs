//! A message that SQS has lent us.

use farm_model::event::Event;
use tokio::sync::OwnedSemaphorePermit;

use super::answers::{Answer, Lent};
use super::dead::Graveyard;
use super::envelope;
use crate::queue::{Loan, Promise};

/// Seconds before what was given back comes again: doubling from the first with each delivery.
const FIRST: i32 = 1;
const LONGEST: i32 = 60;

/// The loan.
#[derive(Debug)]
pub(super) struct Held {
    lent: Lent,
    attempt: u32,
    graveyard: Graveyard,
    /// Its place among those that may be out at once.
    _place: OwnedSemaphorePermit,
}

impl Held {
    pub(super) fn new(
        lent: Lent,
        attempt: u32,
        graveyard: Graveyard,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            lent,
            attempt,
            graveyard,
            _place: place,
        }
    }
}

fn pause(attempt: u32) -> i32 {
    let doublings = attempt.saturating_sub(1).min(6);
    (FIRST << doublings).min(LONGEST)
}

impl Loan for Held {
    fn ack(self: Box<Self>) {
        self.lent.answer(Answer::Done);
    }

    fn again(self: Box<Self>) {
        let pause = pause(self.attempt);
        self.lent.answer(Answer::Again(pause));
    }

    fn reject<'a>(self: Box<Self>, event: &'a Event, reason: &'a str) -> Promise<'a, ()> {
        Box::pin(async move {
            let buried = match envelope::encode(event) {
                Ok(message) => self.graveyard.bury(message, reason).await,
                Err(error) => Err(error),
            };
            match buried {
                Ok(()) => self.ack(),
                Err(error) => {
                    tracing::warn!(
                        error,
                        event = event.id,
                        reason,
                        "cannot be moved to the dead letters; comes again"
                    );
                    self.again();
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        assert_eq!([0, 1, 2, 6, 7, 1000].map(pause), [1, 1, 2, 32, 60, 60]);
    }
}
