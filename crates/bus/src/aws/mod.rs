//! Amazon's SNS and SQS, the services or what stands in for them, through the official clients.
//!
//! | ours | theirs |
//! |---|---|
//! | topic | SNS topic `<prefix>-<topic>`; none for `work`, which goes straight to the queue of the hub that it names |
//! | subscription | SQS standard queue `<prefix>-<subscription>`, subscribed with raw delivery |
//! | its dead letters | SQS queue `<prefix>-<subscription>-dead`, the target of the queue's redrive policy |
//! | event | the body, in structured mode; `content-type`, `ce-type` and `ce-farmhub` as attributes besides, to filter by |

mod admin;
mod answers;
mod clients;
mod dead;
mod envelope;
mod held;
mod made;
mod names;
mod poll;
mod publish;
mod pump;
mod queues;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use farm_model::event::{Event, HUB_EXTENSION, Topic};
use tokio::sync::OnceCell;

use self::clients::Clients;
use self::envelope::Message;
use self::names::Names;
use self::queues::Queues;
use crate::dead::{DeadLetter, Judge, Sentence};
use crate::error::{BusError, PublishError};
use crate::queue::{Promise, Queue};
use crate::receiver::{Limits, Receiver};
use crate::rules;
use crate::subscription::SubscriptionSpec;
use crate::url;

/// What it is called in errors.
const SERVICE: &str = "AWS";
/// How long a server may take to do, or to come up for, what one call wants of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// One account's topics and queues in one region.
#[derive(Debug)]
pub(crate) struct Aws {
    place: url::Aws,
    names: Names,
    clients: OnceCell<Clients>,
    account: OnceCell<String>,
    queues: Queues,
    /// What has to go on when a receiver is dropped: answers that were given, and messages that arrive for nobody.
    background: poll::Background,
}

impl Aws {
    pub(crate) fn new(place: url::Aws) -> Self {
        Self {
            names: Names::new(&place),
            place,
            clients: OnceCell::new(),
            account: OnceCell::new(),
            queues: Queues::default(),
            background: poll::Background::default(),
        }
    }

    async fn clients(&self) -> &Clients {
        let connect = || Clients::connect(&self.place);
        self.clients.get_or_init(connect).await
    }

    /// The address of the queue of `subscription`.
    ///
    /// # Errors
    /// [`queues::Away`].
    async fn queue(&self, subscription: &str) -> Result<String, queues::Away> {
        let name = self.names.queue(subscription);
        self.queues.find(&self.clients().await.sqs, name).await
    }

    async fn topic_arn(&self, topic: &str) -> Result<String, trouble::Trouble> {
        let who = async || match &self.place.account {
            Some(account) => Ok(account.clone()),
            None => clients::account(self.clients().await).await,
        };
        let account = self.account.get_or_try_init(who).await?;
        Ok(self.names.topic_arn(account, topic))
    }

    async fn publish_each(&self, topic: &str, events: &[Event]) -> Result<(), PublishError> {
        let mut never = None;
        let mut fit = Vec::with_capacity(events.len());
        for event in events {
            match encoded(topic, event) {
                Ok(message) => fit.push((event, message)),
                Err(error) => never = never.or(Some(error)),
            }
        }
        let sent = if topic == Topic::Work.name() {
            publish::to_hubs(self, topic, fit).await
        } else {
            let messages = fit.into_iter().map(|(_, message)| message).collect();
            publish::to_topic(self, topic, messages).await
        };
        sent?;
        never.map_or(Ok(()), Err)
    }
}

/// The message that carries `event` to `topic`.
///
/// # Errors
/// [`PublishError::Never`].
fn encoded(topic: &str, event: &Event) -> Result<Message, PublishError> {
    rules::check(topic, event)?;
    let for_nobody = topic == Topic::Work.name() && !event.extensions.contains_key(HUB_EXTENSION);
    if for_nobody {
        return Err(rules::never(topic, &event.id, "it names no hub"));
    }
    envelope::encode(event).map_err(|reason| rules::never(topic, &event.id, reason))
}

impl Queue for Aws {
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        event: &'a Event,
    ) -> Promise<'a, Result<(), PublishError>> {
        Box::pin(self.publish_each(topic, std::slice::from_ref(event)))
    }

    fn publish_all<'a>(
        &'a self,
        topic: &'a str,
        events: &'a [Event],
    ) -> Promise<'a, Result<(), PublishError>> {
        Box::pin(self.publish_each(topic, events))
    }

    fn ensure<'a>(
        &'a self,
        subscriptions: &'a [SubscriptionSpec],
    ) -> Promise<'a, Result<(), BusError>> {
        Box::pin(admin::ensure(self, subscriptions))
    }

    fn settle_dead<'a>(
        &'a self,
        subscription: &'a str,
        most: u32,
        judge: Judge<'a>,
    ) -> Promise<'a, Result<Vec<(DeadLetter, Sentence)>, BusError>> {
        Box::pin(dead::settle(self, subscription, most, judge))
    }

    fn receive(self: Arc<Self>, subscription: &str, limits: Limits) -> Receiver {
        let subscription = subscription.to_owned();
        Receiver::start(limits, move |intake| {
            pump::run(self, subscription, limits, intake)
        })
    }
}
