//! A function with a bucket of its own and an emulator on a free port, and what tests say over and over.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use farm_bucket::Bucket;
use farm_bus::{Bus, Limits, Receiver, SubscriptionSpec};
use farm_model::event::{Event, Message, Topic};
use farm_pubsub_emulator::{Emulator, Options};
use farm_runtime::Vars;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::ServiceExt;

/// Long enough for a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const GITHUB_SECRET: &str = "s3cret";
pub const GERRIT_SECRET: &str = "g3rrit";
pub const TOKEN_KEY: &str = "tokens";
pub const MACHINE_KEY: &str = "machines";

/// An emulator in memory; ends with the test.
pub struct Queue {
    pub bus: Bus,
    url: String,
    _serving: JoinSet<()>,
    _stop: oneshot::Sender<()>,
}

impl Queue {
    /// Without a single topic: as good as away.
    pub async fn bare() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let emulator = Emulator::open(Options::default()).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let stopped = async move { drop(stopped.await) };
            emulator.serve(listener, stopped).await.unwrap();
        });
        let url = format!("pubsub://test?endpoint=http://{address}");
        Self {
            bus: Bus::open(&url.parse().unwrap()).unwrap(),
            url,
            _serving: serving,
            _stop: stop,
        }
    }

    /// With a listener on `topic`.
    pub async fn with(topic: Topic) -> (Self, Listener) {
        let queue = Self::bare().await;
        let spec = SubscriptionSpec::new("listener", topic);
        queue.bus.ensure(&[spec]).await.unwrap();
        let limits = Limits {
            max_outstanding: 100,
        };
        let listener = Listener {
            receiver: queue.bus.receive("listener", limits),
            bus: queue.bus.clone(),
            topic,
        };
        (queue, listener)
    }
}

/// Hears what is published.
pub struct Listener {
    receiver: Receiver,
    bus: Bus,
    topic: Topic,
}

impl Listener {
    pub async fn next(&mut self) -> Event {
        let next = timeout(PATIENCE, self.receiver.next()).await;
        let delivery = next.expect("nothing came").expect("the receiver is open");
        let event = delivery.event.clone();
        delivery.ack();
        event
    }

    pub async fn message<M: Message>(&mut self) -> M {
        self.next().await.decode().unwrap()
    }

    /// What is published now is the first to come: nothing was published before.
    pub async fn has_nothing(&mut self) {
        let sentinel = Event {
            id: "sentinel".to_owned(),
            source: "/test".to_owned(),
            kind: "farmhand.test.v1".to_owned(),
            time: "2026-11-24T10:00:00Z".parse().unwrap(),
            extensions: [].into(),
            data: "{}".to_owned(),
        };
        self.bus.publish(self.topic, &sentinel).await.unwrap();
        assert_eq!(self.next().await.id, "sentinel");
    }
}

/// A function, or all of them, on a bucket in a folder of its own.
pub struct Function {
    pub bucket: Bucket,
    router: Router,
    _folder: tempfile::TempDir,
}

impl Function {
    pub fn start(target: &str, queue: Option<&Queue>) -> Self {
        Self::start_with(target, queue, |vars| vars)
    }

    pub fn start_with(
        target: &str,
        queue: Option<&Queue>,
        more: impl FnOnce(Vars) -> Vars,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = farm_bucket::folder_url(folder.path()).unwrap();
        let mut vars = Vars::default()
            .with("FARM_BUCKET", &url)
            .with("GITHUB_WEBHOOK_SECRET", GITHUB_SECRET)
            .with("GERRIT_WEBHOOK_SECRET", GERRIT_SECRET)
            .with("FARM_TOKEN_KEY", TOKEN_KEY)
            .with("FARM_MACHINE_KEY", MACHINE_KEY);
        if let Some(queue) = queue {
            vars = vars.with("FARM_BUS", &queue.url);
        }
        Self {
            bucket: Bucket::open(&url).unwrap(),
            router: functions::router(target, &more(vars)).unwrap(),
            _folder: folder,
        }
    }

    pub async fn put_view(&self, key: &str, view: &impl Serialize) {
        let bytes = serde_json::to_vec(view).unwrap();
        self.bucket.put_view(key, bytes.into(), None).await.unwrap();
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let response = timeout(PATIENCE, self.router.clone().oneshot(request)).await;
        let response = response.expect("no answer").unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: to_bytes(body, 64 << 20).await.unwrap(),
        }
    }
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// The text, of an answer that has this status.
    pub fn of(&self, status: u16) -> &str {
        self.of_any(status);
        self.text()
    }

    /// Checks the status of an answer that need not be text.
    pub fn of_any(&self, status: u16) {
        assert_eq!(self.status.as_u16(), status, "{:?}", self.body);
    }
}
