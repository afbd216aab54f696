//! Deliveries of GitHub.

use axum::body::Body;
use axum::http::Request;
use farm_forge::signature::sign_github;
use farm_model::Timestamp;
use farm_model::event::Topic;
use farm_model::id::DeliveryId;
use farm_model::message::activity::{Activity, Hint};
use farm_model::trace::TRACEPARENT;
use serde_json::json;

use crate::harness::{Answer, Function, GITHUB_SECRET, Queue};

const PUSH: &str = r#"{"ref":"refs/heads/main","repository":{"full_name":"acme/demo"}}"#;

fn delivery(event: &str, body: &str, signature: Option<&str>) -> Request<Body> {
    let mut request = Request::post("/github-webhook")
        .header("content-type", "application/json")
        .header("x-github-event", event)
        .header("x-github-delivery", "11-22-33")
        .header("authorization", "not to be kept");
    if let Some(signature) = signature {
        request = request.header("x-hub-signature-256", signature);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

async fn deliver(function: &Function, event: &str, body: &str) -> Answer {
    let signature = sign_github(GITHUB_SECRET.as_bytes(), body.as_bytes());
    function.ask(delivery(event, body, Some(&signature))).await
}

/// The ids of what lies in the ledger, around the time of the test.
async fn ledger(function: &Function, at: Timestamp) -> Vec<DeliveryId> {
    let list = function.bucket.list_deliveries("github", at, None, 10);
    list.await.unwrap()
}

#[tokio::test]
async fn a_delivery_goes_on_with_the_senders_trace_or_begins_one() {
    let (queue, mut listener) = Queue::with(Topic::Activity).await;
    let function = Function::start("github-webhook", Some(&queue));
    let sender = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for header in [sender, "00-no-trace-01"] {
        let signature = sign_github(GITHUB_SECRET.as_bytes(), PUSH.as_bytes());
        let mut request = delivery("push", PUSH, Some(&signature));
        let headers = request.headers_mut();
        headers.insert(TRACEPARENT, header.parse().unwrap());
        function.ask(request).await.of(202);
    }
    let mut trace = async || listener.next().await.trace().unwrap();
    let traces = [trace().await, trace().await];
    let of_sender = traces.iter().filter(|trace| trace.as_str() == sender);
    assert_eq!(of_sender.count(), 1, "{traces:?}");
}

#[tokio::test]
async fn a_signed_push_is_stored_then_published_then_answered() {
    let (queue, mut listener) = Queue::with(Topic::Activity).await;
    let function = Function::start("github-webhook", Some(&queue));
    assert_eq!(deliver(&function, "push", PUSH).await.of(202), "accepted\n");
    let event = listener.next().await;
    let activity: Activity = event.decode().unwrap();
    assert_eq!(event.source, "/functions/github-webhook");
    assert_eq!(event.id, format!("github:{}", activity.delivery));
    assert_eq!(activity.guid.as_deref(), Some("11-22-33"));
    let Hint::Github(hint) = &activity.hint else {
        panic!("{activity:?}")
    };
    assert_eq!(
        (
            hint.owner.as_str(),
            hint.repo.as_str(),
            hint.git_ref.as_deref()
        ),
        ("acme", "demo", Some("refs/heads/main"))
    );
    let at = activity.received;
    let stored = function
        .bucket
        .get_delivery("github", at, &activity.delivery);
    let stored = stored.await.unwrap().unwrap();
    assert_eq!(stored.body, PUSH);
    assert_eq!(stored.received, at);
    assert_eq!(
        stored.headers,
        json!({"content-type": "application/json", "x-github-delivery": "11-22-33", "x-github-event": "push"})
    );
}

#[tokio::test]
async fn the_same_delivery_again_has_the_same_event_id() {
    let (queue, mut listener) = Queue::with(Topic::Activity).await;
    let function = Function::start("github-webhook", Some(&queue));
    deliver(&function, "push", PUSH).await.of(202);
    deliver(&function, "push", PUSH).await.of(202);
    let (first, second) = (listener.next().await, listener.next().await);
    assert_eq!(first.id, second.id);
    let other = PUSH.replace("main", "other");
    deliver(&function, "push", &other).await.of(202);
    assert_ne!(listener.next().await.id, first.id);
}

#[tokio::test]
async fn without_the_right_signature_nothing_is_stored_or_published() {
    let (queue, mut listener) = Queue::with(Topic::Activity).await;
    let function = Function::start("github-webhook", Some(&queue));
    let of_other_body = sign_github(GITHUB_SECRET.as_bytes(), b"{}");
    let of_other_secret = sign_github(b"other", PUSH.as_bytes());
    for bad in ["", "sha256=", "sha1=00", &of_other_body, &of_other_secret] {
        let answer = function.ask(delivery("push", PUSH, Some(bad))).await;
        answer.of(401);
    }
    function.ask(delivery("push", PUSH, None)).await.of(401);
    // Not even looked at.
    function.ask(delivery("push", "{", None)).await.of(401);
    listener.has_nothing().await;
    let now = farm_runtime::Clock::system().now();
    assert_eq!(ledger(&function, now).await, []);
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_looked_at() {
    let (queue, mut listener) = Queue::with(Topic::Activity).await;
    let function = Function::start("github-webhook", Some(&queue));
    let long = |len: usize| format!("{PUSH}{}", " ".repeat(len - PUSH.len()));
    let over = delivery("push", &long((4 << 20) + 1), None);
    function.ask(over).await.of(413);
    listener.has_nothing().await;
    deliver(&function, "push", &long(4 << 20)).await.of(202);
    listener.message::<Activity>().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_for_ever() {
    let (queue, mut listener) = Queue::with(Topic::Activity).await;
    let function = Function::start("github-webhook", Some(&queue));
    let answer = deliver(&function, "push", "{").await;
    assert!(answer.of(400).starts_with("the body is not JSON"));
    let answer = deliver(&function, "push", "{}").await;
    assert_eq!(answer.of(400), "the push event has no ref\n");
    let body = Request::post("/github-webhook")
        .header(
            "x-hub-signature-256",
            sign_github(GITHUB_SECRET.as_bytes(), b"{}"),
        )
        .body(Body::from("{}"));
    let answer = function.ask(body.unwrap()).await;
    assert_eq!(answer.of(400), "X-GitHub-Event is missing\n");
    listener.has_nothing().await;
}

#[tokio::test]
async fn a_ping_is_answered_and_what_is_of_no_use_is_dropped() {
    let (queue, mut listener) = Queue::with(Topic::Activity).await;
    let function = Function::start("github-webhook", Some(&queue));
    assert_eq!(
        deliver(&function, "ping", "{\"zen\":\"x\"}").await.of(200),
        "pong\n"
    );
    let star = r#"{"action":"created","repository":{"full_name":"acme/demo"}}"#;
    assert_eq!(deliver(&function, "star", star).await.of(204), "");
    listener.has_nothing().await;
}

#[tokio::test]
async fn while_the_queue_is_away_the_delivery_is_stored_and_asked_for_again() {
    let queue = Queue::bare().await;
    let function = Function::start("github-webhook", Some(&queue));
    let before = farm_runtime::Clock::system().now();
    let answer = deliver(&function, "push", PUSH).await;
    assert_eq!(answer.of(503), "not now; try again\n");
    let after = farm_runtime::Clock::system().now();
    let mut stored = ledger(&function, before).await;
    stored.extend(ledger(&function, after).await);
    assert!(!stored.is_empty());
}
