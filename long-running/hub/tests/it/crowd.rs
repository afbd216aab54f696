//! Many machines at once, and some that are no machines.

use std::time::{Duration, Instant};

use farm_wire::revdial::listener::RegisterError;
use farm_wire::reverse::RevdialVersion;
use farm_wire::stream::BoxStream;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::harness::{Bench, PATIENCE};
use crate::peer::live;

/// For what a thousand machines do, on a computer that has other things to do as well.
const STORM: Duration = Duration::from_secs(240);

/// Most files this test may have open at once, if the limit is low.
const FILES: usize = 4_000;

/// `wanted` machines, or as many as there may be files for, at `each` a machine.
#[expect(clippy::print_stdout, reason = "a smaller test says so")]
fn affordable(wanted: usize, each: usize) -> usize {
    let text = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = text.lines().find(|line| line.starts_with("Max open files"));
    let limit = line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    let affordable = limit.unwrap_or(FILES).min(FILES).saturating_sub(200) / each;
    if affordable < wanted {
        println!("{affordable} machines instead of {wanted}: {limit:?} files may be open");
    }
    wanted.min(affordable)
}

/// Machines that can be frozen: their connections stay, and nobody serves them any more.
struct Crowd {
    frozen: CancellationToken,
    /// Each ends when it is not let in.
    machines: JoinSet<RegisterError>,
}

impl Crowd {
    fn of(b: &Bench, numbers: impl Iterator<Item = usize>) -> Self {
        let mut crowd = Self {
            frozen: CancellationToken::new(),
            machines: JoinSet::new(),
        };
        let connect = b.way();
        for n in numbers {
            // Of both versions, among those that stay and those that vanish.
            let version = match n % 8 {
                0 | 1 => RevdialVersion::V2,
                _ => RevdialVersion::V3,
            };
            let request = b.request(&format!("m{n}"), version);
            let (frozen, connect) = (crowd.frozen.clone(), connect.clone());
            crowd.machines.spawn(async move {
                let mut living = Box::pin(live(connect, request));
                tokio::select! {
                    refused = &mut living => return refused,
                    () = frozen.cancelled() => {}
                }
                // It holds all its connections, and does nothing.
                std::future::pending::<()>().await;
                living.await
            });
        }
        crowd
    }
}

/// A thousand at once, of both versions; half of them vanish without a word, as when a site loses its power.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_machines_come_at_once_and_half_of_them_vanish_silently() {
    let mut b = Bench::with(|settings| {
        settings.checks.period = Duration::from_secs(2);
        settings.checks.limit = Duration::from_secs(5);
    })
    .await;
    // At each end a control connection, and of each second machine one that was picked up.
    let count = affordable(1000, 3) / 2 * 2;
    let began = Instant::now();
    let mut staying = Crowd::of(&b, (0..count).step_by(2));
    let mut vanishing = Crowd::of(&b, (1..count).step_by(2));
    there(&mut b, count).await;
    println!("{count} machines are there after {:?}", began.elapsed());
    let began = Instant::now();
    vanishing.frozen.cancel();
    there(&mut b, count / 2).await;
    println!("half of them are gone after {:?}", began.elapsed());
    // Power comes back: they take their places again. Living ones cannot be replaced.
    vanishing.machines.shutdown().await;
    let again = Crowd::of(&b, (1..count).step_by(2));
    there(&mut b, count).await;
    println!("all are back after {:?}", began.elapsed());
    let mut doubles = Crowd::of(&b, 0..8);
    for _ in 0..8 {
        let refused = timeout(STORM, doubles.machines.join_next()).await.unwrap();
        let refused = refused.unwrap().unwrap().to_string();
        assert!(refused.contains("is connected already"), "{refused}");
    }
    assert!(staying.machines.try_join_next().is_none());
    assert_eq!(again.machines.len(), count / 2);
}

/// Waits until so many machines are there.
async fn there(b: &mut Bench, count: usize) {
    let reached = b.status.wait_for(|status| status.machines == count);
    let reached = timeout(STORM, reached).await.map(drop);
    assert!(reached.is_ok(), "{:?}", b.status.borrow());
}

/// Says a little, now and then, and never comes to an end.
async fn dawdle(mut stream: BoxStream) {
    let begun = b"GET /reverse HTTP/1.1\r\nHost: \r\nX-Go-Builder-Hostname: ";
    if stream.write_all(begun).await.is_err() {
        return;
    }
    while stream.write_all(b"x").await.is_ok() && stream.flush().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dawdlers_on_the_way_to_a_registration_keep_nobody_out_and_are_cut_off() {
    let mut b = Bench::start().await;
    let mut dawdlers = JoinSet::new();
    let began = Instant::now();
    // Some dawdle before TLS, some in the head.
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(&b.address).await.unwrap());
    }
    for _ in 0..100 {
        dawdlers.spawn(dawdle(b.tls().await));
    }
    let _machine = timeout(Duration::from_secs(8), b.machine("m"))
        .await
        .unwrap();
    let all = async { while dawdlers.join_next().await.is_some() {} };
    timeout(PATIENCE, all).await.unwrap();
    assert!(
        began.elapsed() > Duration::from_secs(5),
        "they were given some time"
    );
    for stream in silent {
        let ended = timeout(PATIENCE, stream.readable()).await;
        ended.unwrap().unwrap();
        assert!(matches!(stream.try_read(&mut [0; 8]), Ok(0) | Err(_)));
    }
    assert_eq!(b.status.borrow().machines, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_keep_nobody_out_however_many_there_are() {
    let mut b = Bench::with_admin().await;
    let count = affordable(600, 2);
    let mut silent = Vec::new();
    for _ in 0..count {
        silent.push(TcpStream::connect(&b.address).await.unwrap());
    }
    let at_once = Duration::from_secs(8);
    let healthy = timeout(at_once, b.public("GET", "/healthz", "")).await;
    assert_eq!(healthy.unwrap().status, 200);
    let _machine = timeout(at_once, b.machine("m")).await.unwrap();
    // The oldest were cut off, and no others.
    let counted = "farm_hub_connections_crowded_out_total";
    let crowded_out: usize = b.metric(counted).await.parse().unwrap();
    let too_many = count.saturating_sub(512);
    assert!(
        (too_many.min(1)..=too_many + 12).contains(&crowded_out),
        "{crowded_out}"
    );
    // At rest there are none, although the machine is there.
    drop(silent);
    let at_rest = async {
        while b.metric("farm_hub_handshakes").await != "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, at_rest).await.unwrap();
    assert_eq!(b.status.borrow().machines, 1);
}
