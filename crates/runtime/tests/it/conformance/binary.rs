use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Served, functions};

const LEAST: [(&str, &str); 4] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "b-1"),
    ("ce-source", "/repositories/7"),
    ("ce-type", "example.pushed.v1"),
];

/// The least event, with these headers.
async fn event(more: &[(&str, &str)], body: &[u8]) -> Result<Value, (StatusCode, String)> {
    let served = Served::new(functions()).await;
    served
        .event(&[&LEAST[..], more].concat(), body.to_vec())
        .await
}

#[tokio::test]
async fn every_attribute_and_extension_arrives() {
    let more = [
        ("content-type", "application/json"),
        ("ce-time", "2026-11-26T11:00:00.5+01:00"),
        ("ce-subject", "refs/heads/ma%C3%AEn"),
        ("ce-dataschema", "https://example.com/pushed.json"),
        (
            "ce-traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("ce-retries", "3"),
    ];
    let expected = json!({
        "specversion": "1.0", "id": "b-1", "source": "/repositories/7", "type": "example.pushed.v1",
        "time": "2026-11-26T10:00:00.5Z", "subject": "refs/heads/maîn",
        "dataschema": "https://example.com/pushed.json", "datacontenttype": "application/json",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "retries": "3",
        "data": { "commits": [1, 2.50, "x"] }
    });
    let body = br#"{ "commits": [1, 2.50, "x"] }"#;
    assert_eq!(event(&more, body).await.unwrap(), expected);
}

#[tokio::test]
async fn data_is_what_its_type_says() {
    for (kind, body, member, data) in [
        (
            "application/json; charset=utf-8",
            b"[null]".as_slice(),
            "data",
            json!([null]),
        ),
        ("application/geo+json", b"{}", "data", json!({})),
        ("text/plain", "grün".as_bytes(), "data", json!("grün")),
        ("text/plain", b"{}", "data", json!("{}")),
        (
            "application/octet-stream",
            b"\x00\xff",
            "data_base64",
            json!("AP8="),
        ),
        ("application/json", b"", "data", Value::Null),
    ] {
        let event = event(&[("content-type", kind)], body).await.unwrap();
        assert_eq!(event[member], data, "{kind}");
    }
    let none = event(&[], b"{\"a\":1}").await.unwrap();
    assert_eq!(none["data"], json!({ "a": 1 }));
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_the_senders_fault_and_named() {
    let served = Served::new(functions()).await;
    for missing in ["id", "source", "type"] {
        let rest = LEAST.into_iter().filter(|(name, _)| name[3..] != *missing);
        let rest: Vec<_> = rest.collect();
        served
            .refuses(&rest, "{}", &format!("attribute {missing} is missing"))
            .await;
    }
    served
        .refuses(&LEAST[1..], "{}", "neither a CloudEvent")
        .await;
    for version in ["0.3", "2.0"] {
        let old = [&[("ce-specversion", version)], &LEAST[1..]].concat();
        served.refuses(&old, "{}", "is not 1.0").await;
    }
    let noon = [&LEAST[..], &[("ce-time", "noon")]].concat();
    served.refuses(&noon, "{}", "time is \"noon\"").await;
    served
        .refuses(&LEAST, "{\"a\":", "the data is not JSON")
        .await;
}
