use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use farm_bus::{Limits, PushTarget, SubscriptionSpec};
use farm_model::event::{MAX_EVENT_BYTES, Topic};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::{PATIENCE, SOME, Server, all_come, event, events, for_hub, next};

fn listener(name: &str) -> SubscriptionSpec {
    SubscriptionSpec::new(name, Topic::Results)
}

#[tokio::test]
async fn what_is_published_is_received_as_it_was() {
    let server = Server::start().await;
    let bus = server.bus();
    bus.ensure(&[listener("one"), listener("two")])
        .await
        .unwrap();
    let mut event = event("build/1");
    event
        .extensions
        .insert("traceparent".to_owned(), "00-a-b-01".to_owned());
    event.data = format!("\"{}\"", "ä".repeat(1000));
    bus.publish(Topic::Results, &event).await.unwrap();
    for name in ["one", "two"] {
        let delivery = next(&mut bus.receive(name, SOME)).await;
        assert_eq!(delivery.event, event);
        assert_eq!(delivery.attempt, 1);
        delivery.ack();
    }
}

#[tokio::test]
async fn an_event_over_128_kib_is_refused_and_nothing_is_sent() {
    let server = Server::start().await;
    let bus = server.bus();
    let mut large = event("large");
    large.data = "x".repeat(MAX_EVENT_BYTES);
    let error = bus.publish(Topic::Results, &large).await.unwrap_err();
    assert!(!error.is_again());
    assert!(error.to_string().contains("131072 are allowed"), "{error}");
}

#[tokio::test]
async fn a_thousand_at_once_all_arrive_and_one_bad_one_spoils_no_other() {
    let server = Server::start().await;
    let bus = server.bus();
    bus.ensure(&[listener("all")]).await.unwrap();
    let mut batch = events(1000);
    batch[500].source.push('\n');
    let error = bus.publish_all(Topic::Results, &batch).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("event e500 can never be published"),
        "{error}"
    );
    let good = batch.into_iter().filter(|event| event.id != "e500");
    all_come(&mut bus.receive("all", SOME), good.map(|event| event.id)).await;
}

#[tokio::test]
async fn many_publish_side_by_side() {
    let server = Server::start().await;
    let bus = server.bus();
    bus.ensure(&[listener("all")]).await.unwrap();
    let mut publishing = JoinSet::new();
    for event in events(200) {
        let bus = bus.clone();
        publishing.spawn(async move { bus.publish(Topic::Results, &event).await.unwrap() });
    }
    publishing.join_all().await;
    let ids = events(200).into_iter().map(|event| event.id);
    all_come(&mut bus.receive("all", SOME), ids).await;
}

#[tokio::test]
async fn what_is_given_back_comes_again_and_is_counted() {
    let server = Server::start().await;
    let bus = server.bus();
    bus.ensure(&[listener("worker")]).await.unwrap();
    bus.publish(Topic::Results, &event("e")).await.unwrap();
    let mut receiver = bus.receive("worker", SOME);
    next(&mut receiver).await.again();
    let dropped = next(&mut receiver).await;
    assert_eq!((dropped.event.id.as_str(), dropped.attempt), ("e", 2));
    drop(dropped);
    let third = next(&mut receiver).await;
    assert_eq!(third.attempt, 3);
    third.ack();
}

#[tokio::test]
async fn no_more_is_held_than_the_limit_says() {
    let server = Server::start().await;
    let bus = server.bus();
    bus.ensure(&[listener("worker")]).await.unwrap();
    bus.publish_all(Topic::Results, &events(20)).await.unwrap();
    let mut receiver = bus.receive("worker", Limits { max_outstanding: 3 });
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(next(&mut receiver).await);
    }
    let more = timeout(std::time::Duration::from_millis(300), receiver.next()).await;
    assert!(more.is_err(), "a fourth came");
    let held_ids: Vec<_> = held
        .iter()
        .map(|delivery| delivery.event.id.clone())
        .collect();
    held.into_iter().for_each(farm_bus::Delivery::ack);
    let rest = events(20).into_iter().map(|event| event.id);
    all_come(&mut receiver, rest.filter(|id| !held_ids.contains(id))).await;
}

#[tokio::test]
async fn a_hub_receives_its_own_work_alone() {
    let server = Server::start().await;
    let bus = server.bus();
    let hubs = ["h1", "h2"].map(|hub| SubscriptionSpec::hub(&hub.parse().unwrap()));
    bus.ensure(&hubs).await.unwrap();
    for n in 0..10 {
        let hub = ["h1", "h2", "h3"][n % 3];
        bus.publish(Topic::Work, &for_hub(&format!("{hub}-{n}"), hub))
            .await
            .unwrap();
    }
    let mut receiver = bus.receive("work-h2", SOME);
    all_come(&mut receiver, ["h2-1", "h2-4", "h2-7"].map(str::to_owned)).await;
    // Two more that arrive in turn show that nothing of another's lay between.
    bus.publish(Topic::Work, &for_hub("h1-last", "h1"))
        .await
        .unwrap();
    bus.publish(Topic::Work, &for_hub("h2-last", "h2"))
        .await
        .unwrap();
    assert_eq!(next(&mut receiver).await.event.id, "h2-last");
}

#[tokio::test]
async fn a_push_is_an_ordinary_cloud_event() {
    let (sender, mut pushed) = mpsc::channel(1);
    let answers = Arc::new(Mutex::new(vec![
        StatusCode::OK,
        StatusCode::SERVICE_UNAVAILABLE,
    ]));
    let function = move |headers: HeaderMap, body: String| async move {
        sender.send((headers, body)).await.unwrap();
        answers.lock().unwrap().pop().unwrap()
    };
    let function = Router::new().route("/", post(function));
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", port.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(port, function).await.unwrap() });

    let server = Server::start().await;
    let bus = server.bus();
    let spec = SubscriptionSpec {
        push: Some(PushTarget { url }),
        ..listener("function")
    };
    bus.ensure(&[spec]).await.unwrap();
    bus.publish(Topic::Results, &for_hub("e", "h1"))
        .await
        .unwrap();
    // The first is answered 503, and so comes again.
    for _ in 0..2 {
        let (headers, body) = timeout(PATIENCE, pushed.recv()).await.unwrap().unwrap();
        let header = |name: &str| headers.get(name).unwrap().to_str().unwrap();
        assert_eq!(header("ce-id"), "e");
        assert_eq!(header("ce-type"), "farmhand.test.v1");
        assert_eq!(header("ce-specversion"), "1.0");
        assert_eq!(header("ce-farmhub"), "h1");
        assert_eq!(header("content-type"), "application/json");
        assert_eq!(body, "{\"a\":1}");
    }
}

#[tokio::test]
async fn closing_waits_until_the_answers_are_with_the_queue() {
    let server = Server::start().await;
    let bus = server.bus();
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
        assert!(
            !answered.contains(&delivery.event.id),
            "{} came again",
            delivery.event.id
        );
        answered.push(delivery.event.id.clone());
        delivery.ack();
    }
}
