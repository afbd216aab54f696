//! How long a message takes from its publisher to who gets it, at a fixed rate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bench::figures::percentile;
use bench::pubsub::Server;
use bench::pubsub::wire::{Wire, message};
use futures::StreamExt;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use proto::{PubsubMessage, PushConfig, StreamingPullRequest, Subscription};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

/// The attribute with the moment of publishing, in nanoseconds since the start of the measurement.
const SENT: &str = "sent";
/// More than a message needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Milliseconds.
#[derive(Clone, Copy)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
}

/// A fixed rate for a time.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Messages a second.
    pub rate: u32,
    pub length: Duration,
}

impl Pace {
    /// The first second warms up.
    fn messages(self) -> (usize, usize) {
        let warm_up = self.rate as usize;
        let measured = f64::from(self.rate) * self.length.as_secs_f64();
        (warm_up, measured.ceil() as usize)
    }
}

/// What receivers tell: when a message was sent, and how long it took.
type Arrivals = mpsc::Sender<(u64, Duration)>;

/// From publishing to the request at a push endpoint.
pub async fn push(server: &Server, pace: Pace) -> Latency {
    let began = Instant::now();
    let (arrived, arrivals) = mpsc::channel(10_000);
    let mut tasks = JoinSet::new();
    let endpoint = serve(&mut tasks, began, arrived).await;
    let with = Subscription {
        push_config: Some(PushConfig {
            push_endpoint: endpoint,
            ..PushConfig::default()
        }),
        ..Subscription::default()
    };
    measure(server, pace, began, with, arrivals, tasks, None).await
}

/// From publishing to its arrival on an open stream.
pub async fn stream(server: &Server, pace: Pace) -> Latency {
    let (arrived, arrivals) = mpsc::channel(10_000);
    let with = Subscription::default();
    let tasks = JoinSet::new();
    measure(
        server,
        pace,
        Instant::now(),
        with,
        arrivals,
        tasks,
        Some(arrived),
    )
    .await
}

async fn measure(
    server: &Server,
    pace: Pace,
    began: Instant,
    with: Subscription,
    mut arrivals: mpsc::Receiver<(u64, Duration)>,
    mut tasks: JoinSet<()>,
    stream: Option<Arrivals>,
) -> Latency {
    let mut wire = Wire::connect(&server.address).await;
    let topic = wire.topic().await;
    let subscription = wire.subscription(&topic, with).await;
    if let Some(arrived) = stream {
        let own = Wire::connect(&server.address).await;
        tasks.spawn(receive(own, subscription.clone(), began, arrived));
    }
    let (warm_up, measured) = pace.messages();
    let sending = send(
        wire.clone(),
        topic.clone(),
        pace.rate,
        warm_up + measured,
        began,
    );
    tasks.spawn(sending);
    let mut took = Vec::new();
    for _ in 0..warm_up + measured {
        took.push(timeout(PATIENCE, arrivals.recv()).await.unwrap().unwrap());
    }
    tasks.shutdown().await;
    wire.clear(&topic, &[subscription]).await;
    // Messages overtake each other, so the first ones sent are not the first ones that arrived.
    took.sort_unstable();
    let took = took[warm_up..].iter();
    let took: Vec<f64> = took.map(|(_, took)| took.as_secs_f64() * 1e3).collect();
    Latency {
        p50: percentile(&took, 0.5),
        p99: percentile(&took, 0.99),
    }
}

/// Sends at the rate, whether or not earlier messages were answered: who is slow is seen to be.
async fn send(wire: Wire, topic: String, rate: u32, messages: usize, began: Instant) {
    let mut ticks = interval(Duration::from_secs(1) / rate);
    let mut sent = JoinSet::new();
    for _ in 0..messages {
        ticks.tick().await;
        let (mut wire, topic) = (wire.clone(), topic.clone());
        let at = began.elapsed().as_nanos().to_string();
        sent.spawn(async move {
            let message = PubsubMessage {
                attributes: [(SENT.to_owned(), at)].into(),
                ..message()
            };
            wire.publish(&topic, vec![message]).await;
        });
    }
    sent.join_all().await;
    // Ended by who measures.
    std::future::pending().await
}

fn arrival(sent: &str, began: Instant) -> (u64, Duration) {
    let sent = sent.parse().unwrap();
    let took = began.elapsed().saturating_sub(Duration::from_nanos(sent));
    (sent, took)
}

async fn receive(mut wire: Wire, subscription: String, began: Instant, arrived: Arrivals) {
    let (requests, mut responses) = crate::deliver::open(&mut wire, &subscription).await;
    while let Some(response) = responses.next().await {
        let mut ack_ids = Vec::new();
        for received in response.unwrap().received_messages {
            let sent = &received.message.unwrap().attributes[SENT];
            arrived.send(arrival(sent, began)).await.unwrap();
            ack_ids.push(received.ack_id);
        }
        let request = StreamingPullRequest {
            ack_ids,
            ..StreamingPullRequest::default()
        };
        requests.send(request).await.unwrap();
    }
}

/// The endpoint that is pushed to; its URL.
async fn serve(tasks: &mut JoinSet<()>, began: Instant, arrived: Arrivals) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/push", listener.local_addr().unwrap());
    let state = Arc::new((began, arrived));
    let router = axum::Router::new()
        .route("/push", post(pushed))
        .with_state(state);
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn pushed(
    State(state): State<Arc<(Instant, Arrivals)>>,
    Json(body): Json<serde_json::Value>,
) -> StatusCode {
    let sent = body["message"]["attributes"][SENT].as_str().unwrap();
    let arrival = arrival(sent, state.0);
    // The last ones may come when the measurement is over.
    let _ = state.1.send(arrival).await;
    StatusCode::NO_CONTENT
}
