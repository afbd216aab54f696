//! A case's own corner of a server: a project of its own, and the official clients.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use google_cloud_auth::credentials::{Credentials, anonymous};
use google_cloud_pubsub::client::{
    Publisher, SchemaService, Subscriber, SubscriptionAdmin, TopicAdmin,
};
use google_cloud_pubsub::model::{Message, Subscription, Topic};
use google_cloud_pubsub::subscriber::MessageStream;
use google_cloud_pubsub::subscriber::handler::Handler;

use crate::expect::PATIENCE;

/// The clients of one server, shared by all cases.
#[derive(Clone)]
pub struct Clients {
    url: String,
    topics: TopicAdmin,
    subscriptions: SubscriptionAdmin,
    schemas: SchemaService,
    subscriber: Subscriber,
}

impl Clients {
    /// Of the server at `url`, such as `http://127.0.0.1:8085`.
    ///
    /// # Errors
    /// A client cannot be made, for example of what is no URL.
    pub async fn connect(url: &str) -> Result<Self> {
        // The client looks for a process-wide TLS provider, even for plain text. Another may be installed already.
        drop(rustls::crypto::ring::default_provider().install_default());
        Ok(Self {
            url: url.to_owned(),
            topics: TopicAdmin::builder()
                .with_endpoint(url)
                .with_credentials(nobody())
                .build()
                .await?,
            subscriptions: SubscriptionAdmin::builder()
                .with_endpoint(url)
                .with_credentials(nobody())
                .build()
                .await?,
            schemas: SchemaService::builder()
                .with_endpoint(url)
                .with_credentials(nobody())
                .build()
                .await?,
            subscriber: Subscriber::builder()
                .with_endpoint(url)
                .with_credentials(nobody())
                .build()
                .await?,
        })
    }
}

fn nobody() -> Credentials {
    anonymous::Builder::new().build()
}

/// What a case works with. No two cases share a project, so none sees another's topics.
pub(crate) struct World {
    clients: Clients,
    pub project: String,
}

impl World {
    pub fn new(clients: Clients, project: &str) -> Self {
        let project = format!("projects/{project}");
        Self { clients, project }
    }

    pub fn topics(&self) -> &TopicAdmin {
        &self.clients.topics
    }

    pub fn subscriptions(&self) -> &SubscriptionAdmin {
        &self.clients.subscriptions
    }

    pub fn schemas(&self) -> &SchemaService {
        &self.clients.schemas
    }

    pub fn subscriber(&self) -> &Subscriber {
        &self.clients.subscriber
    }

    /// The full name of a resource in this project: `kind` is `topics`, `subscriptions`, …
    pub fn name(&self, kind: &str, name: &str) -> String {
        format!("{}/{kind}/{name}", self.project)
    }

    pub async fn topic(&self, name: &str) -> Result<Topic> {
        let create = self
            .topics()
            .create_topic()
            .set_name(self.name("topics", name));
        Ok(create.send().await?)
    }

    /// A topic `events` and a subscription `worker` to it, with these settings.
    pub async fn pair(&self, settings: Subscription) -> Result<(Topic, Subscription)> {
        let topic = self.topic("events").await?;
        let subscription = self.subscribe(&topic, "worker", settings).await?;
        Ok((topic, subscription))
    }

    pub async fn subscribe(
        &self,
        topic: &Topic,
        name: &str,
        settings: Subscription,
    ) -> Result<Subscription> {
        let named = settings
            .set_name(self.name("subscriptions", name))
            .set_topic(&topic.name);
        let create = self
            .subscriptions()
            .create_subscription()
            .with_request(named);
        Ok(create.send().await?)
    }

    pub async fn publisher(&self, topic: &str) -> Result<Publisher> {
        let builder = Publisher::builder(topic).with_endpoint(&self.clients.url);
        Ok(builder.with_credentials(nobody()).build().await?)
    }

    /// Publishes them in this order; the ids they were given.
    pub async fn publish(
        &self,
        topic: &Topic,
        messages: impl IntoIterator<Item = Message>,
    ) -> Result<Vec<String>> {
        let publisher = self.publisher(&topic.name).await?;
        let sent: Vec<_> = messages
            .into_iter()
            .map(|message| publisher.publish(message))
            .collect();
        publisher.flush().await;
        let mut ids = Vec::new();
        for answer in sent {
            ids.push(answer.await?);
        }
        Ok(ids)
    }

    pub fn stream(&self, subscription: &Subscription) -> MessageStream {
        self.subscriber().subscribe(&subscription.name).build()
    }
}

/// A message with this text.
pub(crate) fn message(text: impl ToString) -> Message {
    Message::new().set_data(text.to_string())
}

pub(crate) fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.data).into_owned()
}

/// The next message of a stream; fails if it does not come in time.
pub(crate) async fn next(stream: &mut MessageStream) -> Result<(Message, Handler)> {
    let came = tokio::time::timeout(PATIENCE, stream.next()).await;
    let message = came.with_context(|| format!("no message within {} s", PATIENCE.as_secs()))?;
    Ok(message.ok_or_else(|| anyhow!("the stream ended"))??)
}

/// The texts of the next messages, which are acknowledged.
pub(crate) async fn texts(stream: &mut MessageStream, number: usize) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for _ in 0..number {
        let (message, handler) = next(stream).await?;
        texts.push(text(&message));
        handler.ack();
    }
    Ok(texts)
}

/// Fails if anything comes in this time.
pub(crate) async fn quiet(stream: &mut MessageStream, time: Duration) -> Result<()> {
    match tokio::time::timeout(time, stream.next()).await {
        Err(_) => Ok(()),
        Ok(Some(Ok((message, _)))) => {
            Err(anyhow!("nothing was to come, but {:?} did", text(&message)))
        }
        Ok(other) => {
            ensure!(other.is_some(), "the stream ended");
            Err(anyhow!("the stream failed"))
        }
    }
}
