//! An emulator on a free port, and the official clients for it.

use std::sync::Arc;
use std::time::Duration;

use farm_pubsub_emulator::{Emulator, ManualClock, Moment, Options, Stats};
use google_cloud_auth::credentials::{Credentials, anonymous};
use google_cloud_pubsub::client::{Publisher, Subscriber, SubscriptionAdmin, TopicAdmin};
use google_cloud_pubsub::model::{Message, Subscription};
use google_cloud_pubsub::subscriber::MessageStream;
use google_cloud_pubsub::subscriber::handler::Handler;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

pub const TOPIC: &str = "projects/test/topics/events";
pub const SUB: &str = "projects/test/subscriptions/worker";

/// Long enough for a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The official crate looks for a process-wide TLS provider, even for plain text.
fn tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub struct Server {
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinSet<()>,
    pub http: reqwest::Client,
}

impl Server {
    pub async fn memory() -> Self {
        Self::start(Options::default()).await
    }

    pub async fn with_clock() -> (Self, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(Moment::from_micros(1_700_000_000_000_000)));
        let options = Options {
            clock: clock.clone(),
            ..Options::default()
        };
        (Self::start(options).await, clock)
    }

    pub async fn start(options: Options) -> Self {
        tls();
        let emulator = Emulator::open(options).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let stopped = async move {
                let _ = stopped.await;
            };
            emulator.serve(listener, stopped).await.unwrap();
        });
        Self {
            url,
            stop: Some(stop),
            serving,
            http: client(),
        }
    }

    /// Ends it in order.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        tokio::time::timeout(PATIENCE, self.serving.join_next())
            .await
            .expect("serving must end promptly")
            .expect("one task")
            .unwrap();
    }

    /// Drops it in the middle of whatever it does.
    pub async fn drop_abruptly(mut self) {
        self.serving.shutdown().await;
    }

    pub async fn topics(&self) -> TopicAdmin {
        let builder = TopicAdmin::builder().with_endpoint(&self.url);
        builder.with_credentials(nobody()).build().await.unwrap()
    }

    pub async fn subscriptions(&self) -> SubscriptionAdmin {
        let builder = SubscriptionAdmin::builder().with_endpoint(&self.url);
        builder.with_credentials(nobody()).build().await.unwrap()
    }

    pub async fn publisher(&self, topic: &str) -> Publisher {
        publisher(&self.url, topic).await
    }

    pub async fn stream(&self, subscription: &str) -> MessageStream {
        self.subscriber().await.subscribe(subscription).build()
    }

    pub async fn subscriber(&self) -> Subscriber {
        let builder = Subscriber::builder().with_endpoint(&self.url);
        builder.with_credentials(nobody()).build().await.unwrap()
    }

    /// The usual topic and subscription, and the topic of its dead letters if it has one.
    pub async fn set_up(&self, subscription: Subscription) {
        let topics = self.topics().await;
        topics.create_topic().set_name(TOPIC).send().await.unwrap();
        if let Some(policy) = &subscription.dead_letter_policy
            && policy.dead_letter_topic != TOPIC
        {
            let dead = topics.create_topic().set_name(&policy.dead_letter_topic);
            dead.send().await.unwrap();
        }
        self.subscribe(subscription.set_name(SUB).set_topic(TOPIC))
            .await;
    }

    pub async fn subscribe(&self, subscription: Subscription) {
        let admin = self.subscriptions().await;
        admin
            .create_subscription()
            .with_request(subscription)
            .send()
            .await
            .unwrap();
    }

    pub async fn post(&self, path: &str, body: serde_json::Value) -> (u16, serde_json::Value) {
        self.call("POST", path, body).await
    }

    pub async fn get(&self, path: &str) -> (u16, serde_json::Value) {
        self.call("GET", path, serde_json::Value::Null).await
    }

    /// One REST call, with `null` for no body: `(HTTP status, answer)`.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: serde_json::Value,
    ) -> (u16, serde_json::Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}/v1/{path}", self.url));
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap())
    }

    /// One unary pull that does not wait: `(ack id, data as text, attempt)`.
    pub async fn pull(&self, subscription: &str) -> Vec<(String, String, i64)> {
        let body = serde_json::json!({ "maxMessages": 1000, "returnImmediately": true });
        let (status, answer) = self.post(&format!("{subscription}:pull"), body).await;
        assert_eq!(status, 200, "{answer}");
        let received = answer["receivedMessages"].as_array().cloned();
        let read = |one: serde_json::Value| {
            use base64::Engine;
            let data = one["message"]["data"].as_str().unwrap();
            let data = base64::engine::general_purpose::STANDARD
                .decode(data)
                .unwrap();
            (
                one["ackId"].as_str().unwrap().to_owned(),
                String::from_utf8(data).unwrap(),
                one["deliveryAttempt"].as_i64().unwrap_or(0),
            )
        };
        received.unwrap_or_default().into_iter().map(read).collect()
    }

    /// Pulls until there is something.
    pub async fn pull_some(&self, subscription: &str) -> Vec<(String, String, i64)> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let pulled = self.pull(subscription).await;
            if !pulled.is_empty() {
                return pulled;
            }
            assert!(tokio::time::Instant::now() < deadline, "nothing to pull");
            tokio::task::yield_now().await;
        }
    }
}

pub fn client() -> reqwest::Client {
    tls();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub fn nobody() -> Credentials {
    anonymous::Builder::new().build()
}

pub async fn publisher(url: &str, topic: &str) -> Publisher {
    tls();
    let builder = Publisher::builder(topic).with_endpoint(url);
    builder.with_credentials(nobody()).build().await.unwrap()
}

pub async fn publish(
    publisher: &Publisher,
    texts: impl IntoIterator<Item = String>,
) -> Vec<String> {
    let messages = texts.into_iter().map(|text| Message::new().set_data(text));
    publish_messages(publisher, messages).await
}

pub async fn publish_messages(
    publisher: &Publisher,
    messages: impl IntoIterator<Item = Message>,
) -> Vec<String> {
    let answers: Vec<_> = messages.into_iter().map(|m| publisher.publish(m)).collect();
    publisher.flush().await;
    let mut ids = Vec::new();
    for answer in answers {
        ids.push(answer.await.unwrap());
    }
    ids
}

pub async fn next(stream: &mut MessageStream) -> (Message, Handler) {
    tokio::time::timeout(PATIENCE, stream.next())
        .await
        .expect("a message in time")
        .expect("the stream goes on")
        .unwrap()
}

/// What is published last marks the end of what is to come.
pub async fn texts(stream: &mut MessageStream, number: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for _ in 0..number {
        let (message, handler) = next(stream).await;
        texts.push(String::from_utf8(message.data.to_vec()).unwrap());
        handler.ack();
    }
    texts
}

/// Looks at an emulator that does not serve until `fact` holds of its numbers.
pub async fn until(emulator: &Emulator, fact: impl Fn(&Stats) -> bool) -> Stats {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let stats = emulator.stats();
        if fact(&stats) {
            return stats;
        }
        assert!(tokio::time::Instant::now() < deadline, "{stats:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
