use super::*;
use crate::head::read_request;
use std::time::Duration;

const GO: &str = "GET /reverse HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\n\
    X-Go-Builder-Hostname: testhost\r\nX-Go-Builder-Key: 2c3751c948a3f763672397642ac5515c\r\n\
    X-Go-Builder-Version: 23\r\nX-Go-Host-Type: host-linux-foo\r\nX-Revdial-Version: 2\r\n\r\n";

async fn parse(fields: &str) -> Result<Registration, String> {
    let text = format!("GET /reverse HTTP/1.1\r\nHost: \r\n{fields}\r\n");
    let (head, _) = read_request(text.as_bytes(), Duration::from_secs(1))
        .await
        .unwrap();
    Registration::parse(&head).map_err(|refusal| refusal.to_string())
}

#[test]
fn our_request_is_the_one_of_2019() {
    let request = Request {
        host: String::new(),
        hostname: "testhost".into(),
        host_type: "host-linux-foo".into(),
        key: "2c3751c948a3f763672397642ac5515c".into(),
        version: 23,
        revdial: RevdialVersion::V2,
    };
    let text = |request: &Request| {
        String::from_utf8(request.to_bytes("/reverse").unwrap()).unwrap()
    };
    assert_eq!(text(&request), GO);
    let v3 = Request {
        revdial: RevdialVersion::V3,
        ..request.clone()
    };
    assert_eq!(text(&v3), GO.replace("Version: 2\r", "Version: 3\r"));
    assert!(
        Request {
            hostname: "a\r\nX: y".into(),
            ..request
        }
        .to_bytes("/reverse")
        .is_err()
    );
}

#[tokio::test]
async fn a_go_buildlets_request_is_read() {
    let (head, _) = read_request(GO.as_bytes(), Duration::from_secs(1))
        .await
        .unwrap();
    let registration = Registration::parse(&head).unwrap();
    assert_eq!(registration.hostname, "testhost");
    assert_eq!(registration.host_type(), Some("host-linux-foo"));
    assert_eq!(registration.key(), Some("2c3751c948a3f763672397642ac5515c"));
    assert_eq!(
        (registration.version, registration.revdial_version),
        (Some(23), RevdialVersion::V2)
    );
    assert!(
        !format!("{registration:?}").contains("2c3751"),
        "keys are not shown"
    );
}

#[tokio::test]
async fn the_old_form_and_version_1_are_read() {
    let old = "X-Go-Builder-Type: a\r\nX-Go-Builder-Type: b\r\nX-Go-Builder-Key: 1\r\nX-Go-Builder-Key: 2\r\n";
    let registration = parse(old).await.unwrap();
    let names: Vec<_> = registration
        .modes()
        .iter()
        .map(|m| (m.name.as_str(), m.key.as_str()))
        .collect();
    assert_eq!(names, [("a", "1"), ("b", "2")]);
    assert_eq!(
        (registration.host_type(), registration.revdial_version),
        (None, RevdialVersion::V1)
    );
}

#[tokio::test]
async fn refusals_have_the_texts_of_2019_in_its_order() {
    let refusals = [
        ("X-Revdial-Version: 9\r\n", "400 unknown revdial version"),
        (
            "X-Go-Host-Type: a\r\nX-Go-Builder-Type: b\r\n",
            "400 invalid mix of X-Go-Host-Type and X-Go-Builder-Type",
        ),
        (
            "X-Revdial-Version: 2\r\n",
            "412 need at least one mode and matching key, got 0/0",
        ),
        (
            "X-Go-Host-Type: a\r\n",
            "412 need at least one mode and matching key, got 1/0",
        ),
        (
            "X-Go-Host-Type: a\r\nX-Go-Builder-Key: 1\r\nX-Go-Builder-Key: 2\r\n",
            "412 need at least one mode and matching key, got 1/2",
        ),
    ];
    for (fields, answer) in refusals {
        assert_eq!(parse(fields).await.unwrap_err(), answer);
    }
    assert_eq!(
        Refusal::bad_key("m").to_string(),
        "412 bad key for mode \"m\""
    );
    assert_eq!(
        Refusal::not_tls().to_string(),
        "500 buildlet registration requires SSL"
    );
}
