//! Our hub, the test as the machine.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinSet;

use super::{KEEP_ALIVE_LINE, Recorded, SECOND, expect, head, line};
use crate::head::{Refusal, read_request, write_101_for};
use crate::revdial::*;
use crate::reverse::RevdialVersion;
use crate::stream::BoxStream;

struct Machine {
    dialers: Dialers,
    dialer: Dialer,
    control: DuplexStream,
    session: JoinSet<SessionEnd>,
}

async fn machine() -> Machine {
    let dialers = Dialers::new("hub-1").unwrap();
    let (control, far) = duplex(64 * 1024);
    let (dialer, session) = dialers.open(RevdialVersion::V2, far).unwrap();
    let mut set = JoinSet::new();
    set.spawn(session.run());
    let mut machine = Machine {
        dialers,
        dialer,
        control,
        session: set,
    };
    expect(&mut machine.control, KEEP_ALIVE_LINE).await;
    machine
}

type Dialing = tokio::task::JoinHandle<Result<BoxStream, DialError>>;

impl Machine {
    #[expect(clippy::disallowed_methods, reason = "aborted and awaited by the test")]
    fn dial(&self) -> Dialing {
        let dialer = self.dialer.clone();
        tokio::task::spawn(async move { dialer.dial(20 * SECOND).await })
    }

    /// The `connPath` of the next `conn-ready`, whose bytes and following keep-alive are checked.
    async fn asked(&mut self) -> String {
        let text = line(&mut self.control).await;
        let path = text
            .strip_prefix("{\"command\":\"conn-ready\",\"connPath\":\"")
            .unwrap();
        let path = path.strip_suffix("\"}\n").unwrap();
        expect(&mut self.control, KEEP_ALIVE_LINE).await;
        path.replace("\\u0026", "&")
    }

    /// Dials in with this request line's method and target; our end, what the hub made of it.
    async fn pick_up(&self, method: &str, path: &str) -> (DuplexStream, Result<(), Refusal>) {
        let (mut near, far) = duplex(64 * 1024);
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\n\r\n");
        near.write_all(request.as_bytes()).await.unwrap();
        let (head, far) = read_request(far, SECOND).await.unwrap();
        let handled = self
            .dialers
            .pick_up(&head, far, SystemTime::UNIX_EPOCH)
            .await;
        (near, handled)
    }

    async fn end(&mut self) -> SessionEnd {
        self.session.join_next().await.unwrap().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn v2_1_v2_2_v2_3_a_dial_is_picked_up_and_idle_sessions_are_kept_alive() {
    let mut machine = machine().await;
    let dialing = machine.dial();
    let path = machine.asked().await;
    let id = machine.dialer.id().to_string();
    assert!(
        path.starts_with(&format!("/revdial?revdial.dialer={id}&pickup=")),
        "{path}"
    );
    let (mut near, handled) = machine.pick_up("GET", &path).await;
    handled.unwrap();
    let mut picked = dialing.await.unwrap().unwrap();
    picked
        .write_all(b"GET /status HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(
        head(&mut near).await,
        "HTTP/1.1 101 Switching Protocols\r\n\r\n"
    );
    assert_eq!(head(&mut near).await, "GET /status HTTP/1.1\r\n\r\n");
    near.write_all(b"answer").await.unwrap();
    expect(&mut picked, "answer").await;

    let start = tokio::time::Instant::now();
    expect(&mut machine.control, KEEP_ALIVE_LINE).await;
    expect(&mut machine.control, KEEP_ALIVE_LINE).await;
    assert_eq!(start.elapsed().as_secs(), 60);
    assert_eq!(
        machine.dialers.counts(),
        PickUpCounts {
            unknown: 0,
            unwanted: 0,
            handed: 1
        }
    );
    let stats = machine.dialer.stats();
    assert_eq!(
        (stats.version, stats.picked_up, stats.active),
        (RevdialVersion::V2, 1, 1)
    );
    drop(picked);
    assert_eq!(machine.dialer.stats().active, 0);
}

#[tokio::test]
async fn v2_4_v2_12_unknown_sessions_and_wrong_methods_are_refused() {
    let machine = machine().await;
    let known = format!("/revdial?revdial.dialer={}", machine.dialer.id());
    let answers = [
        (
            "GET",
            "/revdial?revdial.dialer=00",
            "400 Bad Request\r\n",
            "unknown dialer\n",
        ),
        ("GET", "/revdial", "400 Bad Request\r\n", "unknown dialer\n"),
        (
            "POST",
            &known,
            "405 Method Not Allowed\r\nAllow: GET\r\n",
            "expected GET request to revdial conn handler\n",
        ),
    ];
    for (method, path, status, text) in answers {
        let (mut near, handled) = machine.pick_up(method, path).await;
        handled.unwrap_err();
        let mut answer = String::new();
        near.read_to_string(&mut answer).await.unwrap();
        assert_eq!(
            answer,
            format!(
                "HTTP/1.1 {status}Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n\
             Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: {}\r\n\r\n{text}",
                text.len()
            )
        );
    }
    assert_eq!(machine.dialers.counts().unknown, 2);
}

/// And 3.8 row 2.
#[tokio::test]
async fn v2_5_v2_8_a_failure_reaches_the_dial_it_belongs_to_and_unknown_commands_nobody() {
    let mut machine = machine().await;
    let first = machine.dial();
    let first_path = machine.asked().await;
    let second = machine.dial();
    let second_path = machine.asked().await;
    let failed = |path: &str| {
        format!(
            "{{\"command\":\"pickup-failed\",\"connPath\":\"{path}\",\"err\":\"non-101 response 400 Bad Request\"}}\n"
        )
    };
    let unknown = failed("/revdial?revdial.dialer=ff") + "{\"command\":\"future-thing\",\"x\":1}\n";
    machine
        .control
        .write_all((unknown + &failed(&second_path)).as_bytes())
        .await
        .unwrap();
    let error = second.await.unwrap().err().unwrap();
    assert_eq!(
        error.to_string(),
        "revdial listener failed to pick up connection: non-101 response 400 Bad Request"
    );
    assert!(!first.is_finished());
    machine.pick_up("GET", &first_path).await.1.unwrap();
    assert!(first.await.unwrap().is_ok());
    assert_eq!(machine.dialer.stats().failed, 1);
}

#[tokio::test]
async fn v2_6_v2_7_reasons_of_2019_reach_the_dial() {
    let mut machine = machine().await;
    let reset = "failed to handshake with coordinator: read tcp 127.0.0.1:49020-\\u003e127.0.0.1:8119: read: connection reset by peer";
    for (written, read) in [
        ("unexpected EOF", "unexpected EOF".to_owned()),
        (reset, reset.replace("\\u003e", ">")),
    ] {
        let dialing = machine.dial();
        let path = machine.asked().await;
        let line = format!(
            "{{\"command\":\"pickup-failed\",\"connPath\":\"{path}\",\"err\":\"{written}\"}}\n"
        );
        machine.control.write_all(line.as_bytes()).await.unwrap();
        let error = dialing.await.unwrap().err().unwrap();
        assert_eq!(
            error.to_string(),
            format!("revdial listener failed to pick up connection: {read}")
        );
    }
}

/// What the machine's side of 2019 loses if it comes in the record of the 101: so each is written and flushed singly.
#[tokio::test]
async fn v2_10_nothing_shares_a_write_with_a_101() {
    let (near, mut far) = duplex(64 * 1024);
    let writes = Arc::default();
    let mut control = Recorded {
        stream: near,
        writes: Arc::clone(&writes),
    };
    write_101_for(&mut control, RevdialVersion::V2)
        .await
        .unwrap();
    let dialers = Dialers::new("hub-1").unwrap();
    let (_dialer, session) = dialers.open(RevdialVersion::V2, control).unwrap();
    let mut set = JoinSet::new();
    set.spawn(session.run());
    head(&mut far).await;
    expect(&mut far, KEEP_ALIVE_LINE).await;
    assert_eq!(
        *writes.lock(),
        [
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "flush",
            KEEP_ALIVE_LINE,
            "flush"
        ]
    );
}

#[tokio::test]
async fn v2_11_the_token_is_one_more_parameter_that_the_machine_echoes() {
    let mut machine = machine().await;
    let _dialing = machine.dial();
    let path = machine.asked().await;
    let query: Vec<&str> = path.split(['?', '&']).collect();
    let [_, id, token] = query[..] else {
        panic!("{path}")
    };
    assert_eq!(id, format!("revdial.dialer={}", machine.dialer.id()));
    let token = token.strip_prefix("pickup=").unwrap();
    assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[tokio::test]
async fn v2_9_garbage_ends_the_session_and_its_waiting_dials() {
    let mut machine = machine().await;
    let dialing = machine.dial();
    let path = machine.asked().await;
    machine.control.write_all(b"garbage\n").await.unwrap();
    assert!(matches!(machine.end().await, SessionEnd::BadLine(sample) if sample == "garbage"));
    assert_eq!(
        dialing.await.unwrap().err().unwrap().to_string(),
        "revdial.Dialer closed"
    );
    let late = machine.dialer.dial(SECOND).await.err().unwrap();
    assert_eq!(late.to_string(), "revdial.Dialer closed");
    machine.dialer.closed().await;
    let refusal = machine.pick_up("GET", &path).await.1.unwrap_err();
    assert_eq!(refusal.to_string(), "400 unknown dialer");
    assert!(machine.dialers.is_empty());
    let mut rest = Vec::new();
    machine.control.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "the control connection is closed");
}

#[tokio::test]
async fn a_token_is_good_once_and_nothing_is_accepted_without_one() {
    let mut machine = machine().await;
    let dialing = machine.dial();
    let path = machine.asked().await;
    machine.pick_up("GET", &path).await.1.unwrap();
    assert_eq!(
        machine.pick_up("GET", &path).await.1.unwrap_err().status,
        400
    );
    let bare = path.split('&').next().unwrap();
    assert_eq!(
        machine.pick_up("GET", bare).await.1.unwrap_err().status,
        400
    );
    dialing.await.unwrap().unwrap();
    assert_eq!(
        machine.dialers.counts(),
        PickUpCounts {
            unknown: 0,
            unwanted: 2,
            handed: 1
        }
    );
}

/// 3.8 row 1: a late pick-up is closed, and the next dial gets its own.
#[tokio::test(start_paused = true)]
async fn a_late_pick_up_is_not_given_to_the_next_dial() {
    let mut machine = machine().await;
    let cancelled = machine.dial();
    let cancelled_path = machine.asked().await;
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    assert_eq!(
        machine
            .pick_up("GET", &cancelled_path)
            .await
            .1
            .unwrap_err()
            .status,
        400
    );

    let late = machine.dial();
    let late_path = machine.asked().await;
    assert!(matches!(late.await.unwrap(), Err(DialError::TimedOut)));
    let next = machine.dial();
    while !machine
        .asked_skipping_keep_alives()
        .await
        .contains("pickup=")
    {}
    assert_eq!(
        machine
            .pick_up("GET", &late_path)
            .await
            .1
            .unwrap_err()
            .status,
        400
    );
    // And its late failure is not the next one's.
    let failed = format!(
        "{{\"command\":\"pickup-failed\",\"connPath\":\"{late_path}\",\"err\":\"late\"}}\n"
    );
    machine.control.write_all(failed.as_bytes()).await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert!(!next.is_finished());
    let stats = machine.dialer.stats();
    assert_eq!((stats.given_up, stats.late, stats.waiting), (2, 2, 1));
    assert_eq!(stats.failed, 0);
}

impl Machine {
    async fn asked_skipping_keep_alives(&mut self) -> String {
        loop {
            let text = line(&mut self.control).await;
            if text != KEEP_ALIVE_LINE {
                return text;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_does_not_read_ends_the_session() {
    let dialers = Dialers::new("h").unwrap();
    let (_control, far) = duplex(8);
    let (dialer, session) = dialers.open(RevdialVersion::V2, far).unwrap();
    assert!(matches!(session.run().await, SessionEnd::WriteTimedOut));
    assert!(dialer.is_closed());
}

#[tokio::test]
async fn connections_to_one_machine_are_bounded() {
    let machine = machine().await;
    let _dials: Vec<Dialing> = (0..MAX_CONNECTIONS).map(|_| machine.dial()).collect();
    while machine.dialer.stats().waiting < MAX_CONNECTIONS {
        tokio::task::yield_now().await;
    }
    let more = machine.dialer.dial(SECOND).await;
    assert!(matches!(more, Err(DialError::TooMany)));
    let renewed = machine.dialer.renew_key("k".to_owned());
    assert_eq!(renewed, Err(RenewError::Version(RevdialVersion::V2)));
}

#[tokio::test]
async fn closing_and_dropping_end_a_session() {
    let mut machine = machine().await;
    machine.dialer.close();
    assert!(matches!(machine.end().await, SessionEnd::Asked));
    let (_control, far) = duplex(64);
    let (dialer, session) = machine.dialers.open(RevdialVersion::V2, far).unwrap();
    assert_eq!(machine.dialers.len(), 1);
    drop(session);
    assert!(machine.dialers.is_empty());
    dialer.closed().await;
}

#[tokio::test]
async fn a_machine_that_leaves_ends_the_session_but_not_what_was_picked_up() {
    let mut machine = machine().await;
    let dialing = machine.dial();
    let path = machine.asked().await;
    let (mut near, handled) = machine.pick_up("GET", &path).await;
    handled.unwrap();
    let mut picked = dialing.await.unwrap().unwrap();
    machine.control.shutdown().await.unwrap();
    assert!(matches!(machine.end().await, SessionEnd::Closed));
    head(&mut near).await;
    near.write_all(b"still here").await.unwrap();
    expect(&mut picked, "still here").await;
}

#[test]
fn a_pick_up_says_whose_it_is() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let hub = |target: &str| {
        let text = format!("GET {target} HTTP/1.1\r\nHost: \r\n\r\n");
        let (head, _) = runtime
            .block_on(read_request(text.as_bytes(), SECOND))
            .unwrap();
        Dialers::hub_of(&head).map(str::to_owned)
    };
    let random = "0320ba432ca69edd4116496bccc8cb84";
    assert_eq!(
        hub(&format!("/revdial?revdial.dialer=hub-2-{random}&pickup=1")),
        Some("hub-2".to_owned())
    );
    assert_eq!(hub(&format!("/revdial?revdial.dialer={random}")), None);
}
