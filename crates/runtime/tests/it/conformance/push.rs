use serde_json::{Value, json};

use super::{Served, functions};

#[tokio::test]
async fn a_push_without_an_event_in_it_tells_of_the_message() {
    let served = Served::new(functions()).await;
    let push = json!({
        "subscription": "projects/p/subscriptions/s", "deliveryAttempt": 2,
        "message": {
            "messageId": "77", "message_id": "77", "publishTime": "2026-11-26T10:00:00.25Z",
            "publish_time": "2026-11-26T10:00:00.25Z", "orderingKey": "k", "attributes": { "a": "1" }, "data": "AP8="
        }
    });
    let expected = json!({
        "specversion": "1.0", "id": "77", "type": "google.cloud.pubsub.topic.v1.messagePublished",
        "source": "//pubsub.googleapis.com/projects/p/subscriptions/s", "time": "2026-11-26T10:00:00.25Z",
        "datacontenttype": "application/json", "data": push
    });
    assert_eq!(
        served.json("application/json", &push).await.unwrap(),
        expected
    );
}

/// A push whose message carries the event `p-1` with data of this type.
fn carrying(kind: Option<&str>, data: &str) -> Value {
    let mut attributes = json!({
        "ce-specversion": "1.0", "ce-id": "p-1", "ce-source": "/hub", "ce-type": "example.heard.v1", "other": "x"
    });
    if let Some(kind) = kind {
        attributes["content-type"] = kind.into();
    }
    json!({ "subscription": "s", "message": { "messageId": "1", "attributes": attributes, "data": data } })
}

#[tokio::test]
async fn an_event_in_a_message_is_the_one_that_arrives() {
    let served = Served::new(functions()).await;
    for (kind, data, member, arrived) in [
        (None, "eyJhIjoxfQ==", "data", json!({ "a": 1 })),
        (Some("text/plain"), "Z3LDvG4=", "data", json!("grün")),
        (Some("image/png"), "AP8=", "data_base64", json!("AP8=")),
        (None, "", "data", Value::Null),
    ] {
        let event = served
            .json("application/json", &carrying(kind, data))
            .await
            .unwrap();
        assert_eq!((&event["id"], &event[member]), (&json!("p-1"), &arrived));
        assert_eq!(event.get("other"), None);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_push_is_named() {
    let served = Served::new(functions()).await;
    let kind = [("content-type", "application/json")];
    for (push, why) in [
        (
            json!({ "message": { "messageId": "1" } }),
            "which subscription",
        ),
        (
            json!({ "subscription": "s", "message": {} }),
            "the attribute id is missing",
        ),
        (
            json!({ "subscription": "s", "message": "x" }),
            "none of Pub/Sub",
        ),
        (carrying(None, "?"), "not base64"),
        (carrying(None, "ew=="), "not JSON"),
        (json!({ "a": 1 }), "neither a CloudEvent"),
    ] {
        served.refuses(&kind, &push.to_string(), why).await;
    }
}
