//! Going back, and exactly-once delivery, as clients see them.

use std::time::Duration;

use farm_pubsub_emulator::{Emulator, Options};
use google_cloud_pubsub::model::Subscription;
use google_cloud_pubsub::subscriber::handler::Handler;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::publisher_client::PublisherClient;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::subscriber_client::SubscriberClient;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::{
    self as api, PublishRequest, PubsubMessage, StreamingPullRequest, Topic,
};
use serde_json::json;

use crate::harness::{PATIENCE, SUB, Server, TOPIC, client, next, publish};
use crate::kill::{binary, start};

const SNAPSHOT: &str = "projects/test/snapshots/before";

fn texts(pulled: Vec<(String, String, i64)>) -> Vec<String> {
    pulled.into_iter().map(|(_, text, _)| text).collect()
}

async fn pull_and_ack(server: &Server) -> Vec<String> {
    let pulled = server.pull_some(SUB).await;
    let ids: Vec<_> = pulled.iter().map(|(id, ..)| id.clone()).collect();
    let acks = json!({ "ackIds": ids });
    let (status, answer) = server.post(&format!("{SUB}:acknowledge"), acks).await;
    assert_eq!(status, 200, "{answer}");
    texts(pulled)
}

#[tokio::test]
async fn snapshots_and_seeks_outlive_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::durable(folder.path())).await;
    server
        .set_up(Subscription::new().set_retain_acked_messages(true))
        .await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, ["one".to_owned()]).await;
    assert_eq!(pull_and_ack(&server).await, ["one"]);
    publish(&publisher, ["two".to_owned()]).await;
    server.stop().await;

    let (mut child, url) = start(binary(folder.path())).await;
    let http = client();
    let call = async |method: reqwest::Method, path: &str, body: serde_json::Value| {
        let request = http.request(method, format!("{url}/v1/{path}"));
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    };
    let put = reqwest::Method::PUT;
    call(put, SNAPSHOT, json!({ "subscription": SUB })).await;
    let post = reqwest::Method::POST;
    let purge = json!({ "time": "2100-01-01T00:00:00Z" });
    call(post.clone(), &format!("{SUB}:seek"), purge).await;
    let three = json!({ "messages": [{ "data": "dGhyZWU=" }] });
    call(post.clone(), &format!("{TOPIC}:publish"), three).await;
    child.kill().await.unwrap();

    let server = Server::start(Options::durable(folder.path())).await;
    assert_eq!(pull_and_ack(&server).await, ["three"]);
    server.drop_abruptly().await;
    let (mut child, url) = start(binary(folder.path())).await;
    let seek = http.post(format!("{url}/v1/{SUB}:seek"));
    let body = json!({ "snapshot": SNAPSHOT }).to_string();
    assert_eq!(seek.body(body).send().await.unwrap().status(), 200);
    child.kill().await.unwrap();

    let server = Server::start(Options::durable(folder.path())).await;
    assert_eq!(pull_and_ack(&server).await, ["two", "three"]);
    let all = json!({ "time": "2000-01-01T00:00:00Z" });
    assert_eq!(server.post(&format!("{SUB}:seek"), all).await.0, 200);
    assert_eq!(pull_and_ack(&server).await, ["one", "two", "three"]);
    server.stop().await;
}

#[tokio::test]
async fn the_official_client_hears_that_its_acknowledgement_counts() {
    let server = Server::memory().await;
    server
        .set_up(Subscription::new().set_enable_exactly_once_delivery(true))
        .await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, ["once".to_owned()]).await;
    let mut stream = server.stream(SUB).await;
    let (_, handler) = next(&mut stream).await;
    let Handler::ExactlyOnce(handler) = handler else {
        panic!("exactly once was asked for")
    };
    tokio::time::timeout(PATIENCE, handler.confirmed_ack())
        .await
        .unwrap()
        .unwrap();
    assert!(server.pull(SUB).await.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_late_answer_fails_with_exactly_once_delivery() {
    let (server, clock) = Server::with_clock().await;
    server
        .set_up(Subscription::new().set_enable_exactly_once_delivery(true))
        .await;
    let publisher = server.publisher(TOPIC).await;
    publish(&publisher, ["once".to_owned()]).await;
    let id = server.pull(SUB).await.remove(0).0;
    clock.advance(Duration::from_secs(10));
    let acks = json!({ "ackIds": [id] });
    let (status, answer) = server.post(&format!("{SUB}:acknowledge"), acks).await;
    assert_eq!(status, 400, "{answer}");
    let info = &answer["error"]["details"][0];
    assert_eq!(info["metadata"][&id], "PERMANENT_FAILURE_INVALID_ACK_ID");
    assert_eq!(texts(server.pull_some(SUB).await), ["once"]);
    server.stop().await;
}

#[tokio::test]
async fn a_stream_confirms_what_it_was_answered() {
    let emulator = Emulator::open(Options::default()).await.unwrap();
    let mut topics = PublisherClient::new(emulator.router());
    let mut subscriptions = SubscriberClient::new(emulator.router());
    let topic = Topic {
        name: TOPIC.to_owned(),
        ..Topic::default()
    };
    topics.create_topic(topic).await.unwrap();
    let config = api::Subscription {
        name: SUB.to_owned(),
        topic: TOPIC.to_owned(),
        enable_exactly_once_delivery: true,
        ..api::Subscription::default()
    };
    subscriptions.create_subscription(config).await.unwrap();
    let message = PubsubMessage {
        data: "once".into(),
        ..PubsubMessage::default()
    };
    let topic = TOPIC.to_owned();
    let messages = vec![message];
    let request = PublishRequest { topic, messages };
    topics.publish(request).await.unwrap();

    let (ask, mut asked) = tokio::sync::mpsc::channel(8);
    let first = StreamingPullRequest {
        subscription: SUB.to_owned(),
        stream_ack_deadline_seconds: 10,
        ..StreamingPullRequest::default()
    };
    ask.send(first).await.unwrap();
    let requests = futures::stream::poll_fn(move |cx| asked.poll_recv(cx));
    let answers = subscriptions.streaming_pull(requests).await.unwrap();
    let mut answers = answers.into_inner();
    let delivered = answers.message().await.unwrap().unwrap();
    let properties = delivered.subscription_properties.unwrap();
    assert!(properties.exactly_once_delivery_enabled);
    let id = delivered.received_messages[0].ack_id.clone();
    let answer = StreamingPullRequest {
        ack_ids: vec![id.clone(), "nonsense".to_owned()],
        modify_deadline_ack_ids: vec![id.clone()],
        modify_deadline_seconds: vec![60],
        ..StreamingPullRequest::default()
    };
    ask.send(answer).await.unwrap();
    let confirmed = answers.message().await.unwrap().unwrap();
    let acks = confirmed.acknowledge_confirmation.unwrap();
    assert_eq!(acks.ack_ids, std::slice::from_ref(&id));
    assert_eq!(acks.invalid_ack_ids, ["nonsense"]);
    let deadlines = confirmed.modify_ack_deadline_confirmation.unwrap();
    assert_eq!(
        deadlines.invalid_ack_ids,
        [id],
        "it was acknowledged before"
    );
}
