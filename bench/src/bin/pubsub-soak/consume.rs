//! One consumer a subscription: takes messages from a stream, acknowledges them in order, and writes both down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::pubsub::Wire;
use futures::StreamExt;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use proto::{AcknowledgeRequest, ReceivedMessage, StreamingPullRequest};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::ledger::{Ledger, Seen};
use crate::lives::{Life, Lives};
use crate::publish::PLACE;

const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

pub struct Consumer {
    lives: Arc<Lives>,
    wire: Wire,
    subscription: String,
    ledger: Arc<Ledger>,
    over: CancellationToken,
}

impl Consumer {
    pub fn new(
        lives: &Arc<Lives>,
        subscription: &str,
        ledger: &Arc<Ledger>,
        over: &CancellationToken,
    ) -> Self {
        Self {
            lives: Arc::clone(lives),
            wire: Wire::lazy(&lives.address),
            subscription: subscription.to_owned(),
            ledger: Arc::clone(ledger),
            over: over.clone(),
        }
    }

    /// One stream after the other, until it is over.
    pub async fn run(self) {
        let over = self.over.clone();
        let consuming = async {
            loop {
                let life = self.lives.now();
                // It always ends with an error: the emulator was killed.
                let _ = self.stream(life).await;
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            () = over.cancelled() => {}
            () = consuming => {}
        }
    }

    async fn stream(&self, life: Life) -> Result<(), Status> {
        let (_requests, mut responses) = self.open().await?;
        while let Some(response) = responses.next().await {
            let messages = response?.received_messages;
            let ids = messages.iter().map(|message| message.ack_id.clone());
            let ack_ids = ids.collect();
            let seen: Vec<Seen> = messages.into_iter().map(seen).collect();
            for message in &seen {
                self.ledger
                    .delivered(message, life, |life| self.lives.end_of(life));
            }
            self.acknowledge(ack_ids).await?;
            self.ledger.acknowledged(&seen, life, Instant::now());
        }
        Ok(())
    }

    async fn open(
        &self,
    ) -> Result<
        (
            mpsc::Sender<StreamingPullRequest>,
            Streaming<proto::StreamingPullResponse>,
        ),
        Status,
    > {
        let (requests, outgoing) = mpsc::channel(1);
        let first = StreamingPullRequest {
            subscription: self.subscription.clone(),
            stream_ack_deadline_seconds: 60,
            max_outstanding_messages: 1000,
            ..StreamingPullRequest::default()
        };
        requests.try_send(first).unwrap();
        let mut subscriber = self.wire.subscriber.clone();
        let outgoing = ReceiverStream::new(outgoing);
        let answer = subscriber.streaming_pull(outgoing).await?;
        Ok((requests, answer.into_inner()))
    }

    /// By a call of its own, which says when it has been heard.
    async fn acknowledge(&self, ack_ids: Vec<String>) -> Result<(), Status> {
        let request = AcknowledgeRequest {
            subscription: self.subscription.clone(),
            ack_ids,
        };
        let mut subscriber = self.wire.subscriber.clone();
        let answer = timeout(PATIENCE, subscriber.acknowledge(request)).await;
        answer.map_err(|_| Status::deadline_exceeded("no answer"))??;
        Ok(())
    }
}

fn seen(received: ReceivedMessage) -> Seen {
    let message = received.message.unwrap();
    Seen {
        id: message.message_id.parse().unwrap(),
        key: message.ordering_key.parse().unwrap(),
        place: message.attributes[PLACE].parse().unwrap(),
    }
}
