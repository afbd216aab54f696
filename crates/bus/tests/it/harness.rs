//! An emulator on a free port, and what tests say over and over.

use std::collections::BTreeSet;
use std::time::Duration;

use farm_bus::{Bus, Delivery, Limits, Receiver};
use farm_model::event::Event;
use farm_pubsub_emulator::{Emulator, Options};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Long enough for a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An emulator in memory; ends with the test.
pub struct Server {
    pub endpoint: String,
    _serving: JoinSet<()>,
    _stop: oneshot::Sender<()>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener).await
    }

    pub async fn on(listener: TcpListener) -> Self {
        let emulator = Emulator::open(Options::default()).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let stopped = async move { drop(stopped.await) };
            emulator.serve(listener, stopped).await.unwrap();
        });
        Self {
            endpoint,
            _serving: serving,
            _stop: stop,
        }
    }

    pub fn bus(&self) -> Bus {
        bus(&self.endpoint)
    }
}

pub fn bus(endpoint: &str) -> Bus {
    let url = format!("pubsub://test?endpoint={endpoint}");
    Bus::open(&url.parse().unwrap()).unwrap()
}

pub const SOME: Limits = Limits {
    max_outstanding: 100,
};

pub fn event(id: &str) -> Event {
    Event {
        id: id.to_owned(),
        source: "/test".to_owned(),
        kind: "farmhand.test.v1".to_owned(),
        time: "2026-11-24T10:00:00Z".parse().unwrap(),
        extensions: [].into(),
        data: "{\"a\":1}".to_owned(),
    }
}

pub fn events(count: usize) -> Vec<Event> {
    (0..count).map(|n| event(&format!("e{n}"))).collect()
}

pub fn for_hub(id: &str, hub: &str) -> Event {
    let mut event = event(id);
    event
        .extensions
        .insert("farmhub".to_owned(), hub.to_owned());
    event
}

pub async fn next(receiver: &mut Receiver) -> Delivery {
    let next = timeout(PATIENCE, receiver.next()).await;
    next.expect("nothing came").expect("the receiver is open")
}

/// Acknowledges until all of `ids` have come, however often each does.
pub async fn all_come(receiver: &mut Receiver, ids: impl IntoIterator<Item = String>) {
    let mut missing: BTreeSet<String> = ids.into_iter().collect();
    while !missing.is_empty() {
        let delivery = timeout(PATIENCE, receiver.next()).await;
        let delivery = delivery.unwrap_or_else(|_| panic!("never came: {missing:?}"));
        let delivery = delivery.expect("the receiver is open");
        missing.remove(&delivery.event.id);
        delivery.ack();
    }
}
