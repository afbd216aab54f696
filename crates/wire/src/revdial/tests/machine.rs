//! Our machine, the test as the hub.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinSet;

use super::{Dialed, KEEP_ALIVE_LINE, SECOND, expect, head, network, request};
use crate::revdial::listener::*;
use crate::reverse::RevdialVersion;
use crate::stream::{BoxStream, Connect, connect_fn};

struct Hub {
    control: DuplexStream,
    dialed: Dialed,
    incoming: Incoming,
    renewals: Renewals,
    session: JoinSet<ListenEnd>,
}

/// A machine that listens behind a control connection.
fn listening() -> Hub {
    let (connect, dialed) = network();
    listening_through(connect, dialed)
}

fn listening_through(connect: Arc<dyn Connect>, dialed: Dialed) -> Hub {
    let (control, near) = duplex(64 * 1024);
    let registered = Registered {
        version: RevdialVersion::V2,
        stream: Box::new(near),
    };
    let Listening {
        incoming,
        renewals,
        session,
    } = listen(registered, connect, "");
    let mut set = JoinSet::new();
    set.spawn(session.run());
    Hub {
        control,
        dialed,
        incoming,
        renewals,
        session: set,
    }
}

impl Hub {
    async fn send(&mut self, text: &str) {
        self.control.write_all(text.as_bytes()).await.unwrap();
    }

    async fn ready(&mut self, path: &str) {
        self.send(&format!(
            "{{\"command\":\"conn-ready\",\"connPath\":\"{path}\"}}\n"
        ))
        .await;
    }

    /// The next connection, after its request was checked to be this.
    async fn dialed(&mut self, target: &str) -> DuplexStream {
        let mut far = self.dialed.recv().await.unwrap();
        assert_eq!(
            head(&mut far).await,
            format!("GET {target} HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\n\r\n")
        );
        far
    }

    async fn end(&mut self) -> ListenEnd {
        self.session.join_next().await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn v2_1_v2_10_registration_has_the_bytes_of_2019_and_loses_nothing_behind_the_101() {
    let (connect, mut dialed) = network();
    let request = request(RevdialVersion::V2);
    let hub = async {
        let mut far = dialed.recv().await.unwrap();
        assert_eq!(
            head(&mut far).await,
            "GET /reverse HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\nX-Go-Builder-Hostname: testhost\r\n\
             X-Go-Builder-Key: 2c3751c948a3f763672397642ac5515c\r\nX-Go-Builder-Version: 23\r\n\
             X-Go-Host-Type: host-linux-foo\r\nX-Revdial-Version: 2\r\n\r\n"
        );
        far.write_all(b"HTTP/0.0 101 Switching Protocols\r\n\r\n{\"command\":\"keep-alive\"}\n")
            .await
            .unwrap();
        far
    };
    let (_far, control) = tokio::join!(hub, register(&*connect, &request));
    expect(&mut control.unwrap().stream, KEEP_ALIVE_LINE).await;
}

#[tokio::test]
async fn a_refused_registration_says_why_and_whether_it_lasts() {
    let refusals = [
        (
            "412 Precondition Failed",
            "bad key for mode \"h\"\n",
            "412 bad key for mode \"h\"",
            true,
        ),
        (
            "503 Service Unavailable",
            "",
            "503 Service Unavailable",
            false,
        ),
    ];
    for (status, text, said, lasting) in refusals {
        let (connect, mut dialed) = network();
        let hub = async {
            let mut far = dialed.recv().await.unwrap();
            head(&mut far).await;
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{text}",
                text.len()
            );
            far.write_all(answer.as_bytes()).await.unwrap();
            far
        };
        let (_far, control) = tokio::join!(hub, async {
            let request = request(RevdialVersion::V2);
            register(&*connect, &request).await.map(drop)
        });
        let error = control.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the hub refuses this machine: {said}")
        );
        assert_eq!(error.is_lasting(), lasting);
    }
}

#[tokio::test]
async fn v2_2_v2_8_v2_10_v2_11_a_pick_up_echoes_its_path_and_the_hub_speaks_first() {
    let path = "/revdial?revdial.dialer=000102030405060708090a0b0c0d0e0f&x=1";
    let mut hub = listening();
    hub.send("{\"command\":\"future-thing\",\"x\":1}\n").await;
    hub.ready(path).await;
    let mut far = hub.dialed(path).await;
    far.write_all(b"HTTP/0.0 101 Switching Protocols\r\n\r\nGET /status")
        .await
        .unwrap();
    let mut picked = hub.incoming.accept().await.unwrap();
    expect(&mut picked, "GET /status").await;
    picked.write_all(b"HTTP/1.1 200 OK").await.unwrap();
    expect(&mut far, "HTTP/1.1 200 OK").await;
}

#[tokio::test]
async fn v2_5_v2_6_failed_pick_ups_are_reported_in_the_words_of_2019() {
    let mut hub = listening();
    hub.ready("/revdial?revdial.dialer=ff").await;
    let mut far = hub.dialed("/revdial?revdial.dialer=ff").await;
    far.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 15\r\n\r\nunknown dialer\n")
        .await
        .unwrap();
    expect(
        &mut hub.control,
        "{\"command\":\"pickup-failed\",\"connPath\":\"/revdial?revdial.dialer=ff\",\
         \"err\":\"non-101 response 400 Bad Request\"}\n",
    )
    .await;
    hub.ready("/revdial?revdial.dialer=ee").await;
    drop(hub.dialed("/revdial?revdial.dialer=ee").await);
    expect(
        &mut hub.control,
        "{\"command\":\"pickup-failed\",\"connPath\":\"/revdial?revdial.dialer=ee\",\"err\":\"unexpected EOF\"}\n",
    )
    .await;
}

#[tokio::test]
async fn a_bad_path_is_a_failed_pick_up_and_not_a_crash() {
    let mut hub = listening();
    hub.ready("/%zz").await;
    expect(
        &mut hub.control,
        "{\"command\":\"pickup-failed\",\"connPath\":\"/%zz\",\"err\":\"bad connPath: invalid URL escape\"}\n",
    )
    .await;
    hub.send("{\"command\":\"conn-ready\"}\n").await;
    expect(
        &mut hub.control,
        "{\"command\":\"pickup-failed\",\"err\":\"bad connPath: not a path\"}\n",
    )
    .await;
}

/// 3.8 row 7.
#[tokio::test(start_paused = true)]
async fn an_unanswered_pick_up_is_given_up_within_its_budget() {
    let mut hub = listening();
    hub.ready("/x").await;
    let mut far = hub.dialed("/x").await;
    let start = tokio::time::Instant::now();
    expect(
        &mut hub.control,
        "{\"command\":\"pickup-failed\",\"connPath\":\"/x\",\"err\":\"",
    )
    .await;
    assert_eq!(start.elapsed().as_secs(), 20);
    assert_eq!(
        far.read(&mut [0; 8]).await.unwrap(),
        0,
        "the connection is closed"
    );
}

#[tokio::test]
async fn v2_7_a_failed_handshake_is_reported_with_its_escapes() {
    let (_, dialed) = network();
    let connect = connect_fn(|| async {
        let reset = "failed to handshake with coordinator: read tcp 127.0.0.1:49020->127.0.0.1:8119: read: connection reset by peer";
        Err::<BoxStream, _>(io::Error::other(reset))
    });
    let mut hub = listening_through(Arc::new(connect), dialed);
    hub.ready("/revdial?revdial.dialer=dd").await;
    expect(
        &mut hub.control,
        "{\"command\":\"pickup-failed\",\"connPath\":\"/revdial?revdial.dialer=dd\",\"err\":\"failed to handshake \
         with coordinator: read tcp 127.0.0.1:49020-\\u003e127.0.0.1:8119: read: connection reset by peer\"}\n",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn v2_3_keep_alives_are_not_answered() {
    let mut hub = listening();
    for _ in 0..3 {
        hub.send(KEEP_ALIVE_LINE).await;
        let said = tokio::time::timeout(30 * SECOND, hub.control.read_u8()).await;
        assert!(said.is_err());
    }
}

#[tokio::test]
async fn a_new_key_is_handed_on_and_one_that_no_header_carries_is_not() {
    let mut hub = listening();
    hub.send("{\"command\":\"renew-key\",\"key\":\"a\\r\\nX: y\"}\n{\"command\":\"renew-key\"}\n")
        .await;
    hub.send("{\"command\":\"renew-key\",\"key\":\"fm1.h.m.1.0\"}\n")
        .await;
    let key = hub.renewals.next().await.unwrap();
    assert_eq!(key.expose(), "fm1.h.m.1.0");
    assert_eq!(format!("{key:?}"), "NewKey(…)");
}

/// Section 10: an accept queue that is full keeps pick-ups waiting, for as long as their budget lasts.
#[tokio::test(start_paused = true)]
async fn a_full_accept_queue_fails_pick_ups_in_the_end() {
    let mut hub = listening();
    let mut far = Vec::new();
    for _ in 0..10 {
        hub.ready("/x").await;
        let mut dialed = hub.dialed("/x").await;
        dialed
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            .await
            .unwrap();
        far.push(dialed);
    }
    let start = tokio::time::Instant::now();
    for _ in 0..2 {
        expect(
            &mut hub.control,
            "{\"command\":\"pickup-failed\",\"connPath\":\"/x\",\"err\":\"pick-up took too long\"}\n",
        )
        .await;
    }
    assert_eq!(start.elapsed().as_secs(), 20);
    for _ in 0..8 {
        hub.incoming.accept().await.unwrap();
    }
}

#[tokio::test]
async fn v2_9_a_bad_line_ends_the_session() {
    let mut hub = listening();
    hub.send("not json\n").await;
    assert_eq!(hub.end().await.to_string(), "bad line \"not json\"");
    assert!(hub.incoming.accept().await.is_none());
    assert_eq!(hub.control.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn ninety_seconds_of_silence_end_the_session() {
    let mut hub = listening();
    tokio::time::sleep(60 * SECOND).await;
    hub.send("{\"command\":\"keep-alive\"}\n").await;
    let start = tokio::time::Instant::now();
    assert!(matches!(hub.end().await, ListenEnd::Silent));
    assert_eq!(start.elapsed().as_secs(), 90);
}

#[tokio::test]
async fn a_hub_that_leaves_ends_the_session() {
    let mut hub = listening();
    hub.control.shutdown().await.unwrap();
    assert!(matches!(hub.end().await, ListenEnd::Closed));
    let mut hub = listening();
    drop(hub.incoming);
    assert!(matches!(
        hub.session.join_next().await.unwrap().unwrap(),
        ListenEnd::NotAccepting
    ));
}
