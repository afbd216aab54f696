//! Version 3, both ends.

use std::future::poll_fn;
use std::io::ErrorKind;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinSet;
use tokio_util::compat::{FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use yamux::{Config, Connection, Mode};

use super::{KEEP_ALIVE_LINE, SECOND, expect, head, network, request};
use crate::head::{read_request, write_101_for};
use crate::revdial::listener::*;
use crate::revdial::*;
use crate::reverse::{Registration, RevdialVersion};
use crate::stream::BoxStream;

struct Pair {
    dialers: Dialers,
    dialer: Dialer,
    incoming: Incoming,
    renewals: Renewals,
    hub: JoinSet<SessionEnd>,
    machine: JoinSet<ListenEnd>,
}

/// Both ends of a session, running.
fn pair() -> Pair {
    let (near, far) = duplex(64 * 1024);
    let (dialers, dialer, hub) = hub(far);
    let (
        Listening {
            incoming,
            renewals,
            session,
        },
        mut machine,
    ) = (machine(near), JoinSet::new());
    machine.spawn(session.run());
    Pair {
        dialers,
        dialer,
        incoming,
        renewals,
        hub,
        machine,
    }
}

fn hub(control: DuplexStream) -> (Dialers, Dialer, JoinSet<SessionEnd>) {
    let dialers = Dialers::new("hub-1").unwrap();
    let (dialer, session) = dialers.open(RevdialVersion::V3, control).unwrap();
    let mut running = JoinSet::new();
    running.spawn(session.run());
    (dialers, dialer, running)
}

fn machine(control: DuplexStream) -> Listening {
    let registered = Registered {
        version: RevdialVersion::V3,
        stream: Box::new(control),
    };
    listen(registered, network().0, "")
}

impl Pair {
    /// A stream, both its ends; its first data is `hello`.
    async fn stream(&mut self) -> (BoxStream, BoxStream) {
        let mut near = self.dialer.dial(SECOND).await.unwrap();
        near.write_all(b"hello").await.unwrap();
        near.flush().await.unwrap();
        let mut far = self.incoming.accept().await.unwrap();
        expect(&mut far, "hello").await;
        (near, far)
    }
}

#[tokio::test]
async fn version_3_is_asked_for_and_answered_in_the_101() {
    let (connect, mut dialed) = network();
    let request = request(RevdialVersion::V3);
    let hub = async {
        let far = dialed.recv().await.unwrap();
        let (head, mut far) = read_request(far, SECOND).await.unwrap();
        let registration = Registration::parse(&head).unwrap();
        assert_eq!(registration.revdial_version, RevdialVersion::V3);
        let mut written = Vec::new();
        write_101_for(&mut written, RevdialVersion::V3)
            .await
            .unwrap();
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "HTTP/1.1 101 Switching Protocols\r\nX-Revdial-Version: 3\r\n\r\n"
        );
        write_101_for(&mut far, RevdialVersion::V3).await.unwrap();
        far
    };
    let (_far, registered) = tokio::join!(hub, register(&*connect, &request));
    assert_eq!(registered.unwrap().version, RevdialVersion::V3);
}

#[tokio::test]
async fn a_101_that_does_not_name_version_3_is_not_version_3() {
    for answer in [
        "HTTP/1.1 101 X\r\n\r\n",
        "HTTP/1.1 101 X\r\nX-Revdial-Version: 2\r\n\r\n",
    ] {
        let (connect, mut dialed) = network();
        let hub = async {
            let mut far = dialed.recv().await.unwrap();
            head(&mut far).await;
            far.write_all(answer.as_bytes()).await.unwrap();
            far
        };
        let request = request(RevdialVersion::V3);
        let (_far, registered) = tokio::join!(hub, register(&*connect, &request));
        let error = registered.err().unwrap();
        assert!(matches!(error, RegisterError::OtherVersion), "{error}");
    }
}

#[tokio::test]
async fn a_stream_is_a_connection_on_which_the_hub_speaks_first() {
    let mut pair = pair();
    let (mut near, mut far) = pair.stream().await;
    far.write_all(b"answer").await.unwrap();
    far.flush().await.unwrap();
    expect(&mut near, "answer").await;
    // One half closed is not the other.
    near.shutdown().await.unwrap();
    assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 0);
    far.write_all(b"still").await.unwrap();
    expect(&mut near, "still").await;
    drop(far);
    assert_eq!(near.read(&mut [0; 8]).await.unwrap(), 0);
    // Another is not concerned.
    let (_near, _far) = pair.stream().await;
    let stats = pair.dialer.stats();
    assert_eq!(
        (stats.version, stats.picked_up, stats.active),
        (RevdialVersion::V3, 2, 2)
    );
    assert_eq!(pair.dialers.len(), 1);
}

#[tokio::test]
async fn streams_to_one_machine_are_bounded_and_an_unused_one_is_no_trouble() {
    let mut pair = pair();
    for _ in 0..3 {
        let mut open = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            open.push(pair.dialer.dial(SECOND).await.unwrap());
        }
        let more = pair.dialer.dial(SECOND).await;
        assert!(matches!(more, Err(DialError::TooMany)));
        // Half of them were never heard of by the machine.
        for stream in &mut open[..MAX_CONNECTIONS / 2] {
            stream.write_all(b"x").await.unwrap();
            pair.incoming.accept().await.unwrap();
        }
        drop(open);
        pair.stream().await;
    }
    let stats = pair.dialer.stats();
    assert_eq!((stats.active, stats.given_up), (0, 0));
}

/// Nobody reads one stream: it stops, others go on, and it goes on once it is read.
#[tokio::test]
async fn a_stream_that_is_not_read_stops_alone() {
    const WINDOW: usize = 256 * 1024;
    let mut pair = pair();
    let (mut near, mut far) = pair.stream().await;
    let mut sent = 0;
    let chunk = vec![7; 64 * 1024];
    // What fits the window is taken; then nothing more, however often it is tried.
    while let Ok(Ok(length)) = tokio::time::timeout(SECOND / 5, near.write(&chunk)).await {
        sent += length;
    }
    assert!(
        (WINDOW - chunk.len()..=WINDOW).contains(&(sent + "hello".len())),
        "{sent}"
    );
    let (mut other, mut other_far) = pair.stream().await;
    other_far.write_all(b"quick").await.unwrap();
    expect(&mut other, "quick").await;
    let mut read = vec![0; sent];
    far.read_exact(&mut read).await.unwrap();
    assert!(read.iter().all(|&byte| byte == 7));
    // Room is made by reading on.
    let (written, ()) = tokio::join!(near.write_all(b"more"), expect(&mut far, "more"));
    written.unwrap();
}

#[tokio::test]
async fn many_streams_carry_much_at_once_unharmed() {
    let mut pair = pair();
    let mut tasks = JoinSet::new();
    for n in 0..MAX_CONNECTIONS as u8 {
        let (mut near, mut far) = pair.stream().await;
        tasks.spawn(async move {
            let sent = vec![n; 1 << 20];
            let mut back = vec![0; sent.len()];
            let echo = async {
                let (mut read, mut write) = tokio::io::split(&mut far);
                tokio::io::copy(&mut read, &mut write).await.unwrap();
                write.shutdown().await.unwrap();
            };
            let (mut read, mut write) = tokio::io::split(&mut near);
            let send = async {
                write.write_all(&sent).await.unwrap();
                write.shutdown().await.unwrap();
            };
            let ((), (), read) = tokio::join!(echo, send, read.read_exact(&mut back));
            read.unwrap();
            assert!(back == sent);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    pair.stream().await;
}

#[tokio::test(start_paused = true)]
async fn lines_keep_a_session_alive_and_their_absence_ends_it() {
    let mut pair = pair();
    tokio::time::sleep(300 * SECOND).await;
    pair.stream().await;
    assert!(pair.machine.try_join_next().is_none());
    // A hub that is connected, and silent.
    let (near, _far) = duplex(1024);
    let listening = machine(near);
    let start = tokio::time::Instant::now();
    let end = listening.session.run().await;
    assert!(matches!(end, ListenEnd::Silent), "{end:?}");
    assert_eq!(start.elapsed().as_secs(), 90);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_does_not_read_ends_the_session_within_ten_seconds() {
    let (_near, far) = duplex(8);
    let (_, dialer, mut hub) = hub(far);
    let start = tokio::time::Instant::now();
    let end = hub.join_next().await.unwrap().unwrap();
    assert!(matches!(end, SessionEnd::WriteTimedOut), "{end:?}");
    assert_eq!(start.elapsed().as_secs(), 10);
    assert!(matches!(dialer.dial(SECOND).await, Err(DialError::Closed)));
}

#[tokio::test]
async fn a_session_that_ends_takes_its_streams_along() {
    let mut pair = pair();
    let (mut near, mut far) = pair.stream().await;
    pair.dialer.close();
    let end = pair.hub.join_next().await.unwrap().unwrap();
    assert!(matches!(end, SessionEnd::Asked));
    assert_eq!(near.read(&mut [0; 8]).await.unwrap(), 0);
    let end = pair.machine.join_next().await.unwrap().unwrap();
    assert!(matches!(end, ListenEnd::Closed), "{end:?}");
    assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 0);
    assert!(far.write_all(b"x").await.is_err());
    assert!(pair.dialers.is_empty());
    assert!(matches!(
        pair.dialer.dial(SECOND).await,
        Err(DialError::Closed)
    ));

    // The machine goes: the same from the other side.
    let mut pair = self::pair();
    let (mut near, _far) = pair.stream().await;
    pair.machine.shutdown().await;
    let end = pair.hub.join_next().await.unwrap().unwrap();
    assert!(matches!(end, SessionEnd::Closed), "{end:?}");
    assert_eq!(near.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_machine_that_serves_no_more_resets_streams_and_says_that_it_leaves() {
    let mut pair = pair();
    drop(pair.incoming);
    let end = pair.machine.join_next().await.unwrap().unwrap();
    assert!(matches!(end, ListenEnd::NotAccepting));
}

#[tokio::test]
async fn a_key_is_renewed_in_the_stream_of_lines() {
    let mut pair = pair();
    pair.dialer.renew_key("fm1.h.m.1.0".to_owned()).unwrap();
    assert_eq!(pair.renewals.next().await.unwrap().expose(), "fm1.h.m.1.0");
    let long = pair.dialer.renew_key("k".repeat(4096));
    assert_eq!(long, Err(RenewError::TooLong));
}

/// A hub that is no hub of ours, in its own yamux.
#[tokio::test]
async fn a_hub_that_opens_more_than_is_served_gets_the_rest_reset() {
    let (near, far) = duplex(64 * 1024);
    let mut listening = machine(near);
    let mut running = JoinSet::new();
    running.spawn(listening.session.run());
    let mut connection = Connection::new(far.compat(), Config::default(), Mode::Client);
    let mut streams = Vec::new();
    for _ in 0..1 + MAX_CONNECTIONS + 1 {
        let opened = poll_fn(|context| connection.poll_new_outbound(context)).await;
        streams.push(opened.unwrap().compat());
    }
    running.spawn(async move {
        let ended = poll_fn(|context| connection.poll_next_inbound(context)).await;
        panic!("the machine opens no streams, and stays: {ended:?}");
    });
    streams[0]
        .write_all(KEEP_ALIVE_LINE.as_bytes())
        .await
        .unwrap();
    let mut served = Vec::new();
    for stream in &mut streams[1..=MAX_CONNECTIONS] {
        stream.write_all(b"x").await.unwrap();
        served.push(listening.incoming.accept().await.unwrap());
    }
    let last = streams.last_mut().unwrap();
    last.write_all(b"x").await.unwrap();
    assert_eq!(last.read(&mut [0; 8]).await.unwrap(), 0, "it was reset");
    // A place is free again once one is closed.
    served.pop();
    assert_eq!(streams[MAX_CONNECTIONS].read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_machine_that_opens_streams_is_sent_away() {
    let (near, far) = duplex(64 * 1024);
    let (_, _, mut hub) = hub(far);
    let mut connection = Connection::new(near.compat(), Config::default(), Mode::Server);
    let opened = poll_fn(|context| connection.poll_new_outbound(context)).await;
    let mut opened = opened.unwrap().compat();
    let mut running = JoinSet::new();
    running.spawn(async move {
        while let Some(Ok(_)) = poll_fn(|context| connection.poll_next_inbound(context)).await {}
    });
    opened.write_all(b"x").await.unwrap();
    let end = hub.join_next().await.unwrap().unwrap();
    assert!(matches!(end, SessionEnd::Protocol(_)), "{end:?}");
}

#[tokio::test]
async fn what_is_no_yamux_ends_a_session_on_either_side() {
    let (mut near, far) = duplex(64 * 1024);
    let (_, _, mut hub) = hub(far);
    near.write_all(b"HTTP/1.1 400 Bad Request\r\n")
        .await
        .unwrap();
    let end = hub.join_next().await.unwrap().unwrap();
    let invalid = |error: &std::io::Error| error.kind() == ErrorKind::InvalidData;
    assert!(
        matches!(&end, SessionEnd::Io(error) if invalid(error)),
        "{end:?}"
    );
    let (near, mut far) = duplex(64 * 1024);
    far.write_all(b"HTTP/1.1 400 Bad Request\r\n")
        .await
        .unwrap();
    let listening = machine(near);
    let end = listening.session.run().await;
    assert!(
        matches!(&end, ListenEnd::Connection(error) if invalid(error)),
        "{end:?}"
    );
}
