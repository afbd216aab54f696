//! A message that Pub/Sub has lent us. The client extends the loan for an hour, and gives the message back when its
//! handler is dropped.

use farm_model::event::Event;
use google_cloud_pubsub::subscriber::handler::Handler;

use super::attributes;
use super::dead::Graveyard;
use crate::queue::{Loan, Promise};

/// The loan.
#[derive(Debug)]
pub(crate) struct Held {
    handler: Handler,
    graveyard: Graveyard,
}

impl Held {
    pub(super) fn new(handler: Handler, graveyard: Graveyard) -> Self {
        Self { handler, graveyard }
    }
}

impl Loan for Held {
    fn ack(self: Box<Self>) {
        self.handler.ack();
    }

    fn again(self: Box<Self>) {
        self.handler.nack();
    }

    fn reject<'a>(self: Box<Self>, event: &'a Event, reason: &'a str) -> Promise<'a, ()> {
        Box::pin(async move {
            let message = attributes::message_of(event);
            match self.graveyard.bury(message, reason).await {
                Ok(()) => self.handler.ack(),
                Err(error) => {
                    tracing::warn!(%error, event = event.id, reason, "cannot be moved to the dead letters; comes again");
                    self.handler.nack();
                }
            }
        })
    }
}
