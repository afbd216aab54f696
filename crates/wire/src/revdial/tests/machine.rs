//! Our machine, the test as the hub.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{SECOND, expect, head};
use crate::revdial::listener::*;
use crate::reverse::{Claim, Mode, Request};
use crate::stream::{BoxStream, Connect, connect_fn};

/// The far ends of the connections that the machine opens.
type Dialed = mpsc::UnboundedReceiver<DuplexStream>;

fn network() -> (Arc<dyn Connect>, Dialed) {
    let (far_ends, dialed) = mpsc::unbounded_channel();
    let connect = connect_fn(move || {
        let (near, far) = duplex(64 * 1024);
        let sent = far_ends.send(far);
        async move {
            sent.map_err(|_| std::io::Error::other("connection refused"))?;
            Ok(Box::new(near) as BoxStream)
        }
    });
    (Arc::new(connect), dialed)
}

fn request() -> Request {
    Request {
        host: String::new(),
        hostname: "testhost".into(),
        claim: Claim::HostType(Mode {
            name: "host-linux-foo".into(),
            key: "2c3751c948a3f763672397642ac5515c".into(),
        }),
        version: 23,
    }
}

struct Hub {
    control: DuplexStream,
    dialed: Dialed,
    incoming: Incoming,
    session: JoinSet<ListenEnd>,
}

/// A machine that listens behind a control connection.
fn listening() -> Hub {
    let (connect, dialed) = network();
    let (control, near) = duplex(64 * 1024);
    let (incoming, session) = listen(Box::new(near), connect, "");
    let mut set = JoinSet::new();
    set.spawn(session.run());
    Hub {
        control,
        dialed,
        incoming,
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

/// V2-1; and as a receiver we keep what shares the record with the 101 (V2-10).
#[tokio::test]
async fn registration_has_the_bytes_of_2019_and_loses_nothing_behind_the_101() {
    let (connect, mut dialed) = network();
    let request = request();
    let hub = async {
        let mut far = dialed.recv().await.unwrap();
        assert_eq!(head(&mut far).await.as_bytes(), request.to_bytes().unwrap());
        far.write_all(b"HTTP/0.0 101 Switching Protocols\r\n\r\n{\"command\":\"keep-alive\"}\n")
            .await
            .unwrap();
        far
    };
    let (_far, control) = tokio::join!(hub, register(&*connect, &request));
    expect(&mut control.unwrap(), "{\"command\":\"keep-alive\"}\n").await;
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
            register(&*connect, &request()).await.map(drop)
        });
        let error = control.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the hub refuses this machine: {said}")
        );
        assert_eq!(error.is_lasting(), lasting);
    }
}

/// V2-2, V2-8, V2-11, and V2-10 as a receiver.
#[tokio::test]
async fn a_pick_up_echoes_its_path_and_the_hub_speaks_first() {
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

/// V2-5, V2-6.
#[tokio::test]
async fn failed_pick_ups_are_reported_in_the_words_of_2019() {
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

/// V2-9.
#[tokio::test]
async fn a_bad_line_ends_the_session() {
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
