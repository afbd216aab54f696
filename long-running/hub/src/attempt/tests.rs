//! Machines that fall silent. The clock is moved: nothing here waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use farm_bus::Bus;
use farm_model::Timestamp;
use farm_model::id::AttemptKey;
use farm_runtime::Clock;
use farm_wire::head::read_request;
use farm_wire::keys::MasterKey;
use farm_wire::revdial::{Dialers, Session};
use farm_wire::stream::{BoxStream, connect_fn};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;

const ALIVE: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\n{\"Version\":23}";

const KILLED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nProcess-State: signal: killed\r\n\r\n";

/// What a machine says to the nth request for a path; `None`: nothing, for ever.
type Script = fn(&str, usize) -> Option<&'static str>;

/// A client of a machine in memory. The tasks are the machine's.
pub(super) fn client(script: Script) -> (Client, Arc<Mutex<JoinSet<()>>>) {
    let tasks = Arc::new(Mutex::new(JoinSet::new()));
    let (running, asked) = (Arc::clone(&tasks), Arc::new(AtomicUsize::new(0)));
    let connect = connect_fn(move || {
        let (near, far) = tokio::io::duplex(1 << 16);
        running.lock().spawn(serve(far, script, Arc::clone(&asked)));
        async { Ok(Box::new(near) as BoxStream) }
    });
    (Client::new(Arc::new(connect), "m"), tasks)
}

async fn serve(stream: DuplexStream, script: Script, asked: Arc<AtomicUsize>) {
    let patience = Duration::from_secs(1000);
    let Ok((head, mut stream)) = read_request(stream, patience).await else {
        return;
    };
    let number = asked.fetch_add(1, Ordering::Relaxed);
    match script(head.path(), number) {
        Some(answer) => {
            drop(stream.write_all(answer.as_bytes()).await);
            drop(stream.shutdown().await);
        }
        None => drop(stream.read_to_end(&mut Vec::new()).await),
    }
}

/// An attempt on that machine; its session must be held.
pub(super) fn attempt(client: &Client) -> (Attempt, Session<DuplexStream>) {
    let key = format!("{}/1/steps/1", "a".repeat(32));
    let key: AttemptKey = key.parse().unwrap();
    let job = serde_json::from_value(serde_json::json!({
        "hub": "h1",
        "machine": "h1/m",
        "attempt": serde_json::to_value(&key).unwrap(),
        "builder": "linux-test",
        "source": { "repo": "r", "url": "/nowhere", "commit": "0".repeat(40), "branch": "main" },
        "steps": [],
        "env": {},
        "start_by": Timestamp::UNIX_EPOCH,
        "timeout_seconds": 3600,
        "log_limit_bytes": 1000,
        "clean": "wipe",
    }));
    let (control, _far) = tokio::io::duplex(64);
    let (dialer, session) = Dialers::new("h1")
        .unwrap()
        .open(farm_wire::reverse::RevdialVersion::V2, control)
        .unwrap();
    let machine = Machine::new(
        "h1/m".parse().unwrap(),
        "host-test".parse().unwrap(),
        23,
        "m".to_owned(),
        (dialer, client.clone()),
    );
    let identity = Identity {
        hub: "h1".parse().unwrap(),
        session: "0-0".parse().unwrap(),
        clock: Clock::manual(Timestamp::UNIX_EPOCH),
    };
    let voice = Voice::new(identity.clone(), machine.id.clone(), key);
    let bus = Bus::open(&"pubsub://p?endpoint=http://127.0.0.1:9".parse().unwrap()).unwrap();
    let tools = Tools {
        identity,
        bucket: Bucket::open("memory:").unwrap(),
        mirrors: Mirrors::new("/nowhere".into()),
        snapshots: Snapshots {
            address: None,
            limit: 1 << 20,
            master: MasterKey::new(b"a master key for tests").unwrap(),
        },
        teller: Teller::new(bus, Counts::default()),
        tails: Arc::default(),
        reports: Arc::new(Semaphore::new(READ_AT_ONCE)),
        counts: Counts::default(),
    };
    let machine = Arc::new(machine);
    let said = (voice, Arc::default());
    let attempt = Attempt::new(job.unwrap(), machine, said, Arc::new(tools));
    (attempt, session)
}

/// Runs one step; how it ended and how long that took.
async fn step(script: Script) -> (End, Duration, bool) {
    let (client, _machine) = client(script);
    let (attempt, _session) = attempt(&client);
    let step = serde_json::json!({ "do": "run", "name": "test", "argv": ["true"], "timeout_seconds": 600 });
    let step = serde_json::from_value(step).unwrap();
    let bucket = attempt.tools.bucket.clone();
    let (mut log, flusher) = log::open(bucket, attempt.job.attempt.clone(), 1000, Arc::default());
    let mut course = Course::new(attempt.tools.identity.clock.clone());
    let began = Instant::now();
    let run = async {
        let (news, _told) = mpsc::channel(1);
        let mut desk = Desk::new(&mut log, &mut course, &attempt.voice, news);
        let end = attempt.perform(&step, &mut desk).await;
        log.close().await;
        (end, began.elapsed(), client.is_broken())
    };
    tokio::join!(run, flusher.run()).0
}

fn lost(end: &End) -> &str {
    match end {
        Err(Bad::Lost(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_not_accepted_in_time_is_lost_and_the_client_given_up() {
    let (end, took, broken) = step(|path, _| (path == "/status").then_some(ALIVE)).await;
    assert!(lost(&end).contains("did not answer in time"), "{end:?}");
    let limit = Duration::from_secs(20);
    assert!(took >= limit && took < 2 * limit, "{took:?}");
    assert!(broken);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_dies_with_its_machine_is_not_the_codes_fault() {
    let (end, _, _) = step(|path, _| (path == "/exec").then_some(KILLED)).await;
    assert!(lost(&end).contains("the machine went away"), "{end:?}");
    let (end, _, _) = step(|path, _| Some(if path == "/exec" { KILLED } else { ALIVE })).await;
    assert!(matches!(end, Err(Bad::Failed(_))), "{end:?}");
}

/// Drives an attempt whose machine never ends cleaning; how that ended, and after how long.
async fn drive(script: Script) -> (AttemptReport, Duration) {
    let (client, _machine) = client(script);
    let (attempt, _session) = attempt(&client);
    let began = Instant::now();
    let report = attempt.drive(&CancellationToken::new()).await;
    (report, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_misses_three_heartbeats_in_a_row_is_dead() {
    let (report, took) = drive(|_, _| None).await;
    assert_eq!(report.outcome, Outcome::Lost);
    assert!(
        report.reason.starts_with("the machine does not answer"),
        "{report:?}"
    );
    // Ten seconds between them, and ten for each.
    assert!(took <= Duration::from_secs(61), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_is_answered_forgives_those_before_it() {
    // The first request is the cleaning, which stalls for two minutes: of the heartbeats beside it, every third is
    // answered.
    let (report, took) = drive(|_, number| (number > 0 && number % 3 == 0).then_some(ALIVE)).await;
    assert!(
        report.reason.starts_with("cannot clean the machine"),
        "{report:?}"
    );
    assert!(took >= Duration::from_secs(120), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_placed_in_a_work_dir_that_was_kept_before_the_attempt_is_accepted() {
    let (client, _machine) = client(|path, _| (path == "/status").then_some(ALIVE));
    let (mut attempt, _session) = attempt(&client);
    let write =
        serde_json::json!({ "do": "write", "path": "src/note", "text": "x", "mode": 0o644 });
    attempt.job.steps = vec![serde_json::from_value(write).unwrap()];
    attempt.job.continues = Some(attempt.job.attempt.clone());
    let accepted = CancellationToken::new();
    let mut drive = std::pin::pin!(attempt.drive(&accepted));
    let while_not = tokio::time::timeout(Duration::from_secs(600), &mut drive).await;
    assert!(while_not.is_err(), "{while_not:?}");
    accepted.cancel();
    // The machine answers nothing but that it is alive.
    let report = drive.await;
    assert!(report.reason.starts_with("cannot write"), "{report:?}");
}
