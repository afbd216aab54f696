use serde_json::{Value, json};

use super::{Served, functions};

const KIND: &str = "application/cloudevents+json";

fn least() -> Value {
    json!({ "specversion": "1.0", "id": "s-1", "source": "/repositories/7", "type": "example.pushed.v1" })
}

/// The least event, with these members.
fn with(more: Value) -> Value {
    let Value::Object(more) = more else {
        panic!("{more}")
    };
    let mut event = least();
    event.as_object_mut().unwrap().extend(more);
    event
}

#[tokio::test]
async fn every_attribute_and_extension_arrives() {
    let served = Served::new(functions()).await;
    let event = with(json!({
        "time": "2026-11-26T10:00:00Z", "subject": "refs/heads/main", "dataschema": "https://example.com/pushed.json",
        "datacontenttype": "application/json", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "data": { "nested": { "text": "tief" } }
    }));
    assert_eq!(served.json(KIND, &event).await.unwrap(), event);
    let kind = "application/cloudevents+json; charset=utf-8";
    assert_eq!(served.json(kind, &event).await.unwrap(), event);
}

#[tokio::test]
async fn extensions_that_are_no_text_are_text_and_null_is_none() {
    let served = Served::new(functions()).await;
    let event = with(json!({ "retries": 3, "dry": true, "subject": null }));
    let arrived = served.json(KIND, &event).await.unwrap();
    assert_eq!(
        (&arrived["retries"], &arrived["dry"]),
        (&json!("3"), &json!("true"))
    );
    assert_eq!(arrived.get("subject"), None);
}

#[tokio::test]
async fn data_is_what_its_type_says() {
    let served = Served::new(functions()).await;
    for (kind, given, arrived) in [
        (
            "application/json",
            json!({ "data": [1, "x"] }),
            json!({ "data": [1, "x"] }),
        ),
        (
            "application/json",
            json!({ "data_base64": "eyJhIjoxfQ==" }),
            json!({ "data": { "a": 1 } }),
        ),
        (
            "application/json",
            json!({ "data": "text" }),
            json!({ "data": "text" }),
        ),
        (
            "text/plain",
            json!({ "data": "grün" }),
            json!({ "data": "grün" }),
        ),
        (
            "text/plain",
            json!({ "data_base64": "Z3LDvG4=" }),
            json!({ "data": "grün" }),
        ),
        (
            "text/plain",
            json!({ "data": { "a": 1 } }),
            json!({ "data": "{\"a\":1}" }),
        ),
        (
            "application/octet-stream",
            json!({ "data_base64": "AP8=" }),
            json!({ "data_base64": "AP8=" }),
        ),
        (
            "application/octet-stream",
            json!({}),
            json!({ "data": null }),
        ),
    ] {
        let mut event = with(given);
        event["datacontenttype"] = kind.into();
        let mut expected = with(arrived);
        expected["datacontenttype"] = kind.into();
        let mut arrived = served.json(KIND, &event).await.unwrap();
        // An event without a time is as old as can be.
        assert_eq!(arrived["time"], "1970-01-01T00:00:00Z");
        arrived.as_object_mut().unwrap().remove("time");
        assert_eq!(arrived, expected);
    }
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_the_senders_fault_and_named() {
    let served = Served::new(functions()).await;
    let kind = [("content-type", KIND)];
    for missing in ["specversion", "id", "source", "type"] {
        let mut event = least();
        event.as_object_mut().unwrap().remove(missing);
        let why = format!("attribute {missing} is missing");
        served.refuses(&kind, &event.to_string(), &why).await;
    }
    for (wrong, why) in [
        (json!({ "specversion": "0.3" }), "\"0.3\" is not 1.0"),
        (json!({ "id": "" }), "attribute id is missing"),
        (json!({ "time": "noon" }), "time is \"noon\""),
        (json!({ "subject": {} }), "the attribute subject is no text"),
        (
            json!({ "data": 1, "data_base64": "" }),
            "data and data_base64",
        ),
        (json!({ "data_base64": "?" }), "not base64"),
        (json!({ "data_base64": "ew==" }), "the data is not JSON"),
        (
            json!({ "data_base64": "/w==", "datacontenttype": "text/plain" }),
            "not UTF-8",
        ),
    ] {
        served.refuses(&kind, &with(wrong).to_string(), why).await;
    }
    for broken in ["", "{", "[]", "\"event\""] {
        served.refuses(&kind, broken, "no CloudEvent").await;
    }
    let batch = [("content-type", "application/cloudevents-batch+json")];
    served.refuses(&batch, "[]", "one at a time").await;
}
