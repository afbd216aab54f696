//! One event in our hands, until we say what became of it.

use farm_model::event::Event;

use crate::queue::Loan;

/// An event as delivered; it stays ours until it is answered. Dropping it gives it back.
#[derive(Debug)]
pub struct Delivery {
    /// The event.
    pub event: Event,
    /// Which delivery of it this is, from 1, as far as the queue counts.
    pub attempt: u32,
    loan: Box<dyn Loan>,
}

impl Delivery {
    pub(crate) fn new(event: Event, attempt: u32, loan: impl Loan + 'static) -> Self {
        Self {
            event,
            attempt,
            loan: Box::new(loan),
        }
    }

    /// Done: it should not come again. The answer is sent within a tenth of a second; if it is lost, the event comes again.
    pub fn ack(self) {
        self.loan.ack();
    }

    /// Not now: it comes again after a second or more.
    pub fn again(self) {
        self.loan.again();
    }

    /// Never again: a copy with `reason` goes to the dead letters, and then it is acknowledged. If the copy cannot be made
    /// within 30 seconds, the event comes again.
    pub async fn reject(self, reason: &str) {
        self.loan.reject(&self.event, reason).await;
    }
}
