//! The cases. Each has a bus with nothing on it, and supposes no order, and that what was answered may come again.

use std::collections::BTreeSet;
use std::time::Duration;

use farm_bus::{Bus, Delivery, Limits, Receiver, SubscriptionSpec};
use farm_model::event::{Event, MAX_EVENT_BYTES, Topic};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::{PATIENCE, SOME, all_come, event, events, for_hub, next};

pub use self::dead::*;

mod dead;

fn listener(name: &str) -> SubscriptionSpec {
    SubscriptionSpec::new(name, Topic::Results)
}

fn ids(events: Vec<Event>) -> impl Iterator<Item = String> {
    events.into_iter().map(|event| event.id)
}

pub async fn what_is_published_is_received_as_it_was(bus: &Bus) {
    bus.ensure(&[listener("one"), listener("two")])
        .await
        .unwrap();
    let mut event = event("build/1");
    let trace = ("traceparent".to_owned(), "00-a-b-01".to_owned());
    event.extensions.extend([trace]);
    event.data = format!("\"{}\\u0000\"", "ä\u{7f}".repeat(1000));
    bus.publish(Topic::Results, &event).await.unwrap();
    for name in ["one", "two"] {
        let delivery = next(&mut bus.receive(name, SOME)).await;
        assert_eq!(delivery.event, event);
        assert_eq!(delivery.attempt, 1);
        delivery.ack();
    }
}

pub async fn an_event_over_128_kib_is_refused_and_the_largest_is_not(bus: &Bus) {
    bus.ensure(&[listener("all")]).await.unwrap();
    let mut large = event("large");
    let room = MAX_EVENT_BYTES - (large.size() - large.data.len());
    large.data = format!("\"{}\"", "x".repeat(room - 1));
    let error = bus.publish(Topic::Results, &large).await.unwrap_err();
    assert!(!error.is_again());
    assert!(error.to_string().contains("131072 are allowed"), "{error}");
    large.data = format!("\"{}\"", "x".repeat(room - 2));
    bus.publish_all(Topic::Results, &vec![large.clone(); 5])
        .await
        .unwrap();
    let mut receiver = bus.receive("all", SOME);
    for _ in 0..5 {
        let delivery = next(&mut receiver).await;
        assert_eq!(delivery.event, large);
        delivery.ack();
    }
}

pub async fn a_thousand_at_once_all_arrive_and_one_bad_one_spoils_no_other(bus: &Bus) {
    bus.ensure(&[listener("all")]).await.unwrap();
    let mut batch = events(1000);
    batch[500].source.push('\n');
    let error = bus.publish_all(Topic::Results, &batch).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("event e500 can never be published"),
        "{said}"
    );
    let good = ids(batch).filter(|id| id != "e500");
    all_come(&mut bus.receive("all", SOME), good).await;
}

pub async fn many_publish_side_by_side(bus: &Bus) {
    bus.ensure(&[listener("all")]).await.unwrap();
    let mut publishing = JoinSet::new();
    for event in events(200) {
        let bus = bus.clone();
        publishing.spawn(async move { bus.publish(Topic::Results, &event).await.unwrap() });
    }
    publishing.join_all().await;
    all_come(&mut bus.receive("all", SOME), ids(events(200))).await;
}

pub async fn what_is_given_back_comes_again_and_is_counted(bus: &Bus) {
    bus.ensure(&[listener("worker")]).await.unwrap();
    bus.publish(Topic::Results, &event("e")).await.unwrap();
    let mut receiver = bus.receive("worker", SOME);
    next(&mut receiver).await.again();
    let second = next(&mut receiver).await;
    assert_eq!((second.event.id.as_str(), second.attempt), ("e", 2));
    second.again();
    let third = next(&mut receiver).await;
    assert_eq!(third.attempt, 3);
    third.ack();
}

pub async fn what_is_dropped_comes_again(bus: &Bus) {
    bus.ensure(&[listener("worker")]).await.unwrap();
    bus.publish(Topic::Results, &event("e")).await.unwrap();
    let mut receiver = bus.receive("worker", SOME);
    drop(next(&mut receiver).await);
    let again = next(&mut receiver).await;
    assert_eq!((again.event.id.as_str(), again.attempt), ("e", 2));
    again.ack();
}

pub async fn no_more_is_held_than_the_limit_says(bus: &Bus) {
    bus.ensure(&[listener("worker")]).await.unwrap();
    bus.publish_all(Topic::Results, &events(20)).await.unwrap();
    let mut receiver = bus.receive("worker", Limits { max_outstanding: 3 });
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(next(&mut receiver).await);
    }
    let more = timeout(Duration::from_millis(300), receiver.next()).await;
    assert!(more.is_err(), "a fourth came");
    let held_ids: Vec<_> = held.iter().map(|held| held.event.id.clone()).collect();
    held.into_iter().for_each(Delivery::ack);
    let rest = ids(events(20)).filter(|id| !held_ids.contains(id));
    all_come(&mut receiver, rest).await;
}

/// Longer than any loan lasts by itself.
pub async fn what_is_worked_on_for_long_is_not_given_to_another(bus: &Bus) {
    bus.ensure(&[listener("worker")]).await.unwrap();
    bus.publish(Topic::Results, &event("long")).await.unwrap();
    let mut worker = bus.receive("worker", SOME);
    let held = next(&mut worker).await;
    let mut other = bus.receive("worker", SOME);
    let meanwhile = timeout(Duration::from_secs(25), other.next()).await;
    assert!(meanwhile.is_err(), "another got it: {meanwhile:?}");
    held.ack();
    bus.publish(Topic::Results, &event("last")).await.unwrap();
    let first = async |receiver: &mut Receiver| next(receiver).await.event.id.clone();
    let came = tokio::select! {
        id = first(&mut worker) => id,
        id = first(&mut other) => id,
    };
    assert_eq!(came, "last");
}

pub async fn setting_up_twice_is_setting_up_once_and_loses_nothing(bus: &Bus) {
    let mut specs = SubscriptionSpec::coordinator();
    specs.push(SubscriptionSpec::hub(&"h1".parse().unwrap()));
    bus.ensure(&specs).await.unwrap();
    bus.publish(Topic::Work, &for_hub("e", "h1")).await.unwrap();
    bus.publish(Topic::Activity, &event("a")).await.unwrap();
    // Another process may want something a little different.
    specs[0].ack_deadline_seconds = 60;
    let (once, again) = tokio::join!(bus.ensure(&specs), bus.ensure(&specs));
    once.and(again).unwrap();
    for (name, id) in [("work-h1", "e"), ("activity-coordinator", "a")] {
        let delivery = next(&mut bus.receive(name, SOME)).await;
        assert_eq!(delivery.event.id, id);
        delivery.ack();
    }
}

pub async fn a_subscription_to_another_topic_is_not_taken_over(bus: &Bus) {
    bus.ensure(&[listener("mine")]).await.unwrap();
    let other = SubscriptionSpec::new("mine", Topic::Activity);
    let error = bus.ensure(&[other]).await.unwrap_err().to_string();
    assert!(error.contains("exists with another topic"), "{error}");
    let filtered = SubscriptionSpec {
        hub: Some("h1".parse().unwrap()),
        ..listener("mine")
    };
    let error = bus.ensure(&[filtered]).await.unwrap_err().to_string();
    assert!(error.contains("exists with another filter"), "{error}");
}

/// What else comes, a consumer drops: filters are a kindness.
pub async fn a_hub_receives_its_own_work(bus: &Bus) {
    let hubs = ["h1", "h2"].map(|hub| SubscriptionSpec::hub(&hub.parse().unwrap()));
    bus.ensure(&hubs).await.unwrap();
    let all: Vec<_> = (0..12)
        .map(|n| (n, ["h1", "h2", "h3"][n % 3]))
        .map(|(n, hub)| for_hub(&format!("{hub}-{n}"), hub))
        .collect();
    bus.publish_all(Topic::Work, &all).await.unwrap();
    for hub in ["h1", "h2"] {
        let own = ids(all.clone()).filter(|id| id.starts_with(hub));
        all_come(&mut bus.receive(&format!("work-{hub}"), SOME), own).await;
    }
}

pub async fn a_hub_receives_nobody_elses_work(bus: &Bus) {
    let hubs = ["h1", "h2"].map(|hub| SubscriptionSpec::hub(&hub.parse().unwrap()));
    bus.ensure(&hubs).await.unwrap();
    for n in 0..9 {
        let hub = ["h1", "h2", "h3"][n % 3];
        let event = for_hub(&format!("{hub}-{n}"), hub);
        bus.publish(Topic::Work, &event).await.unwrap();
    }
    let mut receiver = bus.receive("work-h2", SOME);
    let mut missing = BTreeSet::from(["h2-1", "h2-4", "h2-7"]);
    while !missing.is_empty() {
        let delivery = next(&mut receiver).await;
        let id = delivery.event.id.clone();
        assert!(id.starts_with("h2"), "{id} came");
        missing.remove(id.as_str());
        delivery.ack();
    }
    // Two more, one after the other, show that nothing of another's lay between.
    for id in ["h1-last", "h2-last"] {
        let event = for_hub(id, &id[..2]);
        bus.publish(Topic::Work, &event).await.unwrap();
    }
    let mut id = String::new();
    while id != "h2-last" {
        let delivery = next(&mut receiver).await;
        id.clone_from(&delivery.event.id);
        assert!(id.starts_with("h2"), "{id} came");
        delivery.ack();
    }
}

pub async fn closing_waits_until_the_answers_are_with_the_queue(bus: &Bus) {
    bus.ensure(&[listener("worker")]).await.unwrap();
    bus.publish_all(Topic::Results, &events(10)).await.unwrap();
    let mut receiver = bus.receive("worker", Limits { max_outstanding: 5 });
    let mut answered = Vec::new();
    for _ in 0..5 {
        let delivery = next(&mut receiver).await;
        answered.push(delivery.event.id.clone());
        delivery.ack();
    }
    timeout(PATIENCE, receiver.close()).await.unwrap();
    assert!(receiver.next().await.is_none());
    let mut again = bus.receive("worker", SOME);
    for _ in 5..10 {
        let delivery = next(&mut again).await;
        let id = &delivery.event.id;
        assert!(!answered.contains(id), "{id} came again");
        answered.push(id.clone());
        delivery.ack();
    }
}

pub async fn a_receiver_waits_for_a_queue_that_is_not_there_yet(bus: &Bus) {
    let mut receiver = bus.receive("worker", SOME);
    let early = timeout(Duration::from_millis(300), receiver.next()).await;
    assert!(early.is_err());
    bus.ensure(&[listener("worker")]).await.unwrap();
    bus.publish_all(Topic::Results, &events(3)).await.unwrap();
    all_come(&mut receiver, ids(events(3))).await;
}

/// `restart` ends the server in the middle of the traffic and starts it again with what it had.
pub async fn receiver_and_publisher_go_on_after_a_restart(bus: &Bus, restart: impl AsyncFnOnce()) {
    bus.ensure(&[listener("worker")]).await.unwrap();
    let mut receiver = bus.receive("worker", SOME);
    bus.publish_all(Topic::Results, &events(50)).await.unwrap();
    let first = next(&mut receiver).await;
    let before = first.event.id.clone();
    first.ack();
    restart().await;
    bus.publish(Topic::Results, &event("after")).await.unwrap();
    let rest = ids(events(50)).filter(|id| *id != before);
    all_come(&mut receiver, rest.chain(["after".to_owned()])).await;
}
