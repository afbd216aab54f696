//! Tells the queues what is durable. One batch is under way at a time; the leader keeps the rest.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use farm_bus::Bus;
use farm_model::event::{Event, Topic};
use farm_runtime::trace;
use tracing::Span;

/// Longest pause between two tries of a batch.
const PAUSE_CAP: Duration = Duration::from_secs(5);

/// The leader's end: batches out, ids of what the queues have back.
pub(crate) struct Outbox {
    pub(crate) batches: mpsc::Sender<Vec<(Topic, Event)>>,
    pub(crate) done: mpsc::Receiver<Vec<String>>,
}

/// Starts the publisher.
pub(crate) fn start(tasks: &mut JoinSet<()>, bus: Bus) -> Outbox {
    let (batches, mut incoming) = mpsc::channel::<Vec<(Topic, Event)>>(1);
    let (outgoing, done) = mpsc::channel(1);
    tasks.spawn(async move {
        while let Some(batch) = incoming.recv().await {
            let ids = batch.iter().map(|(_, event)| event.id.clone()).collect();
            publish(&bus, batch).await;
            if outgoing.send(ids).await.is_err() {
                return;
            }
        }
    });
    Outbox { batches, done }
}

/// Publishes again and again until the queue has it: it is promised. A topic that cannot be reached does not hold up the
/// others of the batch.
async fn publish(bus: &Bus, batch: Vec<(Topic, Event)>) {
    let topics = Topic::ALL
        .into_iter()
        .map(|topic| to_topic(bus, topic, &batch));
    futures::future::join_all(topics).await;
}

async fn to_topic(bus: &Bus, topic: Topic, batch: &[(Topic, Event)]) {
    let (events, spans): (Vec<Event>, Vec<Span>) = batch
        .iter()
        .filter(|(of, _)| *of == topic)
        .map(|(_, event)| traced(topic, event))
        .unzip();
    if !offer(bus, topic, &events).await {
        // One of them can never be published: the others go without it.
        for event in &events {
            if !offer(bus, topic, std::slice::from_ref(event)).await {
                tracing::error!(event = event.id, "dropped");
            }
        }
    }
    // They last until the queue has their events.
    drop(spans);
}

/// Until the queue has these events; false if it never will.
async fn offer(bus: &Bus, topic: Topic, events: &[Event]) -> bool {
    let mut pause = Duration::from_millis(50);
    while !events.is_empty() {
        match bus.publish_all(topic, events).await {
            Ok(()) => break,
            Err(error) if error.is_again() => {
                tracing::warn!(%topic, %error, "publishing again in {pause:?}");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_CAP);
            }
            Err(error) => {
                tracing::error!(%topic, %error, "cannot be published, ever");
                return false;
            }
        }
    }
    true
}

/// The event as it goes on from the span of its publication, if it is part of a trace.
fn traced(topic: Topic, event: &Event) -> (Event, Span) {
    let Some(parent) = event.trace() else {
        return (event.clone(), Span::none());
    };
    let span = tracing::info_span!(target: trace::TARGET, "publish", otel.kind = "producer",
        otel.name = format!("publish {topic}"), event = event.id, kind = event.kind);
    let span = trace::under(span, Some(&parent));
    let parent = trace::from(&span, Some(parent));
    (event.clone().in_trace(parent.as_ref()), span)
}
