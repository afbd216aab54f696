use super::*;

fn event() -> Event {
    Event {
        id: "build-1".to_owned(),
        source: "/hub/h1".to_owned(),
        kind: "farmhand.work.run.v1".to_owned(),
        time: "2026-11-24T10:00:00.123456789Z".parse().unwrap(),
        extensions: [("farmhub".to_owned(), "h1".to_owned())].into(),
        data: "{ \"b\": 1.50,\n \"a\": \"ä\\u0001\" }".to_owned(),
    }
}

#[test]
fn an_event_survives_its_message_to_the_byte() {
    let message = encode(&event()).unwrap();
    assert_eq!(decode(&message.body, None).unwrap(), event());
    let attributes: Vec<_> = message.attributes.iter().collect();
    let [hub, kind, content] = attributes[..] else {
        panic!("{attributes:?}")
    };
    assert_eq!((hub.0.as_str(), hub.1.as_str()), ("ce-farmhub", "h1"));
    assert_eq!(kind.1, "farmhand.work.run.v1");
    assert_eq!(content.1, "application/cloudevents+json");
}

#[test]
fn what_no_queue_carries_is_escaped() {
    let mut event = event();
    event.data = "\"\u{fffe}\u{ffff}\"".to_owned();
    let body = encode(&event).unwrap().body;
    assert!(!body.contains(['\u{fffe}', '\u{ffff}']));
    let data = decode(&body, None).unwrap().data;
    let read = |json: &str| serde_json::from_str::<String>(json).unwrap();
    assert_eq!(read(&data), read(&event.data));
}

#[test]
fn data_that_is_no_json_is_refused() {
    let mut event = event();
    event.data = "{".to_owned();
    assert!(
        encode(&event)
            .unwrap_err()
            .starts_with("its data is no JSON")
    );
}

#[test]
fn what_is_no_cloud_event_says_why() {
    let said = |body: &str| decode(body, None).unwrap_err();
    assert_eq!(said("hello"), "it is no JSON object");
    assert_eq!(said("{}"), "it has no attribute specversion");
    let old = "{\"specversion\":\"0.3\"}";
    assert_eq!(said(old), "its specversion is \"0.3\", not 1.0");
    let noon = encode(&event())
        .unwrap()
        .body
        .replace("2026-11-24T10", "noon");
    assert!(said(&noon).contains("which is none"), "{}", said(&noon));
    let binary = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data_base64\":\"AA==\"}";
    assert_eq!(said(binary), "its data is base64, and should be JSON");
}

#[test]
fn an_event_of_others_may_say_less() {
    let body =
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"partition\":7}";
    let sent: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
    let event = decode(body, Some(sent)).unwrap();
    assert_eq!((event.time, event.data.as_str()), (sent, "null"));
    assert_eq!(event.extensions["partition"], "7");
}
