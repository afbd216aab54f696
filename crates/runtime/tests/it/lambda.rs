//! The whole path on Lambda: this binary as the function's process, and Lambda's runtime API
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>) as a server on loopback.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use farm_runtime::event::CloudEvent;
use farm_runtime::{Vars, serve};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{PATIENCE, again_as};

#[test]
#[ignore = "started by another test, as a process of its own"]
fn function_process() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let router = Router::new()
        .route("/hook", post(hook))
        .route("/bytes", post(|body: Bytes| async { body }))
        .route(
            "/",
            post(|CloudEvent(event): CloudEvent| async move { status_of(&event.id) }),
        );
    let vars = Vars::from_environment();
    let serving = serve::serve(router, &vars, CancellationToken::new());
    runtime.block_on(serving).unwrap();
}

async fn hook(headers: HeaderMap, body: String) -> impl IntoResponse {
    let signature = headers["x-hub-signature-256"].to_str().unwrap().to_owned();
    (
        StatusCode::ACCEPTED,
        [("x-seen", signature)],
        format!("got {body}"),
    )
}

fn status_of(id: &str) -> StatusCode {
    if id == "good" {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

/// Lambda's side: events to hand out, and what was answered to each.
struct Lambda {
    events: Mutex<VecDeque<(&'static str, Value)>>,
    answers: mpsc::Sender<(String, String, Value)>,
}

async fn next(State(lambda): State<Arc<Lambda>>) -> Response {
    let Some((id, event)) = lambda.events.lock().await.pop_front() else {
        return std::future::pending().await;
    };
    let deadline = (jiff::Timestamp::UNIX_EPOCH.as_millisecond() + 32_503_680_000_000).to_string();
    let arn = "arn:aws:lambda:eu-west-1:1:function:hook".to_owned();
    let headers = [
        ("lambda-runtime-aws-request-id", id.to_owned()),
        ("lambda-runtime-deadline-ms", deadline),
        ("lambda-runtime-invoked-function-arn", arn),
    ];
    (headers, Json(event)).into_response()
}

async fn answered(
    State(lambda): State<Arc<Lambda>>,
    Path((id, how)): Path<(String, String)>,
    body: String,
) -> StatusCode {
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    lambda.answers.send((id, how, body)).await.unwrap();
    StatusCode::ACCEPTED
}

/// A request through a function URL.
fn request(path: &str, body: &str, is_base64: bool) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {
            "host": "x.lambda-url.eu-west-1.on.aws", "content-type": "application/json",
            "x-hub-signature-256": "sha256=00"
        },
        "requestContext": {
            "accountId": "1", "apiId": "x", "domainName": "x.lambda-url.eu-west-1.on.aws", "domainPrefix": "x",
            "requestId": "r", "routeKey": "$default", "stage": "$default",
            "time": "25/Apr/2019:17:00:00 +0000", "timeEpoch": 1_556_211_600_000_i64,
            "http": { "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t" }
        },
        "body": body, "isBase64Encoded": is_base64
    })
}

fn batch(ids: &[&str]) -> Value {
    let body = |id: &str| {
        json!({ "specversion": "1.0", "id": id, "source": "/t", "type": "t.v1" }).to_string()
    };
    let record = |id: &&str| json!({ "eventSource": "aws:sqs", "messageId": format!("m-{id}"), "body": body(id) });
    json!({ "Records": ids.iter().map(record).collect::<Vec<_>>() })
}

#[tokio::test]
async fn a_function_serves_requests_and_batches_on_lambda() {
    let (answers, mut said) = mpsc::channel(8);
    let events = VecDeque::from([
        ("r1", request("/hook", "{\"a\":1}", false)),
        ("r2", request("/bytes", "//79AA==", true)),
        ("r3", request("/events", "{\"Records\":[]}", false)),
        ("r4", batch(&["good", "later"])),
        ("r5", json!({ "detail-type": "unknown" })),
    ]);
    let lambda = Arc::new(Lambda {
        events: Mutex::new(events),
        answers,
    });
    let api = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{how}", post(answered))
        .with_state(lambda);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, api).await.unwrap() });
    let _function = again_as("lambda::function_process")
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "hook")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .spawn()
        .unwrap();
    let mut answer = async || timeout(PATIENCE, said.recv()).await.unwrap().unwrap();

    let (id, how, hook) = answer().await;
    assert_eq!((id.as_str(), how.as_str()), ("r1", "response"));
    assert_eq!(hook["statusCode"], 202);
    assert_eq!(hook["body"], "got {\"a\":1}");
    assert_eq!(hook["headers"]["x-seen"], "sha256=00");

    let (_, _, bytes) = answer().await;
    assert_eq!(
        (&bytes["body"], &bytes["isBase64Encoded"]),
        (&json!("//79AA=="), &json!(true))
    );

    // A stranger's request to the path of Lambda's own events is a request like any other.
    let (_, _, stranger) = answer().await;
    assert_eq!(stranger["statusCode"], 404);

    let (_, how, result) = answer().await;
    assert_eq!(how, "response");
    assert_eq!(
        result,
        json!({ "batchItemFailures": [{ "itemIdentifier": "m-later" }] })
    );

    let (id, how, _) = answer().await;
    assert_eq!((id.as_str(), how.as_str()), ("r5", "error"));
}
