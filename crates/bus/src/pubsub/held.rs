//! A message that Pub/Sub has lent us. The client extends the loan for an hour, and gives the message back when its
//! handler is dropped.

use farm_model::event::Event;
use google_cloud_pubsub::subscriber::handler::Handler;

use super::attributes;
use super::dead::Graveyard;

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

    pub(crate) fn ack(self) {
        self.handler.ack();
    }

    pub(crate) fn again(self) {
        self.handler.nack();
    }

    pub(crate) async fn reject(self, event: &Event, reason: &str) {
        let message = attributes::message_of(event);
        match self.graveyard.bury(message, reason).await {
            Ok(()) => self.handler.ack(),
            Err(error) => {
                tracing::warn!(%error, event = event.id, reason, "cannot be moved to the dead letters; comes again");
                self.handler.nack();
            }
        }
    }
}
