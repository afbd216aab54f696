//! What a connected machine costs at rest: a process of its own, since it weighs the whole process.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps an error")]
#![expect(clippy::print_stdout, reason = "the figure is what people want to see")]

use std::sync::Arc;
use std::time::Duration;

use farm_wire::head::{read_request, write_101_for};
use farm_wire::revdial::listener::{Listening, listen, register};
use farm_wire::revdial::{Dialer, Dialers};
use farm_wire::reverse::{Registration, Request, RevdialVersion};
use farm_wire::stream::BoxStream;
use farm_wire::tls::{Acceptor, TlsConnect, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const LIMIT: Duration = Duration::from_secs(60);
/// Two files a machine.
const MACHINES: usize = 300;
/// For both ends of a machine together, TLS included.
const MOST: usize = 35 * 1024;

/// Memory of this process that nobody else shares, in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find(|line| line.starts_with("Private_Dirty:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<usize>().unwrap() * 1024
}

/// The machine's end: answers `pong` to whatever comes.
async fn machine(connect: Arc<TlsConnect>, request: Request) {
    let control = register(&*connect, &request).await.unwrap();
    let Listening {
        mut incoming,
        renewals: _renewals,
        session,
    } = listen(control, connect, "");
    let serve = async {
        while let Some(mut stream) = incoming.accept().await {
            pong(&mut stream).await;
        }
    };
    tokio::join!(session.run(), serve);
}

async fn pong(stream: &mut BoxStream) {
    let mut ping = [0; 4];
    stream.read_exact(&mut ping).await.unwrap();
    stream.write_all(b"pong").await.unwrap();
    stream.flush().await.unwrap();
}

struct Hub {
    listener: TcpListener,
    acceptor: Acceptor,
    dialers: Dialers,
}

impl Hub {
    /// Takes the next machine in.
    async fn accept(&self, running: &mut JoinSet<()>) -> Dialer {
        let (tcp, _) = self.listener.accept().await.unwrap();
        let tls = self.acceptor.accept(tcp).await.unwrap();
        let (head, mut control) = read_request(tls, LIMIT).await.unwrap();
        let version = Registration::parse(&head).unwrap().revdial_version;
        write_101_for(&mut control, version).await.unwrap();
        let (dialer, session) = self.dialers.open(version, control).unwrap();
        running.spawn(async move { drop(session.run().await) });
        dialer
    }
}

async fn ping(dialer: &Dialer) {
    let mut stream = dialer.dial(LIMIT).await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"pong");
}

/// Bytes a machine at rest, of this many that were each used once.
async fn cost(version: RevdialVersion) -> usize {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = made.signing_key.serialize_pem();
    let hub = Hub {
        listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        acceptor: Acceptor::from_pem(made.cert.pem().as_bytes(), key.as_bytes()).unwrap(),
        dialers: Dialers::new("h1").unwrap(),
    };
    let address = hub.listener.local_addr().unwrap().to_string();
    let trust = Trust::Pem(made.cert.pem().into_bytes());
    let connect = Arc::new(TlsConnect::new(&address, Some("localhost"), &trust).unwrap());
    let (mut running, mut dialers) = (JoinSet::new(), Vec::new());
    let mut before = 0;
    // The first ones pay for what all share.
    for n in 0..MACHINES + 50 {
        if n == 50 {
            before = resident();
        }
        let request = Request {
            host: String::new(),
            hostname: format!("m{n}"),
            host_type: "host-test".to_owned(),
            key: "k".to_owned(),
            version: 23,
            revdial: version,
        };
        running.spawn(machine(connect.clone(), request));
        let dialer = hub.accept(&mut running).await;
        ping(&dialer).await;
        dialers.push(dialer);
    }
    let grown = resident().saturating_sub(before);
    for dialer in &dialers {
        ping(dialer).await;
    }
    let after = resident().saturating_sub(before);
    println!(
        "version {version}: {} bytes a machine, {} after another use",
        grown / MACHINES,
        after / MACHINES
    );
    after.max(grown) / MACHINES
}

#[tokio::test]
async fn a_machine_at_rest_costs_little_at_both_ends_together() {
    let cost = cost(RevdialVersion::V3).await;
    assert!(cost < MOST, "{cost} bytes");
}
