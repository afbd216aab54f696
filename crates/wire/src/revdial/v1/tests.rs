//! The worked exchanges V1-1 to V1-11 (`revdial.md` 6) as bytes, the test as the buildlet; V1-9 and V1-10 are exchanges of
//! the other side, which is not ours: here they show what our side may and may not send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinSet;

use crate::revdial::{DialError, Dialer, Dialers, MAX_CONNECTIONS, SessionEnd};
use crate::reverse::RevdialVersion;
use crate::stream::BoxStream;

const SECOND: Duration = Duration::from_secs(1);
const GET: &str = "GET /status HTTP/1.1\r\nHost: builder01\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n";

struct Machine {
    dialer: Dialer,
    control: DuplexStream,
    session: JoinSet<SessionEnd>,
}

fn machine() -> Machine {
    let dialers = Dialers::new("hub-1").unwrap();
    let (control, far) = duplex(4 << 20);
    let (dialer, session) = dialers.open(RevdialVersion::V1, far).unwrap();
    let mut set = JoinSet::new();
    set.spawn(session.run());
    Machine {
        dialer,
        control,
        session: set,
    }
}

/// A frame.
fn frame(kind: u8, id: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind, 0, 0, 0, id, high, low], payload].concat()
}

impl Machine {
    /// A dial, with its announcement checked to be of this id.
    async fn dial(&mut self, id: u8) -> BoxStream {
        let dialed = self.dialer.dial(SECOND).await.unwrap();
        self.expect(&[b'N', 0, 0, 0, id, 0, 0]).await;
        dialed
    }

    async fn expect(&mut self, bytes: &[u8]) {
        let mut read = vec![0; bytes.len()];
        let reading = tokio::time::timeout(30 * SECOND, self.control.read_exact(&mut read));
        reading.await.expect("nothing came").unwrap();
        assert!(read == bytes, "{read:02x?}");
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.control.write_all(bytes).await.unwrap();
    }

    async fn end(&mut self) -> SessionEnd {
        self.session.join_next().await.unwrap().unwrap()
    }
}

async fn read(stream: &mut BoxStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    let reading = tokio::time::timeout(30 * SECOND, stream.read_exact(&mut bytes));
    reading.await.expect("nothing came").unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

async fn ended(stream: &mut BoxStream) {
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn v1_1_v1_2_a_dial_and_an_answer_in_two_frames_on_a_connection_that_is_used_again() {
    let mut machine = machine();
    let mut dialed = machine.dial(1).await;
    for _ in 0..2 {
        dialed.write_all(GET.as_bytes()).await.unwrap();
        machine.expect(&[0x57, 0, 0, 0, 1, 0, 0x60]).await;
        machine.expect(GET.as_bytes()).await;
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n";
        let body = "{\"Version\":22}";
        assert_eq!(frame(b'W', 1, head.as_bytes())[6], 0x27);
        machine.send(&frame(b'W', 1, head.as_bytes())).await;
        machine.send(&frame(b'W', 1, body.as_bytes())).await;
        read(&mut dialed, &format!("{head}{body}")).await;
    }
    let stats = machine.dialer.stats();
    assert_eq!(
        (stats.version, stats.picked_up, stats.active),
        (RevdialVersion::V1, 1, 1)
    );
}

#[tokio::test]
async fn v1_3_two_dials_interleave() {
    let mut machine = machine();
    let mut one = machine.dial(1).await;
    let mut two = machine.dial(2).await;
    one.write_all(b"ping").await.unwrap();
    machine.expect(b"W\0\0\0\x01\0\x04ping").await;
    two.write_all(b"hello").await.unwrap();
    machine.expect(b"W\0\0\0\x02\0\x05hello").await;
    machine
        .send(b"W\0\0\0\x02\0\x01bW\0\0\0\x01\0\x04pongW\0\0\0\x02\0\x02ar")
        .await;
    read(&mut two, "bar").await;
    read(&mut one, "pong").await;
}

#[tokio::test]
async fn v1_4_the_peer_closes_after_data_and_late_writes_are_allowed() {
    let mut machine = machine();
    let (_one, mut two) = (machine.dial(1).await, machine.dial(2).await);
    machine.send(b"W\0\0\0\x02\0\x02hiC\0\0\0\x02\0\0").await;
    read(&mut two, "hi").await;
    ended(&mut two).await;
    two.write_all(b"late").await.unwrap();
    machine.expect(b"W\0\0\0\x02\0\x04late").await;
    drop(two);
    machine.expect(b"C\0\0\0\x02\0\0").await;
    // Once: what comes next is of another connection.
    let _three = machine.dial(3).await;
}

#[tokio::test]
async fn v1_5_a_large_write_is_split() {
    let mut machine = machine();
    let mut dialed = machine.dial(1).await;
    dialed.write_all(&[7; 70_000]).await.unwrap();
    machine.expect(&[0x57, 0, 0, 0, 1, 0xff, 0xff]).await;
    machine.expect(&[7; 65_535]).await;
    machine.expect(&[0x57, 0, 0, 0, 1, 0x11, 0x71]).await;
    machine.expect(&[7; 4_465]).await;
}

#[tokio::test]
async fn v1_6_noise_is_tolerated() {
    let mut machine = machine();
    let mut dialed = machine.dial(1).await;
    machine.send(b"Z\0\0\0\x01\0\x02zz").await;
    machine.send(b"W\0\0\0\x63\0\x02zz").await;
    machine.send(b"C\0\0\0\x63\0\0").await;
    machine.send(b"W\0\0\0\x01\0\0").await;
    machine.send(b"W\0\0\0\x01\0\x01x").await;
    read(&mut dialed, "x").await;
}

#[tokio::test]
async fn v1_7_a_machine_that_opens_a_connection_is_sent_away() {
    let mut machine = machine();
    let mut dialed = machine.dial(1).await;
    machine.send(b"N\0\0\0\x07\0\0").await;
    let end = machine.end().await;
    assert!(matches!(end, SessionEnd::Protocol(_)), "{end:?}");
    assert_eq!(machine.control.read(&mut [0; 8]).await.unwrap(), 0);
    ended(&mut dialed).await;
    assert!(dialed.write_all(b"x").await.is_err());
    let late = machine.dialer.dial(SECOND).await;
    assert!(matches!(late, Err(DialError::Closed)));
}

#[tokio::test]
async fn v1_8_crossing_closes_are_ignored() {
    let mut machine = machine();
    let mut dialed = machine.dial(1).await;
    let answer =
        "HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\n{\"Version\":22}";
    machine.send(&frame(b'W', 1, answer.as_bytes())).await;
    read(&mut dialed, answer).await;
    drop(dialed);
    machine.expect(b"C\0\0\0\x01\0\0").await;
    machine.send(b"C\0\0\0\x01\0\0").await;
    let mut next = machine.dial(2).await;
    machine.send(b"W\0\0\0\x02\0\x01x").await;
    read(&mut next, "x").await;
}

#[tokio::test]
async fn v1_9_v1_10_no_id_is_announced_twice_while_it_is_open_and_announcements_are_empty() {
    let mut machine = machine();
    let mut open = Vec::new();
    for id in 1..=40 {
        open.push(machine.dial(id).await);
    }
    open.remove(4);
    machine.expect(b"C\0\0\0\x05\0\0").await;
    // A late close of the machine's for it means no other.
    machine.send(b"C\0\0\0\x05\0\0").await;
    let mut next = machine.dial(41).await;
    machine.send(b"W\0\0\0\x29\0\x01x").await;
    read(&mut next, "x").await;
}

#[tokio::test]
async fn v1_11_a_cut_response_ends_early_and_the_next_request_opens_another() {
    let mut machine = machine();
    let mut dialed = machine.dial(1).await;
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"V";
    machine.send(&frame(b'W', 1, cut.as_bytes())).await;
    machine.send(b"C\0\0\0\x01\0\0").await;
    read(&mut dialed, cut).await;
    ended(&mut dialed).await;
    drop(dialed);
    machine.expect(b"C\0\0\0\x01\0\0").await;
    machine.dial(2).await;
}

#[tokio::test]
async fn a_frame_that_is_cut_ends_the_session_and_all_its_connections() {
    let mut machine = machine();
    let mut dialed = machine.dial(1).await;
    machine
        .send(b"W\0\0\0\x01\0\x02hiW\0\0\0\x01\0\x09cut")
        .await;
    machine.control.shutdown().await.unwrap();
    assert!(matches!(machine.end().await, SessionEnd::Closed));
    read(&mut dialed, "hi").await;
    ended(&mut dialed).await;
}

/// There is no window: the machine is read no further, and nothing is lost when its data is read after all.
#[tokio::test(start_paused = true)]
async fn a_connection_that_is_not_read_is_bounded_and_stops_the_session_in_the_end() {
    let mut machine = machine();
    let mut slow = machine.dial(1).await;
    let mut other = machine.dial(2).await;
    let piece = frame(b'W', 1, &[7; 65_535]);
    for _ in 0..20 {
        machine.send(&piece).await;
    }
    machine.send(b"W\0\0\0\x02\0\x01x").await;
    let stopped = tokio::time::timeout(30 * SECOND, other.read_u8()).await;
    assert!(stopped.is_err(), "more than 1 MiB was taken");
    // What is written goes on meanwhile.
    slow.write_all(b"on").await.unwrap();
    machine.expect(b"W\0\0\0\x01\0\x02on").await;
    slow.read_exact(&mut vec![0; 65_535 * 20]).await.unwrap();
    read(&mut other, "x").await;
    for _ in 0..20 {
        machine.send(&piece).await;
    }
    let start = tokio::time::Instant::now();
    assert!(matches!(machine.end().await, SessionEnd::Stalled));
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_does_not_read_ends_the_session() {
    let dialers = Dialers::new("h").unwrap();
    let (_control, far) = duplex(8);
    let (dialer, session) = dialers.open(RevdialVersion::V1, far).unwrap();
    let mut running = JoinSet::new();
    running.spawn(session.run());
    let mut dialed = dialer.dial(SECOND).await.unwrap();
    dialed.write_all(b"hello").await.unwrap();
    let end = running.join_next().await.unwrap().unwrap();
    assert!(matches!(end, SessionEnd::WriteTimedOut), "{end:?}");
    assert!(dialer.is_closed());
}

#[tokio::test]
async fn connections_are_bounded() {
    let mut machine = machine();
    let mut open = Vec::new();
    for id in 1..=MAX_CONNECTIONS {
        open.push(machine.dial(u8::try_from(id).unwrap()).await);
    }
    let more = machine.dialer.dial(SECOND).await;
    assert!(matches!(more, Err(DialError::TooMany)));
    machine.dialer.close();
    assert!(matches!(machine.end().await, SessionEnd::Asked));
}
