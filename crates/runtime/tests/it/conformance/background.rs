use serde_json::{Value, json};

use super::{Served, functions};

const TIME: &str = "2026-11-26T10:00:00.125Z";

/// As a background function of the first generation is called: with a context of its own.
fn with_context(kind: &str, service: &str, resource: &str, data: &Value) -> Value {
    json!({
        "context": {
            "eventId": "e-1", "timestamp": TIME, "eventType": kind,
            "resource": { "service": service, "name": resource, "type": "whatever" }
        },
        "data": data
    })
}

/// As the oldest triggers call: everything side by side.
fn flat(kind: &str, resource: &str, data: &Value) -> Value {
    json!({ "eventId": "e-1", "timestamp": TIME, "eventType": kind, "resource": resource, "data": data })
}

/// The event expected of either.
fn event(kind: &str, source: &str, subject: Option<&str>, data: &Value) -> Value {
    let mut event = json!({
        "specversion": "1.0", "id": "e-1", "time": TIME, "type": kind, "source": source,
        "datacontenttype": "application/json", "data": data
    });
    if let Some(subject) = subject {
        event["subject"] = subject.into();
    }
    event
}

async fn arrived(background: &Value) -> Value {
    let served = Served::new(functions()).await;
    served.json("application/json", background).await.unwrap()
}

#[tokio::test]
async fn a_published_message_is_wrapped_with_its_id_and_time() {
    let topic = "projects/p/topics/builds";
    for message in [
        json!({ "@type": "type.googleapis.com/google.pubsub.v1.PubsubMessage", "data": "AP8=" }),
        json!({ "attributes": { "branch": "main" }, "data": "Z3LDvG4=" }),
    ] {
        let mut whole = message.clone();
        whole["messageId"] = "e-1".into();
        whole["publishTime"] = TIME.into();
        let kind = "google.cloud.pubsub.topic.v1.messagePublished";
        let source = "//pubsub.googleapis.com/projects/p/topics/builds";
        let expected = event(kind, source, None, &json!({ "message": whole }));
        let new = with_context(
            "google.pubsub.topic.publish",
            "pubsub.googleapis.com",
            topic,
            &message,
        );
        assert_eq!(arrived(&new).await, expected);
        let old = flat(
            "providers/cloud.pubsub/eventTypes/topic.publish",
            topic,
            &message,
        );
        assert_eq!(arrived(&old).await, expected);
    }
}

#[tokio::test]
async fn an_objects_bucket_is_the_source_and_its_name_the_subject() {
    let data = json!({ "bucket": "logs", "name": "a/b#1.txt", "size": "352" });
    for (old, new) in [
        ("finalize", "finalized"),
        ("delete", "deleted"),
        ("archive", "archived"),
        ("metadataUpdate", "metadataUpdated"),
    ] {
        let old = format!("google.storage.object.{old}");
        let new = format!("google.cloud.storage.object.v1.{new}");
        for (resource, subject) in [
            (
                "projects/_/buckets/logs/objects/a/b#1.txt#1764151200000000",
                "objects/a/b#1.txt",
            ),
            (
                "projects/_/buckets/logs/objects/a/objects/b.txt",
                "objects/a/objects/b.txt",
            ),
        ] {
            let source = "//storage.googleapis.com/projects/_/buckets/logs";
            let given = with_context(&old, "storage.googleapis.com", resource, &data);
            assert_eq!(
                arrived(&given).await,
                event(&new, source, Some(subject), &data)
            );
        }
    }
}

#[tokio::test]
async fn a_documents_database_is_the_source() {
    let data = json!({ "oldValue": {}, "value": { "fields": { "n": { "doubleValue": 5.5 } } } });
    for (old, new) in [
        ("create", "created"),
        ("delete", "deleted"),
        ("update", "updated"),
        ("write", "written"),
    ] {
        let old = format!("providers/cloud.firestore/eventTypes/document.{old}");
        let new = format!("google.cloud.firestore.document.v1.{new}");
        let resource = "projects/p/databases/(default)/documents/builds/7/runs/1";
        let source = "//firestore.googleapis.com/projects/p/databases/(default)";
        let expected = event(&new, source, Some("documents/builds/7/runs/1"), &data);
        assert_eq!(arrived(&flat(&old, resource, &data)).await, expected);
    }
}

#[tokio::test]
async fn where_a_realtime_database_lies_is_read_from_its_domain() {
    for (old, new) in [
        ("create", "created"),
        ("delete", "deleted"),
        ("update", "updated"),
        ("write", "written"),
    ] {
        let old = format!("providers/google.firebase.database/eventTypes/ref.{old}");
        let new = format!("google.firebase.database.ref.v1.{new}");
        for (domain, place, data) in [
            (
                "firebaseio.com",
                "us-central1",
                json!({ "data": null, "delta": 10 }),
            ),
            (
                "europe-west1.firebasedatabase.app",
                "europe-west1",
                json!({ "data": 1, "delta": null }),
            ),
        ] {
            let mut given = flat(&old, "projects/_/instances/i/refs/a/b", &data);
            given["domain"] = domain.into();
            let source = format!(
                "//firebasedatabase.googleapis.com/projects/_/locations/{place}/instances/i"
            );
            assert_eq!(
                arrived(&given).await,
                event(&new, &source, Some("refs/a/b"), &data)
            );
        }
    }
}

#[tokio::test]
async fn a_users_times_have_other_names() {
    for (old, new) in [("create", "created"), ("delete", "deleted")] {
        let old = format!("providers/firebase.auth/eventTypes/user.{old}");
        let given = json!({ "uid": "u1", "metadata": { "createdAt": "c", "lastSignedInAt": "s", "else": 1 } });
        let data = json!({ "uid": "u1", "metadata": { "createTime": "c", "lastSignInTime": "s", "else": 1 } });
        let new = format!("google.firebase.auth.user.v1.{new}");
        let source = "//firebaseauth.googleapis.com/projects/p";
        let expected = event(&new, source, Some("users/u1"), &data);
        assert_eq!(arrived(&flat(&old, "projects/p", &given)).await, expected);
    }
}

#[tokio::test]
async fn what_is_left_of_firebase_is_mapped_too() {
    let data = json!({ "userDim": { "appInfo": { "appId": "app.x" } } });
    let kind = "providers/google.firebase.analytics/eventTypes/event.log";
    let given = flat(kind, "projects/p/events/session_start", &data);
    let source = "//firebaseanalytics.googleapis.com/projects/p/apps/app.x";
    let kind = "google.firebase.analytics.log.v1.written";
    assert_eq!(
        arrived(&given).await,
        event(kind, source, Some("events/session_start"), &data)
    );

    let data = json!({ "versionNumber": "3" });
    let given = flat(
        "providers/firebase.remoteConfig/remoteconfig.update",
        "projects/p",
        &data,
    );
    let source = "//firebaseremoteconfig.googleapis.com/projects/p";
    let kind = "google.firebase.remoteconfig.remoteConfig.v1.updated";
    assert_eq!(arrived(&given).await, event(kind, source, None, &data));
}

#[tokio::test]
async fn what_has_no_cloudevent_or_lacks_something_is_refused_and_named() {
    let served = Served::new(functions()).await;
    let kind = [("content-type", "application/json")];
    let none = json!({});
    let reference = "providers/google.firebase.database/eventTypes/ref.write";
    for (given, why) in [
        (
            flat(
                "providers/cloud.storage/eventTypes/object.change",
                "r",
                &none,
            ),
            "no CloudEvent for",
        ),
        (
            flat(
                "google.storage.object.finalize",
                "projects/_/buckets/b",
                &none,
            ),
            "is none of objects",
        ),
        (
            flat(reference, "projects/_/instances/i/refs/a", &none),
            "has no domain",
        ),
        (
            flat(
                "providers/firebase.auth/eventTypes/user.create",
                "projects/p",
                &none,
            ),
            "no text at /uid",
        ),
        (
            flat(
                "google.pubsub.topic.publish",
                "projects/p/topics/t",
                &json!("x"),
            ),
            "is no object",
        ),
        (
            json!({ "context": { "eventType": "google.pubsub.topic.publish" }, "data": {} }),
            "has no resource",
        ),
        (
            json!({ "eventType": "google.pubsub.topic.publish", "resource": "r" }),
            "has no data",
        ),
        (
            json!({ "context": { "eventId": "1" }, "data": {} }),
            "has no eventType",
        ),
        (json!({ "context": 7, "data": {} }), "no background event"),
    ] {
        served.refuses(&kind, &given.to_string(), why).await;
    }
    let nameless = json!({ "eventType": "google.pubsub.topic.publish", "resource": "projects/p/topics/t", "data": {} });
    served
        .refuses(&kind, &nameless.to_string(), "attribute id is missing")
        .await;
}
