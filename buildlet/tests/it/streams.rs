//! Reverse mode with a hub of ours: version 3, and keys that the hub renews.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use farm_wire::head::{read_request, write_101_for};
use farm_wire::revdial::{Dialer, Dialers, SessionEnd};
use farm_wire::reverse::{Registration, RevdialVersion};
use farm_wire::stream::BoxStream;
use tokio::task::JoinSet;

use crate::harness::{Buildlet, gone, pids, until, within};
use crate::hub::Hub;
use crate::peer::{Peer, bare, sh, sh_with};

const LIMIT: Duration = Duration::from_secs(60);

/// A session, and what the machine registered with.
struct Session {
    dialer: Dialer,
    key: String,
    running: JoinSet<SessionEnd>,
}

impl Session {
    async fn begin(hub: &Hub) -> Self {
        let control = hub.dialed().await;
        let (head, mut control) = read_request(control.stream, LIMIT).await.unwrap();
        let registration = Registration::parse(&head).unwrap();
        assert_eq!(registration.revdial_version, RevdialVersion::V3);
        write_101_for(&mut control, RevdialVersion::V3)
            .await
            .unwrap();
        let dialers = Dialers::new("h1").unwrap();
        let (dialer, session) = dialers.open(RevdialVersion::V3, control).unwrap();
        let mut running = JoinSet::new();
        running.spawn(session.run());
        Self {
            dialer,
            key: registration.key().unwrap().to_owned(),
            running,
        }
    }

    async fn dial(&self) -> Peer<BoxStream> {
        Peer::new(self.dialer.dial(LIMIT).await.unwrap())
    }

    /// The hub ends it.
    async fn end(mut self) {
        self.dialer.close();
        within("the end", self.running.join_next()).await;
    }
}

#[tokio::test]
async fn a_hub_of_ours_is_served_on_one_connection() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let session = Session::begin(&hub).await;
    let mut one = session.dial().await;
    assert_eq!(
        one.ask(bare("GET", "/status")).await.said(),
        (200, "{\"Version\":23}")
    );
    // A command that waits, and another connection meanwhile.
    one.send(sh("until test -e go; do sleep 0.01; done; echo gone"))
        .await;
    let head = one.head().await;
    let mut two = session.dial().await;
    assert_eq!(two.ask(sh("touch go")).await.state(), "ok");
    assert_eq!(one.rest(head, false).await.text(), "gone\n");
    assert_eq!(session.dialer.stats().picked_up, 2);
    b.end().await;
}

#[tokio::test]
async fn the_end_of_a_session_of_streams_ends_its_commands() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let session = Session::begin(&hub).await;
    let mut peer = session.dial().await;
    let file = b.outside("pids");
    let script = format!(
        "sleep 1000 & echo $! $$ > {0}.new; mv {0}.new {0}; wait",
        file.display()
    );
    peer.send(sh(&script)).await;
    peer.head().await;
    let pids = pids(&file).await;
    session.end().await;
    gone(&pids).await;
    // It is back, and asks for version 3 again.
    let session = Session::begin(&hub).await;
    let mut peer = session.dial().await;
    assert_eq!(peer.ask(sh("true")).await.state(), "ok");
    b.end().await;
}

fn key_of(b: &Buildlet) -> String {
    std::fs::read_to_string(b.outside("key")).unwrap()
}

#[tokio::test]
async fn a_renewed_key_is_kept_and_registered_with() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let session = Session::begin(&hub).await;
    assert_eq!(session.key, key_of(&b).trim());
    session.dialer.renew_key("fm1.new".to_owned()).unwrap();
    until("the new key", || key_of(&b) == "fm1.new\n").await;
    // Modules are asked for with it from now on.
    let mut peer = session.dial().await;
    let fetching = "port=${GOPROXY##*:}; bash -c 'exec 3<>/dev/tcp/127.0.0.1/'$port'; \
                    printf \"GET /x HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n\" >&3; cat <&3'";
    let asking = ("env", "GO_BUILDER_SET_GOPROXY=coordinator");
    peer.send(sh_with(fetching, &[asking])).await;
    let asked = hub.dialed().await.block().await;
    let authorization = STANDARD.encode("host-linux-foo:fm1.new");
    assert!(
        asked.contains(&format!("\r\nAuthorization: Basic {authorization}\r\n")),
        "{asked}"
    );
    drop(peer);
    let mode = b.outside("key").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    session.end().await;
    assert_eq!(Session::begin(&hub).await.key, "fm1.new");
    assert!(!b.log().contains("fm1"), "{}", b.log());
    b.end().await;
}

#[tokio::test]
async fn a_renewed_key_that_cannot_be_kept_is_used_as_long_as_the_process_lives() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let session = Session::begin(&hub).await;
    std::fs::remove_file(b.outside("key")).unwrap();
    session.dialer.renew_key("fm1.new".to_owned()).unwrap();
    until("a warning", || b.log().contains("cannot be written")).await;
    session.end().await;
    let session = Session::begin(&hub).await;
    assert_eq!(session.key, "fm1.new");
    assert!(!b.outside("key").exists());
    let mut peer = session.dial().await;
    assert_eq!(peer.ask(sh("true")).await.state(), "ok");
    b.end().await;
}
