//! Snapshots as resources. What seeking to them does is shown where deliveries are.

use google_cloud_pubsub::model::Subscription;
use serde_json::json;

use crate::harness::{SUB, Server, TOPIC};

const NAME: &str = "projects/test/snapshots/before";

#[tokio::test]
async fn snapshots_are_made_read_changed_listed_and_deleted() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    let body = json!({ "subscription": SUB, "labels": { "a": "b" } });
    let (status, made) = server.call("PUT", NAME, body.clone()).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(
        (&made["name"], &made["topic"]),
        (&json!(NAME), &json!(TOPIC))
    );
    assert!(made["expireTime"].as_str().unwrap().ends_with('Z'));
    assert_eq!(server.call("PUT", NAME, body).await.0, 409);
    assert_eq!(server.get(NAME).await, (200, made));

    let update = json!({ "snapshot": { "labels": { "c": "d" } }, "updateMask": "labels" });
    let (status, updated) = server.call("PATCH", NAME, update).await;
    assert_eq!((status, &updated["labels"]), (200, &json!({ "c": "d" })));
    let (_, list) = server.get("projects/test/snapshots").await;
    assert_eq!(list["snapshots"][0]["name"], NAME);
    let (_, of_topic) = server.get(&format!("{TOPIC}/snapshots")).await;
    assert_eq!(of_topic, json!({ "snapshots": [NAME] }));

    assert_eq!(
        server.call("DELETE", NAME, json!(null)).await,
        (200, json!({}))
    );
    assert_eq!(server.get(NAME).await.0, 404);
    let (status, _) = server
        .call(
            "PUT",
            NAME,
            json!({ "subscription": format!("{SUB}-none") }),
        )
        .await;
    assert_eq!(status, 404);
    server.stop().await;
}
