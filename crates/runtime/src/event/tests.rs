use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farm_model::Timestamp;
use serde_json::json;

use super::*;

const BINARY: [(&str, &str); 6] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "1"),
    ("ce-source", "/hub/h1"),
    ("ce-type", "farmhand.x.v1"),
    ("ce-time", "2026-11-24T10:00:00Z"),
    ("ce-farmhub", "h1"),
];
const DATA: &str = "{\"a\":1}";

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    pairs.iter().map(pair).collect()
}

fn wrapped_push() -> Bytes {
    let attributes: BTreeMap<_, _> = BINARY.into_iter().collect();
    let message =
        json!({ "data": STANDARD.encode(DATA), "attributes": attributes, "messageId": "7" });
    let push = json!({ "subscription": "projects/p/subscriptions/s", "message": message });
    push.to_string().into()
}

fn structured_event() -> Bytes {
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "/hub/h1", "type": "farmhand.x.v1",
        "time": "2026-11-24T10:00:00Z", "farmhub": "h1", "datacontenttype": "application/json", "data": { "a": 1 }
    });
    event.to_string().into()
}

async fn extracted(headers: HeaderMap, body: impl Into<Body>) -> Result<Event, StatusCode> {
    let mut request = Request::new(body.into());
    *request.headers_mut() = headers;
    match CloudEvent::from_request(request, &()).await {
        Ok(CloudEvent(event)) => Ok(event),
        Err(failure) => Err(failure.into_response().status()),
    }
}

#[tokio::test]
async fn the_three_forms_are_one_event() {
    let expected = Event {
        id: "1".to_owned(),
        source: "/hub/h1".to_owned(),
        kind: "farmhand.x.v1".to_owned(),
        time: "2026-11-24T10:00:00Z".parse().unwrap(),
        extensions: [("farmhub".to_owned(), "h1".to_owned())].into(),
        data: DATA.to_owned(),
    };
    assert_eq!(extracted(headers(&BINARY), DATA).await.unwrap(), expected);
    let kind = headers(&[(
        "content-type",
        "application/CloudEvents+json; charset=utf-8",
    )]);
    assert_eq!(extracted(kind, structured_event()).await.unwrap(), expected);
    let kind = headers(&[("content-type", "application/json")]);
    assert_eq!(extracted(kind, wrapped_push()).await.unwrap(), expected);
}

#[tokio::test]
async fn what_is_no_event_is_400_and_what_is_too_large_413() {
    let none = HeaderMap::new;
    assert_eq!(
        extracted(none(), "hello").await,
        Err(StatusCode::BAD_REQUEST)
    );
    assert_eq!(extracted(none(), "").await, Err(StatusCode::BAD_REQUEST));
    let largest = " ".repeat(MAX_BODY);
    assert_eq!(
        extracted(none(), largest.clone()).await,
        Err(StatusCode::BAD_REQUEST)
    );
    let larger = largest + " ";
    assert_eq!(
        extracted(none(), larger).await,
        Err(StatusCode::PAYLOAD_TOO_LARGE)
    );
    let broken = Body::new(Broken);
    assert_eq!(
        extracted(none(), broken).await,
        Err(StatusCode::BAD_REQUEST)
    );
}

/// A body whose sender went away.
struct Broken;

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        let error = std::io::ErrorKind::UnexpectedEof.into();
        std::task::Poll::Ready(Some(Err(error)))
    }
}

#[test]
fn what_is_wrong_is_named() {
    let none = Bytes::new();
    let missing = parse(&headers(&BINARY[..1]), &none).unwrap_err();
    assert_eq!(missing, "the attribute id is missing");
    let old = parse(&headers(&[("ce-specversion", "0.3")]), &none).unwrap_err();
    assert_eq!(old, "CloudEvents version \"0.3\" is not 1.0");
    let mut noon = BINARY;
    noon[4].1 = "noon";
    assert_eq!(
        parse(&headers(&noon), &none).unwrap_err(),
        "time is \"noon\", which is none"
    );
    let batch = headers(&[("content-type", "application/cloudevents-batch+json")]);
    assert!(
        parse(&batch, &Bytes::from_static(b"[]"))
            .unwrap_err()
            .contains("one at a time")
    );
    let no_text = Bytes::from_static(&[0xff]);
    assert_eq!(
        parse(&headers(&BINARY), &no_text).unwrap_err(),
        "the data is not UTF-8"
    );
}

#[test]
fn an_event_without_data_or_time_is_one() {
    let event = parse(&headers(&BINARY[..4]), &Bytes::new()).unwrap();
    assert_eq!(
        (event.data.as_str(), event.time),
        ("null", Timestamp::UNIX_EPOCH)
    );
}

#[test]
fn binary_data_in_structured_mode_is_read() {
    let body = json!({
        "specversion": "1.0", "id": "1", "source": "s", "type": "t", "data_base64": STANDARD.encode(DATA)
    });
    let kind = headers(&[("content-type", "application/cloudevents+json")]);
    assert_eq!(parse(&kind, &body.to_string().into()).unwrap().data, DATA);
}

#[test]
fn an_event_goes_on_as_it_came() {
    let of = |kind: &str, data: &str| Event {
        id: "1".to_owned(),
        source: "/größe \"100%\"".to_owned(),
        kind: "farmhand.x.v1".to_owned(),
        time: "2026-11-24T10:00:00Z".parse().unwrap(),
        extensions: [("datacontenttype", kind), ("subject", "a/b")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        data: data.to_owned(),
    };
    let structured = headers(&[("content-type", "application/cloudevents+json")]);
    for (kind, data, body) in [
        ("text/plain; charset=utf-8", "\"grün\"", "grün".as_bytes()),
        ("application/xml", "\"<a/>\"", b"<a/>"),
        ("image/png", "\"iVBORw==\"", b"\x89PNG"),
        ("application/geo+json", "{ \"a\": 1 }", b"{ \"a\": 1 }"),
    ] {
        let event = of(kind, data);
        let (headers, bytes) = binary(&event).unwrap();
        assert_eq!(bytes, body);
        assert_eq!(headers["ce-source"], "/gr%C3%B6%C3%9Fe%20%22100%25%22");
        assert_eq!(parse(&headers, &bytes.into()).unwrap(), event);
        let json = structured_json(&event).unwrap();
        assert_eq!(parse(&structured, &json.into()).unwrap(), event, "{kind}");
    }
}
