//! The REST face as curl and scripts use it.

use google_cloud_pubsub::model::Subscription;
use serde_json::json;

use crate::harness::{SUB, Server, TOPIC};

#[tokio::test]
async fn publish_pull_and_acknowledge_with_nothing_but_json() {
    let server = Server::memory().await;
    let path = format!("{TOPIC}?$alt=json;enum-encoding=int");
    let (status, topic) = server.call("PUT", &path, json!({})).await;
    assert_eq!((status, topic["name"].as_str()), (200, Some(TOPIC)));
    let config = json!({ "topic": TOPIC, "ack_deadline_seconds": 30, "labels": { "a": "b" } });
    let (status, made) = server.call("PUT", SUB, config).await;
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
    let (_, list) = server.get("projects/test/subscriptions").await;
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
            400,
            "INVALID_ARGUMENT",
        ),
        (
            "projects/test/subscriptions/worker:setIamPolicy",
            json!({}),
            501,
            "UNIMPLEMENTED",
        ),
        ("projects/test/schemas", json!({}), 400, "INVALID_ARGUMENT"),
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

#[tokio::test]
async fn what_does_not_fit_is_told_as_the_service_does() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    for (method, path, body, part) in [
        (
            "PUT",
            "projects/test/topics/abc",
            json!({ "labelz": {} }),
            "labelz",
        ),
        ("GET", "projects/test/topics?size=1", json!(null), "size"),
        (
            "GET",
            "projects/test/topics?pageSize=x",
            json!(null),
            "digit",
        ),
    ] {
        let (status, answer) = server.call(method, path, body).await;
        assert_eq!(status, 400, "{answer}");
        let error = &answer["error"];
        let message = error["message"].as_str().unwrap();
        assert!(
            message.starts_with("Invalid JSON payload received. "),
            "{message}"
        );
        assert!(message.contains(part), "{message}");
        let detail = &error["details"][0];
        assert_eq!(detail["@type"], "type.googleapis.com/google.rpc.BadRequest");
        assert_eq!(detail["fieldViolations"][0]["description"], message);
    }
    server.stop().await;
}

#[tokio::test]
async fn system_parameters_shape_the_answer() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    let (status, _) = server.get(&format!("{TOPIC}?alt=proto")).await;
    assert_eq!(status, 501);
    let (_, named) = server.get(TOPIC).await;
    let (_, numbered) = server
        .get(&format!("{TOPIC}?$alt=json;enum-encoding=int"))
        .await;
    assert_eq!(
        (&named["state"], &numbered["state"]),
        (&json!("ACTIVE"), &json!(1))
    );
    let (_, part) = server
        .get("projects/test/subscriptions?fields=subscriptions/topic")
        .await;
    assert_eq!(part, json!({ "subscriptions": [{ "topic": TOPIC }] }));
    for (query, lines) in [("", true), ("?prettyPrint=false", false)] {
        let url = format!("{}/v1/{TOPIC}{query}", server.url);
        let text = server
            .http
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(text.trim().contains('\n'), lines, "{text}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_update_mask_is_read_in_body_and_query_in_either_spelling() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    for (seconds, query, mask) in [
        (20, "", json!("ackDeadlineSeconds")),
        (30, "", json!("ack_deadline_seconds")),
        (40, "?updateMask=ackDeadlineSeconds", json!(null)),
        (50, "?update_mask=ack_deadline_seconds", json!(null)),
    ] {
        let mut body = json!({ "subscription": { "ackDeadlineSeconds": seconds } });
        if !mask.is_null() {
            body["updateMask"] = mask;
        }
        let (status, answer) = server.call("PATCH", &format!("{SUB}{query}"), body).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["ackDeadlineSeconds"], seconds);
    }
    for mask in ["filter", "name", "nonsense", ""] {
        let body = json!({ "subscription": {}, "updateMask": mask });
        let (status, answer) = server.call("PATCH", SUB, body).await;
        assert_eq!(
            (status, &answer["error"]["status"]),
            (400, &json!("INVALID_ARGUMENT")),
            "{mask}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn pages_go_on_over_what_is_deleted_in_between() {
    let server = Server::memory().await;
    let name = |n: usize| format!("projects/test/topics/topic-{n}");
    for n in 0..5 {
        server.call("PUT", &name(n), json!({})).await;
    }
    let (_, first) = server.get("projects/test/topics?pageSize=2").await;
    let token = first["nextPageToken"].as_str().unwrap();
    for n in [1, 2] {
        assert_eq!(server.call("DELETE", &name(n), json!(null)).await.0, 200);
    }
    let (_, rest) = server
        .get(&format!("projects/test/topics?pageToken={token}"))
        .await;
    assert_eq!(
        rest,
        json!({ "topics": [
        { "name": name(3), "state": "ACTIVE" }, { "name": name(4), "state": "ACTIVE" },
    ] })
    );
    for query in ["pageToken=made-up", "pageSize=-1"] {
        let (status, answer) = server.get(&format!("projects/test/topics?{query}")).await;
        assert_eq!(
            (status, &answer["error"]["status"]),
            (400, &json!("INVALID_ARGUMENT"))
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn limits_of_resources_are_kept() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    let topic = "projects/test/topics/other";
    for config in [
        json!({ "labels": { "Team": "a" } }),
        json!({ "messageRetentionDuration": "599s" }),
        json!({ "messageRetentionDuration": "2678400.1s" }),
        json!({ "schemaSettings": { "schema": "projects/test/schemas/abc" } }),
    ] {
        let (status, answer) = server.call("PUT", topic, config.clone()).await;
        assert_eq!(status, 400, "{config} {answer}");
    }
    let subscription = "projects/test/subscriptions/other";
    for (mut config, code) in [
        (json!({ "labels": { "team": "A" } }), 400),
        (json!({ "retryPolicy": { "minimumBackoff": "601s" } }), 400),
        (
            json!({ "deadLetterPolicy": { "deadLetterTopic": TOPIC, "maxDeliveryAttempts": 101 } }),
            400,
        ),
        (
            json!({ "deadLetterPolicy": { "deadLetterTopic": topic } }),
            404,
        ),
        (
            json!({ "pushConfig": { "pushEndpoint": "http://x/", "oidcToken": {} } }),
            400,
        ),
        (json!({ "pushConfig": { "pushEndpoint": "http://" } }), 400),
    ] {
        config["topic"] = TOPIC.into();
        let (status, answer) = server.call("PUT", subscription, config.clone()).await;
        assert_eq!(status, code, "{config} {answer}");
    }
    for (verb, body) in [
        ("acknowledge", json!({})),
        ("modifyAckDeadline", json!({ "ackDeadlineSeconds": 10 })),
    ] {
        let (status, _) = server.post(&format!("{SUB}:{verb}"), body).await;
        assert_eq!(status, 400, "{verb} of nothing");
    }
    server.stop().await;
}
