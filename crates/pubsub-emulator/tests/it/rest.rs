//! The REST face as curl and scripts use it.

use google_cloud_pubsub::model::Subscription;
use serde_json::{Value, json};

use crate::harness::{SUB, Server, TOPIC};

async fn call(server: &Server, method: reqwest::Method, path: &str, body: Value) -> (u16, Value) {
    let request = server.http.request(method, format!("{}{path}", server.url));
    let answer = request.body(body.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    (
        status,
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null),
    )
}

#[tokio::test]
async fn publish_pull_and_acknowledge_with_nothing_but_json() {
    let server = Server::memory().await;
    let (put, get) = (reqwest::Method::PUT, reqwest::Method::GET);
    let (status, topic) = call(
        &server,
        put.clone(),
        &format!("/v1/{TOPIC}?$alt=json;enum-encoding=int"),
        json!({}),
    )
    .await;
    assert_eq!((status, topic["name"].as_str()), (200, Some(TOPIC)));
    let config = json!({ "topic": TOPIC, "ack_deadline_seconds": 30, "labels": { "a": "b" } });
    let (status, made) = call(&server, put, &format!("/v1/{SUB}"), config).await;
    assert_eq!(
        (status, made["ackDeadlineSeconds"].as_i64()),
        (200, Some(30))
    );
    let messages = json!({ "messages": [{ "data": "aGVsbG8=", "attributes": { "k": "v" } }] });
    let (status, ids) = server.post(&format!("{TOPIC}:publish"), messages).await;
    assert_eq!(
        (status, ids["messageIds"].as_array().unwrap().len()),
        (200, 1)
    );
    let (_, pulled) = server
        .post(&format!("{SUB}:pull"), json!({ "maxMessages": 10 }))
        .await;
    let received = &pulled["receivedMessages"][0];
    assert_eq!(received["message"]["data"], "aGVsbG8=");
    assert_eq!(received["message"]["attributes"]["k"], "v");
    assert_eq!(received["message"]["messageId"], ids["messageIds"][0]);
    assert!(
        received.get("deliveryAttempt").is_none(),
        "only with a dead-letter policy"
    );
    let ack = json!({ "ackIds": [received["ackId"]] });
    assert_eq!(server.post(&format!("{SUB}:acknowledge"), ack).await.0, 200);
    assert!(server.pull(SUB).await.is_empty());
    let (_, list) = call(&server, get, "/v1/projects/test/subscriptions", Value::Null).await;
    assert_eq!(list["subscriptions"][0]["name"], SUB);
    server.stop().await;
}

#[tokio::test]
async fn errors_have_googles_shape() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    for (path, body, code, status) in [
        (
            "projects/test/topics/none:publish",
            json!({ "messages": [{ "data": "eA==" }] }),
            404,
            "NOT_FOUND",
        ),
        (
            "projects/test/topics/events:publish",
            json!({ "messages": [{ "data": "***" }] }),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            "projects/test/topics/events:publish",
            json!([]),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            "projects/test/topics/events:explode",
            json!({}),
            404,
            "NOT_FOUND",
        ),
        (
            "projects/test/subscriptions/worker:pull",
            json!({ "maxMessages": 0 }),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            "projects/test/subscriptions/worker:acknowledge",
            json!({ "ackIds": ["zz"] }),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            "projects/test/subscriptions/worker:seek",
            json!({}),
            501,
            "UNIMPLEMENTED",
        ),
        ("projects/test/schemas", json!({}), 501, "UNIMPLEMENTED"),
        ("nonsense", json!({}), 404, "NOT_FOUND"),
    ] {
        let (http, answer) = server.post(path, body).await;
        let error = &answer["error"];
        assert_eq!(
            (http, error["code"].as_u64(), error["status"].as_str()),
            (code, Some(u64::from(code)), Some(status)),
            "{path}: {answer}"
        );
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
    server.stop().await;
}

#[tokio::test]
async fn it_says_that_it_is_up() {
    let server = Server::memory().await;
    for path in ["/healthz", "/"] {
        let answer = server
            .http
            .get(format!("{}{path}", server.url))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
    server.stop().await;
}
