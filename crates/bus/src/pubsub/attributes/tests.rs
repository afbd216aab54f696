use farm_model::event::MAX_EVENT_BYTES;

use super::*;

fn event() -> Event {
    Event {
        id: "build-1".to_owned(),
        source: "/hub/h1".to_owned(),
        kind: "farmhand.work.run.v1".to_owned(),
        time: "2026-11-24T10:00:00.123456789Z".parse().unwrap(),
        extensions: [("farmhub".to_owned(), "h1".to_owned())].into(),
        data: "{\"a\":\"ä\"}".to_owned(),
    }
}

fn refusal(event: &Event) -> String {
    encode("work", event).unwrap_err().to_string()
}

#[test]
fn an_event_survives_its_message() {
    let message = encode("work", &event()).unwrap();
    assert_eq!(message.attributes["ce-farmhub"], "h1");
    assert_eq!(message.attributes["ce-specversion"], "1.0");
    assert_eq!(message.attributes["content-type"], "application/json");
    assert_eq!(message.attributes.len(), 7);
    assert_eq!(decode(&message).unwrap(), event());
}

#[test]
fn an_event_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let mut event = event();
    event.data = "x".repeat(MAX_EVENT_BYTES - (event.size() - event.data.len()));
    assert_eq!(event.size(), MAX_EVENT_BYTES);
    assert!(encode("work", &event).is_ok());
    event.data.push('x');
    assert!(refusal(&event).starts_with(
        "event build-1 can never be published to work: it takes 131073 bytes, and 131072 are allowed"
    ));
}

#[test]
fn what_no_header_can_carry_is_refused() {
    for bad in ["", "a\nb: c", "ä", &"x".repeat(1025)] {
        let event = Event {
            source: bad.to_owned(),
            ..event()
        };
        assert!(refusal(&event).contains("source"), "{bad:?}");
    }
}

#[test]
fn extensions_keep_to_the_rule_of_their_names() {
    for bad in ["", "Hub", "farm-hub", "id", "data", "datacontenttype"] {
        let event = Event {
            extensions: [(bad.to_owned(), "x".to_owned())].into(),
            ..event()
        };
        assert!(encode("work", &event).is_err(), "{bad:?}");
    }
}

#[test]
fn a_message_that_is_no_event_says_why() {
    let cases: [(&str, Option<&str>, &str); 4] = [
        ("ce-id", None, "it has no attribute ce-id"),
        (
            "ce-specversion",
            Some("0.3"),
            "its specversion is \"0.3\", not 1.0",
        ),
        ("ce-type", Some(""), "it has no attribute ce-type"),
        (
            "ce-time",
            Some("noon"),
            "its time is \"noon\", which is none",
        ),
    ];
    for (name, value, why) in cases {
        let mut message = encode("work", &event()).unwrap();
        message.attributes.remove(name);
        if let Some(value) = value {
            message.attributes.insert(name.to_owned(), value.to_owned());
        }
        assert_eq!(decode(&message).unwrap_err(), why);
    }
    let binary = encode("work", &event()).unwrap().set_data(vec![0xff]);
    assert_eq!(decode(&binary).unwrap_err(), "its data is not UTF-8");
}

#[test]
fn an_event_without_a_time_was_said_when_it_was_published() {
    let mut message = encode("work", &event()).unwrap();
    message.attributes.remove("ce-time");
    let message = message.set_publish_time(google_cloud_wkt::Timestamp::clamp(1_700_000_000, 5));
    let event = decode(&message).unwrap();
    assert_eq!(event.time, Timestamp::new(1_700_000_000, 5).unwrap());
}
