//! What the listener says to whom.

use std::sync::Arc;
use std::time::Duration;

use farm_wire::head::read_answer;
use farm_wire::stream::{BoxStream, Connect};
use farm_wire::tls::{TlsConnect, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Bench, PATIENCE};

/// Opens connections as machines do.
#[derive(Clone)]
pub struct Door(Arc<TlsConnect>);

impl Door {
    pub async fn open(&self) -> BoxStream {
        self.0.connect().await.unwrap()
    }
}

impl Bench {
    /// The way to where machines connect.
    pub fn door(&self) -> Door {
        let trust = Trust::Pem(self.certificate());
        let connect = TlsConnect::new(&self.address, Some("localhost"), &trust).unwrap();
        Door(Arc::new(connect))
    }

    /// A connection to there.
    pub async fn tls(&self) -> BoxStream {
        self.door().open().await
    }

    /// Status and text of the answer to a request.
    async fn ask(&self, request: &str) -> (u16, String) {
        let mut stream = self.tls().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        answer(stream).await
    }
}

async fn answer(stream: impl tokio::io::AsyncRead + Unpin) -> (u16, String) {
    let (head, mut stream) = read_answer(stream, PATIENCE).await.unwrap();
    let mut text = String::new();
    if head.status != 101 {
        timeout(PATIENCE, stream.read_to_string(&mut text))
            .await
            .unwrap()
            .unwrap();
    }
    (head.status, text)
}

pub fn register(name: &str, host_type: &str, key: &str) -> String {
    format!(
        "GET /reverse HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\nX-Go-Builder-Hostname: {name}\r\n\
         X-Go-Builder-Key: {key}\r\nX-Go-Builder-Version: 23\r\nX-Go-Host-Type: {host_type}\r\n\
         X-Revdial-Version: 2\r\n\r\n"
    )
}

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
    let b = Bench::start().await;
    let mut plain = TcpStream::connect(&b.address).await.unwrap();
    plain
        .write_all(b"GET /reverse HTTP/1.1\r\nHost: \r\n\r\n")
        .await
        .unwrap();
    let (status, text) = answer(plain).await;
    assert_eq!(
        (status, text.as_str()),
        (500, "buildlet registration requires SSL\n")
    );
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
