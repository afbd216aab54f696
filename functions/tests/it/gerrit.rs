//! Deliveries of Gerrit.

use axum::body::Body;
use axum::http::Request;
use farm_model::event::Topic;
use farm_model::message::activity::{Activity, Hint};
use serde_json::json;

use crate::harness::{Function, GERRIT_SECRET, Queue};

const UPDATED: &str = r#"{"type":"ref-updated","refUpdate":{"project":"tools","refName":"refs/heads/main","newRev":"abc"}}"#;

fn delivery(secret: &str, body: &str) -> Request<Body> {
    Request::post(format!("/gerrit-webhook/{secret}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

#[tokio::test]
async fn an_updated_ref_is_published_and_the_secret_is_kept_nowhere() {
    let (queue, mut listener) = Queue::with(Topic::Activity).await;
    let function = Function::start("gerrit-webhook", Some(&queue));
    let answer = function.ask(delivery(GERRIT_SECRET, UPDATED)).await;
    assert_eq!(answer.of(202), "accepted\n");
    let event = listener.next().await;
    let activity: Activity = event.decode().unwrap();
    assert_eq!(event.id, format!("gerrit:{}", activity.delivery));
    assert!(matches!(&activity.hint, Hint::Gerrit(hint) if hint.project == "tools"));
    assert!(!event.data.contains(GERRIT_SECRET));
    let stored = function
        .bucket
        .get_delivery("gerrit", activity.received, &activity.delivery);
    let stored = stored.await.unwrap().unwrap();
    assert_eq!(stored.headers, json!({"content-type": "application/json"}));
    assert_eq!(stored.body, UPDATED);
}

#[tokio::test]
async fn with_another_secret_there_is_nothing_here() {
    let (queue, mut listener) = Queue::with(Topic::Activity).await;
    let function = Function::start("gerrit-webhook", Some(&queue));
    let longer = format!("{GERRIT_SECRET}x");
    for secret in ["wrong", "g3rri", &longer, "%ff", "%67"] {
        let answer = function.ask(delivery(secret, UPDATED)).await;
        assert_eq!(answer.of(404), "not found\n");
    }
    listener.has_nothing().await;
}

#[tokio::test]
async fn limits_and_nonsense_are_answered_as_githubs() {
    let (queue, mut listener) = Queue::with(Topic::Activity).await;
    let function = Function::start("gerrit-webhook", Some(&queue));
    let ask = |body: String| function.ask(delivery(GERRIT_SECRET, &body));
    ask("{".to_owned()).await.of(400);
    ask("x".repeat((4 << 20) + 1)).await.of(413);
    ask(r#"{"type":"project-created","projectName":"x"}"#.to_owned())
        .await
        .of(204);
    listener.has_nothing().await;
}
