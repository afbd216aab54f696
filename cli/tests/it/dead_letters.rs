//! Against the queues themselves, as they are.

use std::process::ExitCode;
use std::time::Duration;

use farm_bus::{Bus, Limits, Receiver, SubscriptionSpec};
use farm_model::Timestamp;
use farm_model::event::{Event, Topic};
use farm_pubsub_emulator::{Emulator, Options};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::typed::farm;

/// Long enough for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);
const NAME: &str = "commands-coordinator";

/// An emulator whose coordinator has rejected two commands.
struct Queues {
    url: String,
    receiver: Receiver,
    _serving: JoinSet<()>,
}

fn event(id: &str) -> Event {
    Event {
        id: id.to_owned(),
        source: "/test".to_owned(),
        kind: "test.v1".to_owned(),
        time: Timestamp::UNIX_EPOCH,
        extensions: [].into(),
        data: format!("{{\"n\":\"{id}\"}}"),
    }
}

impl Queues {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "pubsub://test?endpoint=http://{}",
            listener.local_addr().unwrap()
        );
        let emulator = Emulator::open(Options::default()).await.unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            emulator
                .serve(listener, std::future::pending())
                .await
                .unwrap();
        });
        let bus = Bus::open(&url.parse().unwrap()).unwrap();
        bus.ensure(&SubscriptionSpec::coordinator()).await.unwrap();
        let limits = Limits {
            max_outstanding: 10,
        };
        let mut queues = Self {
            url,
            receiver: bus.receive(NAME, limits),
            _serving: serving,
        };
        queues.bury(&bus, ["one", "two"]).await;
        queues
    }

    async fn bury(&mut self, bus: &Bus, events: impl IntoIterator<Item = &str>) {
        for id in events {
            bus.publish(Topic::Commands, &event(id)).await.unwrap();
            let delivery = timeout(PATIENCE, self.receiver.next()).await.unwrap();
            delivery.unwrap().reject("no such builder").await;
        }
    }

    async fn lines(&self, words: &[&str]) -> Vec<Value> {
        let words: Vec<&str> = ["dead-letters"]
            .into_iter()
            .chain(words.iter().copied())
            .chain(["--json", "--bus", &self.url])
            .collect();
        let out = farm(&words).await.printed();
        out.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// The id that the queue gave the letter of that event.
fn id_of(lines: &[Value], event: &str) -> String {
    let mut lines = lines.iter();
    let line = lines.find(|line| line["event"]["id"] == event).unwrap();
    line["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn letters_are_listed_sent_again_and_dropped() {
    let mut queues = Queues::start().await;
    let all = queues.lines(&["list"]).await;
    assert_eq!(all.len(), 2);
    assert!(
        all.iter().all(|line| line["reason"] == "no such builder"),
        "{all:?}"
    );
    let one = id_of(&all, "one");
    let sent = queues.lines(&["redeliver", NAME, "--id", &one]).await;
    assert_eq!((sent.len(), &sent[0]["done"]), (1, &"redelivered".into()));
    let again = timeout(PATIENCE, queues.receiver.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.event, event("one"));
    again.ack();
    let dropped = queues.lines(&["drop", NAME, "--all"]).await;
    assert_eq!(dropped[0]["data"], "{\"n\":\"two\"}");
    assert!(queues.lines(&["list", NAME]).await.is_empty());
}

#[tokio::test]
async fn a_letter_that_is_not_there_is_said_and_none_is_touched() {
    let queues = Queues::start().await;
    let ran = farm(&[
        "dead-letters",
        "drop",
        NAME,
        "--id",
        "77",
        "--bus",
        &queues.url,
    ])
    .await;
    assert_eq!(ran.code.unwrap(), ExitCode::FAILURE);
    assert!(ran.err.contains("no dead letter 77"), "{}", ran.err);
    let shown = farm(&["dead-letters", "list", NAME, "--bus", &queues.url]).await;
    assert!(shown.err.contains("2 dead letters"), "{}", shown.err);
    assert!(shown.printed().contains("stays: no such builder"));
}

#[tokio::test]
async fn all_are_more_than_one_look_holds() {
    let mut queues = Queues::start().await;
    let bus = Bus::open(&queues.url.parse().unwrap()).unwrap();
    let more: Vec<String> = (0..1000).map(|n| format!("more-{n}")).collect();
    queues.bury(&bus, more.iter().map(String::as_str)).await;
    assert_eq!(queues.lines(&["drop", NAME, "--all"]).await.len(), 1002);
    assert!(queues.lines(&["list"]).await.is_empty());
}
