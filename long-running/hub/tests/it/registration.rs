//! What the listener says to whom.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::Bench;
use crate::peer::{answer, register};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_good_for_its_machine_and_type_alone() {
    let mut b = Bench::start().await;
    let key = b.key("pi");
    for (name, host_type, key) in [
        ("pi", "host-test", "wrong"),
        ("pi2", "host-test", &key),
        ("pi", "host-other", &key),
    ] {
        let (status, text) = b.ask(&register(name, host_type, key)).await;
        assert_eq!(
            (status, text),
            (412, format!("bad key for mode \"{host_type}\"\n"))
        );
    }
    b.status(|status| status.registrations_refused == 3).await;
    let (status, _) = b.ask(&register("pi", "host-test", &key)).await;
    assert_eq!(status, 101);
    assert_eq!(
        b.status.borrow().machines,
        0,
        "one that does not answer is no machine"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_machine_of_a_living_ones_name_is_refused() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let key = b.key("m");
    let (status, text) = b.ask(&register("m", "host-test", &key)).await;
    assert_eq!(
        (status, text.as_str()),
        (409, "a machine named m is connected already\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_there_is_a_clear_answer() {
    let b = Bench::with_admin().await;
    for path in ["/reverse", "/healthz"] {
        let mut plain = TcpStream::connect(&b.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: \r\n\r\n");
        plain.write_all(request.as_bytes()).await.unwrap();
        let (status, text) = answer(plain).await;
        assert_eq!(
            (status, text.as_str()),
            (500, "buildlet registration requires SSL\n")
        );
    }
    // One of them was a registration.
    assert_eq!(b.status.borrow().registrations_refused, 1);
    let counted = "farm_hub_registrations_total{result=\"not_tls\"}";
    assert_eq!(b.metric(counted).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn pick_ups_that_nobody_asked_for_are_refused() {
    let b = Bench::start().await;
    let (status, text) = b
        .ask("GET /revdial?revdial.dialer=00 HTTP/1.1\r\nHost: \r\n\r\n")
        .await;
    assert_eq!((status, text.as_str()), (400, "unknown dialer\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_people_are_answered() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(b.ask(&get("/healthz")).await, (200, "ok\n".to_owned()));
    let (status, json) = b.ask(&get("/status")).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((status, &json["machines"]), (200, &1.into()));
    assert_eq!(b.ask(&get("/nothing")).await.0, 404);
    assert_eq!(
        b.ask("POST /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await.0,
        405
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_does_not_keep_others_waiting() {
    let mut b = Bench::start().await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(&b.address).await.unwrap());
    }
    let _machine = timeout(Duration::from_secs(8), b.machine("m"))
        .await
        .unwrap();
}

/// What is set in the environment means what it says, as with every other switch.
#[test]
fn switches_can_be_set_to_1_in_the_environment() {
    let nowhere = tempfile::tempdir().unwrap();
    let run = |switch: &str, value: &str| {
        let words = "--bus pubsub://p --bucket file:///b --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --machine-key-file";
        let hub = std::process::Command::new(env!("CARGO_BIN_EXE_hub"))
            .args(words.split(' '))
            .arg(nowhere.path().join("key"))
            .env(switch, value)
            .output();
        String::from_utf8(hub.unwrap().stderr).unwrap()
    };
    for switch in [
        "FARM_REVDIAL_V1",
        "FARM_REQUIRE_RECORDED_MACHINES",
        "FARM_HUB_ADMIN_ANYWHERE",
    ] {
        for value in ["1", "true", "0", ""] {
            let said = run(switch, value);
            // It got as far as the first thing that is wrong.
            assert!(
                said.contains("cannot read the master key"),
                "{switch}={value}: {said}"
            );
        }
    }
}

/// What a machine says it is has to be what its key was made for, in whatever form it says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_lies_about_its_host_type_does_not_come_in() {
    let mut b = Bench::with(|settings| {
        settings.keys_2019.insert("host-2019".to_owned());
        settings.revdial_v1 = true;
    })
    .await;
    let (own, shared) = (b.key("m"), b.key_2019("host-2019"));
    for (host_type, key) in [
        ("host-other", &own),
        ("host-other", &shared),
        ("host-2019", &own),
        ("host-test", &shared),
    ] {
        for version in ["", "X-Revdial-Version: 2\r\n", "X-Revdial-Version: 3\r\n"] {
            let claims = [
                format!("X-Go-Host-Type: {host_type}\r\nX-Go-Builder-Key: {key}\r\n"),
                // In the old form: what it lies about comes first or last.
                format!(
                    "X-Go-Builder-Type: {host_type}\r\nX-Go-Builder-Type: host-test\r\nX-Go-Builder-Key: {key}\r\nX-Go-Builder-Key: {own}\r\n"
                ),
                format!(
                    "X-Go-Builder-Type: host-test\r\nX-Go-Builder-Type: {host_type}\r\nX-Go-Builder-Key: {own}\r\nX-Go-Builder-Key: {key}\r\n"
                ),
            ];
            for claim in claims {
                let text = format!(
                    "GET /reverse HTTP/1.1\r\nHost: \r\nX-Go-Builder-Hostname: m\r\n{claim}{version}\r\n"
                );
                let answered = b.ask(&text).await;
                assert_eq!(
                    answered,
                    (412, format!("bad key for mode \"{host_type}\"\n")),
                    "{claim}"
                );
            }
        }
    }
    b.status(|status| status.registrations_refused == 36).await;
    assert_eq!(b.status.borrow().machines, 0);
}
