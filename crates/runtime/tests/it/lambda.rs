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
use farm_model::event::Topic;
use farm_runtime::Vars;
use farm_runtime::event::CloudEvent;
use farm_runtime::serve::{self, Triggers};
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
            "/report",
            post(|CloudEvent(event): CloudEvent| async move { status_of(&event.id) }),
        )
        .route("/sweep", post(swept));
    let triggers = Triggers::default()
        .push(Topic::Results, "report", "/report")
        .tick("/sweep");
    let vars = Vars::from_environment();
    let serving = serve::serve(router, triggers, &vars, CancellationToken::new());
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
    if id == "later" {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    }
}

async fn swept(headers: HeaderMap, body: String) -> StatusCode {
    if headers.is_empty() && body.is_empty() {
        StatusCode::ACCEPTED
    } else {
        StatusCode::BAD_REQUEST
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

fn shape(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn a_function_serves_requests_batches_and_schedules_on_lambda() {
    let (answers, mut said) = mpsc::channel(8);
    let url = include_str!("../shapes/function-url.json");
    let events = VecDeque::from([
        ("r1", shape(include_str!("../shapes/http-api.json"))),
        ("r2", shape(url)),
        ("r3", shape(&url.replace("/bytes", "/events"))),
        ("r4", shape(include_str!("../shapes/sqs.json"))),
        ("r5", shape(include_str!("../shapes/schedule.json"))),
        ("r6", json!({ "detail-type": "unknown" })),
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
        json!({ "batchItemFailures": [{ "itemIdentifier": "6f1c0d4e-0b53-4c2b-8f4a-6f8f0a1d0002" }] })
    );

    let (_, how, result) = answer().await;
    assert_eq!(
        (how.as_str(), result),
        ("response", json!({ "status": 202 }))
    );

    let (id, how, _) = answer().await;
    assert_eq!((id.as_str(), how.as_str()), ("r6", "error"));
}
