use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use serde_json::{Value, json};

use super::*;
use crate::event::CloudEvent;

#[tokio::test]
async fn a_port_that_is_none_is_named() {
    let vars = Vars::default().with("PORT", "http");
    let served = serve(Router::new(), &vars, CancellationToken::new()).await;
    let error = served.unwrap_err().to_string();
    assert_eq!(error, "PORT is \"http\", which is no port number");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_what_to_do() {
    let taken = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let vars = Vars::default().with("PORT", &port);
    let served = serve(Router::new(), &vars, CancellationToken::new()).await;
    let error = served.unwrap_err().to_string();
    assert!(
        error.contains(&port) && error.contains("PORT chooses another"),
        "{error}"
    );
}

#[tokio::test]
async fn half_of_lambdas_environment_is_an_error_and_no_panic() {
    let vars = Vars::default().with("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1");
    let served = serve(Router::new(), &vars, CancellationToken::new()).await;
    let error = served.unwrap_err().to_string();
    assert!(error.contains("AWS_LAMBDA_FUNCTION_NAME is not"), "{error}");
}

/// Answers the invocation of `event` by a function that takes CloudEvents; also returns the ids that it saw. It is
/// unwilling for the id "later", and takes no "bad".
async fn invoked(event: Value) -> (Result<Response, String>, Vec<String>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let ids = Arc::clone(&seen);
    let function = move |CloudEvent(event): CloudEvent| async move {
        let status = match event.id.as_str() {
            "later" => StatusCode::SERVICE_UNAVAILABLE,
            "bad" => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::NO_CONTENT,
        };
        ids.lock().unwrap().push(event.id);
        status
    };
    let router = Router::new().route("/", post(function));
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let answer = lambda::answer(router, request).await;
    let seen = seen.lock().unwrap().clone();
    (answer, seen)
}

async fn text(answer: Response) -> String {
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20)
        .await
        .unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

fn structured(id: &str) -> String {
    json!({ "specversion": "1.0", "id": id, "source": "/t", "type": "t.v1", "data": { "a": 1 } })
        .to_string()
}

fn notification(id: &str) -> Value {
    json!({ "Type": "Notification", "MessageId": "n", "Message": structured(id) })
}

#[tokio::test]
async fn records_of_sqs_are_events_and_only_those_that_failed_come_again() {
    let record =
        |id: &str, body: String| json!({ "eventSource": "aws:sqs", "messageId": id, "body": body });
    let (answer, seen) = invoked(json!({ "Records": [
        record("m1", structured("raw")),
        record("m2", structured("later")),
        record("m3", notification("wrapped").to_string()),
        record("m4", structured("bad")),
        record("m5", "no event".to_owned()),
    ] }))
    .await;
    assert_eq!(seen, ["raw", "later", "wrapped", "bad"]);
    let result: Value = serde_json::from_str(&text(answer.unwrap()).await).unwrap();
    let failed = ["m2", "m4", "m5"].map(|id| json!({ "itemIdentifier": id }));
    assert_eq!(result, json!({ "batchItemFailures": failed }));
}

#[tokio::test]
async fn a_notification_of_sns_that_failed_fails_the_invocation() {
    let batch =
        |id: &str| json!({ "Records": [{ "EventSource": "aws:sns", "Sns": notification(id) }] });
    let (answer, seen) = invoked(batch("good")).await;
    assert!(answer.is_ok());
    assert_eq!(seen, ["good"]);
    let (answer, _) = invoked(batch("later")).await;
    assert_eq!(answer.unwrap_err(), "the notification n failed");
}

#[tokio::test]
async fn an_event_that_nobody_takes_fails_the_invocation() {
    let (answer, seen) = invoked(json!({ "detail-type": "Scheduled Event", "detail": {} })).await;
    assert_eq!(
        answer.unwrap_err(),
        "neither an HTTP request nor a batch of SQS or SNS"
    );
    assert_eq!(seen, [""; 0]);
}
