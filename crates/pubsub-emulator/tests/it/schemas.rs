//! Schemas, and topics that ask for them.

use farm_pubsub_emulator::Options;
use google_cloud_pubsub::model::Subscription;
use serde_json::{Value, json};

use crate::harness::{SUB, Server, TOPIC};

const SCHEMAS: &str = "projects/test/schemas";
const NAME: &str = "projects/test/schemas/item";

fn avro(field: &str) -> Value {
    let definition = json!({
        "type": "record", "name": "Item", "fields": [{ "name": field, "type": "int", "default": 0 }]
    });
    json!({ "type": "AVRO", "definition": definition.to_string() })
}

fn message(json: &Value) -> Value {
    json!({ "data": base64(json.to_string().as_bytes()) })
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

async fn create(server: &Server, schema: Value) -> String {
    let path = format!("{SCHEMAS}?schemaId=item");
    let (status, made) = server.post(&path, schema).await;
    assert_eq!(status, 200, "{made}");
    made["revisionId"].as_str().unwrap().to_owned()
}

async fn commit(server: &Server, schema: Value) -> String {
    let (status, made) = server
        .post(&format!("{NAME}:commit"), json!({ "schema": schema }))
        .await;
    assert_eq!(status, 200, "{made}");
    made["revisionId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_schema_is_made_revised_read_and_deleted() {
    let server = Server::memory().await;
    let first = create(&server, avro("x")).await;
    let again = server
        .post(&format!("{SCHEMAS}?schemaId=item"), avro("x"))
        .await;
    assert_eq!(again.0, 409);
    let incompatible = json!({ "type": "AVRO", "definition": "\"string\"" });
    let path = format!("{NAME}:commit");
    let (status, refused) = server.post(&path, json!({ "schema": incompatible })).await;
    assert_eq!(status, 400);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("Compatibility checking failed"),
        "{message}"
    );
    let second = commit(&server, avro("y")).await;
    let (_, newest) = server.get(NAME).await;
    assert_eq!(
        (&newest["revisionId"], &newest["name"]),
        (&json!(second), &json!(NAME))
    );
    assert_eq!(newest["definition"], avro("y")["definition"]);
    let (_, basic) = server.get(&format!("{NAME}?view=BASIC")).await;
    assert_eq!(
        (&basic["type"], basic.get("definition")),
        (&json!("AVRO"), None)
    );
    let (_, earlier) = server.get(&format!("{NAME}@{first}")).await;
    assert_eq!(earlier["definition"], avro("x")["definition"]);

    let (_, back) = server
        .post(&format!("{NAME}:rollback"), json!({ "revisionId": first }))
        .await;
    assert_eq!(back["definition"], avro("x")["definition"]);
    let path = format!("{NAME}@{second}:deleteRevision");
    assert_eq!(server.call("DELETE", &path, Value::Null).await.0, 200);
    let (_, list) = server
        .get(&format!("{NAME}:listRevisions?pageSize=1"))
        .await;
    assert_eq!(list["schemas"][0]["revisionId"], first);
    let token = list["nextPageToken"].as_str().unwrap();
    let (_, rest) = server
        .get(&format!("{NAME}:listRevisions?pageToken={token}"))
        .await;
    assert_eq!(rest["schemas"][0]["revisionId"], back["revisionId"]);
    let (_, all) = server.get(SCHEMAS).await;
    assert_eq!(all["schemas"].as_array().unwrap().len(), 1);

    assert_eq!(
        server.call("DELETE", NAME, Value::Null).await,
        (200, json!({}))
    );
    assert_eq!(server.get(NAME).await.0, 404);
    server.stop().await;
}

#[tokio::test]
async fn a_topic_takes_only_what_fits_its_schema() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    let first = create(&server, avro("x")).await;
    let second = commit(&server, avro("y")).await;
    let update = json!({
        "topic": { "schemaSettings": { "schema": NAME, "encoding": "JSON" } },
        "updateMask": "schemaSettings",
    });
    let (status, topic) = server.call("PATCH", TOPIC, update).await;
    assert_eq!(
        (status, &topic["schemaSettings"]["schema"]),
        (200, &json!(NAME))
    );
    let publish = format!("{TOPIC}:publish");
    let fitting = json!({ "messages": [message(&json!({ "x": 1 })), message(&json!({ "y": 1 }))] });
    assert_eq!(server.post(&publish, fitting).await.0, 200);
    let other = json!({ "messages": [message(&json!({ "x": 1 })), message(&json!({ "z": 1 }))] });
    let (status, refused) = server.post(&publish, other).await;
    assert_eq!(status, 400);
    let detail = &refused["error"]["details"][0];
    assert_eq!(detail["reason"], "INVALID_JSON_AVRO_MESSAGE");
    assert_eq!(detail["domain"], "pubsub.googleapis.com");
    assert!(
        detail["metadata"]["revisionInfo"]
            .as_str()
            .unwrap()
            .contains(NAME)
    );

    let (_, pulled) = server
        .post(&format!("{SUB}:pull"), json!({ "maxMessages": 10 }))
        .await;
    let attributes: Vec<_> = pulled["receivedMessages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|received| received["message"]["attributes"].clone())
        .collect();
    let marked = |revision: &str| {
        json!({
            "googclient_schemaencoding": "JSON",
            "googclient_schemaname": NAME,
            "googclient_schemarevisionid": revision,
        })
    };
    assert_eq!(attributes, [marked(&first), marked(&second)]);

    assert_eq!(server.call("DELETE", NAME, Value::Null).await.0, 200);
    let (_, topic) = server.get(TOPIC).await;
    assert_eq!(topic["schemaSettings"]["schema"], "_deleted-schema_");
    let late = json!({ "messages": [message(&json!({ "x": 1 }))] });
    assert_eq!(server.post(&publish, late).await.0, 404);
    server.stop().await;
}

#[tokio::test]
async fn schemas_outlive_the_emulator() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::durable(folder.path())).await;
    let first = create(&server, avro("x")).await;
    commit(&server, avro("y")).await;
    let settings = json!({ "schema": NAME, "encoding": "JSON", "lastRevisionId": first });
    let (status, _) = server
        .call("PUT", TOPIC, json!({ "schemaSettings": settings }))
        .await;
    assert_eq!(status, 200);
    let (_, before) = server.get(&format!("{NAME}:listRevisions?view=FULL")).await;
    server.drop_abruptly().await;

    let server = Server::start(Options::durable(folder.path())).await;
    let (_, after) = server.get(&format!("{NAME}:listRevisions?view=FULL")).await;
    assert_eq!(before, after);
    let publish = format!("{TOPIC}:publish");
    for (field, status) in [("x", 200), ("y", 400)] {
        let messages = json!({ "messages": [message(&json!({ field: 1 }))] });
        assert_eq!(server.post(&publish, messages).await.0, status, "{field}");
    }
    server.stop().await;
}

#[tokio::test]
async fn definitions_and_messages_are_checked_on_request() {
    let server = Server::memory().await;
    let protobuf = json!({
        "type": "PROTOCOL_BUFFER",
        "definition": "syntax = \"proto3\"; message Item { string name = 1; }",
    });
    let validate = format!("{SCHEMAS}:validate");
    for (schema, status) in [
        (avro("x"), 200),
        (protobuf.clone(), 200),
        (json!({ "type": "AVRO", "definition": "{" }), 400),
        (
            json!({ "type": "PROTOCOL_BUFFER", "definition": "message" }),
            400,
        ),
        (json!({ "definition": "{}" }), 400),
    ] {
        let (found, answer) = server.post(&validate, json!({ "schema": schema })).await;
        assert_eq!(found, status, "{schema}: {answer}");
    }
    create(&server, avro("x")).await;
    let check = format!("{SCHEMAS}:validateMessage");
    for (spec, data, encoding, status) in [
        (json!({ "name": NAME }), &b"{\"x\":1}"[..], "JSON", 200),
        (json!({ "name": NAME }), b"\x02", "BINARY", 200),
        (json!({ "name": NAME }), b"\x02\x02", "BINARY", 400),
        (json!({ "name": NAME }), b"{}", "JSON", 400),
        (
            json!({ "name": format!("{NAME}@00000000") }),
            b"{}",
            "JSON",
            404,
        ),
        (
            json!({ "schema": protobuf }),
            b"{\"name\":\"a\"}",
            "JSON",
            200,
        ),
        (json!({ "schema": protobuf }), b"\x0a\x01a", "BINARY", 200),
        (json!({ "schema": protobuf }), b"\x0a\x05a", "BINARY", 400),
    ] {
        let mut body = spec.clone();
        body["message"] = base64(data).into();
        body["encoding"] = encoding.into();
        let (found, answer) = server.post(&check, body).await;
        assert_eq!(found, status, "{spec} {data:?}: {answer}");
    }
    server.stop().await;
}
