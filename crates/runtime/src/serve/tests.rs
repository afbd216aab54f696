use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::post;
use farm_model::event::Topic;
use serde_json::{Value, json};

use super::*;

async fn nothing_served(vars: &Vars) -> Result<(), ServeError> {
    let (router, triggers) = (Router::new(), Triggers::default());
    serve(router, triggers, vars, CancellationToken::new()).await
}

#[tokio::test]
async fn a_port_that_is_none_is_named() {
    let vars = Vars::default().with("PORT", "http");
    let served = nothing_served(&vars).await;
    let error = served.unwrap_err().to_string();
    assert_eq!(error, "PORT is \"http\", which is no port number");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_what_to_do() {
    let taken = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let vars = Vars::default().with("PORT", &port);
    let served = nothing_served(&vars).await;
    let error = served.unwrap_err().to_string();
    assert!(
        error.contains(&port) && error.contains("PORT chooses another"),
        "{error}"
    );
}

#[tokio::test]
async fn half_of_lambdas_environment_is_an_error_and_no_panic() {
    let vars = Vars::default().with("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1");
    let served = nothing_served(&vars).await;
    let error = served.unwrap_err().to_string();
    assert!(error.contains("AWS_LAMBDA_FUNCTION_NAME is not"), "{error}");
}

/// A request as the function saw it: its path, its headers beside `content-type` and its body.
type Seen = (String, Vec<(String, String)>, String);

/// Answers the invocation of `event` by a function that takes results at `/report` and calls of the time at `/sweep`; also
/// returns the requests that it saw. It is unwilling for the id "later", and takes no "bad".
async fn invoked(event: &str) -> (Result<Response, String>, Vec<Seen>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&seen);
    let function = move |uri: Uri, headers: HeaderMap, body: String| async move {
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
        let status = match header("ce-id") {
            Some("later") => StatusCode::SERVICE_UNAVAILABLE,
            Some("bad") => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::NO_CONTENT,
        };
        let named = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let named = named.collect::<BTreeMap<_, _>>().into_iter().collect();
        requests
            .lock()
            .unwrap()
            .push((uri.path().to_owned(), named, body));
        status
    };
    let router = Router::new()
        .route("/report", post(function.clone()))
        .route("/sweep", post(function));
    let triggers = Triggers::default()
        .push(Topic::Results, "report", "/report")
        .tick("/sweep");
    let request = lambda_http::request::from_str(event).unwrap();
    let answer = lambda::answer(router, &triggers, request).await;
    let seen = seen.lock().unwrap().clone();
    (answer, seen)
}

async fn text(answer: Response) -> String {
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20)
        .await
        .unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

fn ids(seen: &[Seen]) -> Vec<&str> {
    let id = |(_, headers, _): &'_ Seen| headers.iter().position(|(name, _)| name == "ce-id");
    seen.iter()
        .map(|request| request.1[id(request).unwrap()].1.as_str())
        .collect()
}

fn structured(id: &str) -> String {
    json!({ "specversion": "1.0", "id": id, "source": "/t", "type": "t.v1", "data": { "a": 1 } })
        .to_string()
}

fn notification(id: &str) -> Value {
    json!({ "Type": "Notification", "MessageId": "n", "TopicArn": "arn:aws:sns:r:1:results", "Message": structured(id) })
}

/// A push of Pub/Sub has the same headers, and some more that tell of the message.
#[tokio::test]
async fn an_event_from_a_queue_is_the_request_that_a_push_makes() {
    let (answer, seen) = invoked(include_str!("../../tests/shapes/sqs.json")).await;
    let (path, headers, body) = &seen[0];
    assert_eq!(path, "/report");
    let expected = [
        ("ce-id", "good"),
        ("ce-source", "/coordinator"),
        ("ce-specversion", "1.0"),
        ("ce-time", "2026-11-26T10:00:00Z"),
        (
            "ce-traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("ce-type", "farmhand.build.finished.v1"),
        ("content-type", "application/json"),
    ];
    assert_eq!(
        *headers,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(body, "{\"a\":1}");
    assert_eq!(ids(&seen), ["good", "later", "last"]);
    let result: Value = serde_json::from_str(&text(answer.unwrap()).await).unwrap();
    let second = "6f1c0d4e-0b53-4c2b-8f4a-6f8f0a1d0002";
    assert_eq!(
        result,
        json!({ "batchItemFailures": [{ "itemIdentifier": second }] })
    );
}

#[tokio::test]
async fn only_the_records_that_failed_come_again() {
    let record = |id: &str, body: String| {
        let queue = "arn:aws:sqs:eu-west-1:1:results-report";
        json!({ "eventSource": "aws:sqs", "eventSourceARN": queue, "messageId": id, "body": body })
    };
    let unheard = structured("x").replace("/t", "/t\n");
    let batch = json!({ "Records": [
        record("m1", structured("raw")),
        record("m2", structured("later")),
        record("m3", notification("wrapped").to_string()),
        record("m4", structured("bad")),
        record("m5", "no event".to_owned()),
        record("m6", unheard),
    ] });
    let (answer, seen) = invoked(&batch.to_string()).await;
    assert_eq!(ids(&seen), ["raw", "later", "wrapped", "bad"]);
    let result: Value = serde_json::from_str(&text(answer.unwrap()).await).unwrap();
    let failed = ["m2", "m4", "m5", "m6"].map(|id| json!({ "itemIdentifier": id }));
    assert_eq!(result, json!({ "batchItemFailures": failed }));
}

#[tokio::test]
async fn a_notification_of_sns_that_failed_fails_the_invocation() {
    let shape = include_str!("../../tests/shapes/sns.json");
    let (answer, seen) = invoked(shape).await;
    assert!(answer.is_ok());
    assert_eq!((seen[0].0.as_str(), ids(&seen)), ("/report", vec!["good"]));
    let (answer, _) = invoked(&shape.replace("good", "later")).await;
    let id = "95df01b4-ee98-5cb9-9903-4c221d41eb5e";
    assert_eq!(answer.unwrap_err(), format!("the notification {id} failed"));
}

#[tokio::test]
async fn the_time_posts_nothing_to_the_path_of_the_tick() {
    let shapes = [
        include_str!("../../tests/shapes/rule.json"),
        include_str!("../../tests/shapes/schedule.json"),
    ];
    for shape in shapes {
        let (answer, seen) = invoked(shape).await;
        assert!(answer.is_ok(), "{answer:?}");
        assert_eq!(seen, [("/sweep".to_owned(), vec![], String::new())]);
    }
    let (answer, seen) = invoked(&shapes[1].replace("/sweep", "/report")).await;
    assert!(answer.unwrap_err().contains("no tick of the function"));
    assert_eq!(seen, []);
}

#[tokio::test]
async fn over_http_nobody_speaks_for_a_queue_or_the_time() {
    let shape = include_str!("../../tests/shapes/function-url.json");
    for (path, status) in [("/report", 404), ("/sweep", 404)] {
        let (answer, seen) = invoked(&shape.replace("/bytes", path)).await;
        assert_eq!(answer.unwrap().status(), status);
        assert_eq!(seen, []);
    }
}

#[tokio::test]
async fn on_a_port_nobody_does_where_no_platform_guards_it() {
    let triggers = Triggers::default()
        .push(Topic::Results, "report", "/report")
        .tick("/sweep");
    let router = Router::new()
        .route("/report", post(StatusCode::NO_CONTENT))
        .route("/sweep", post(StatusCode::NO_CONTENT))
        .route("/hook", post(StatusCode::NO_CONTENT));
    let kept = triggers.clone().kept();
    for (triggers, report, hook) in [(triggers, 204, 204), (kept, 404, 204)] {
        let served = triggers.on_port(router.clone());
        for (path, status) in [("/report", report), ("/sweep", report), ("/hook", hook)] {
            let answer = post::to(&served, path, HeaderMap::new(), Default::default()).await;
            assert_eq!(answer, status, "{path}");
        }
    }
}

#[tokio::test]
async fn an_event_that_nobody_takes_fails_the_invocation() {
    let made = json!({ "detail-type": "EC2 Instance State-change Notification", "detail": {} });
    for event in [made, json!({ "a": 1 })] {
        let (answer, seen) = invoked(&event.to_string()).await;
        assert_eq!(
            answer.unwrap_err(),
            "neither an HTTP request nor a batch of SQS or SNS nor a schedule"
        );
        assert_eq!(seen, []);
    }
}
