//! The three versions of reverse dialing, behind one interface.

use std::time::Duration;

use farm_model::message::progress::Outcome;
use farm_wire::reverse::RevdialVersion;
use farm_wire::stream::BoxStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::{Bench, PATIENCE, step};
use crate::peer::{STATUS, answer, live};

/// A registration of 2018: without a version of reverse dialing.
fn old(b: &Bench, name: &str) -> String {
    format!(
        "GET /reverse HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\nX-Go-Builder-Hostname: {name}\r\n\
         X-Go-Builder-Key: {}\r\nX-Go-Builder-Version: 22\r\nX-Go-Host-Type: host-test\r\n\r\n",
        b.key(name)
    )
}

/// Registers as a buildlet of 2018; its control connection, or the refusal.
async fn register_old(b: &Bench, name: &str) -> Result<BoxStream, (u16, String)> {
    let mut stream = b.tls().await;
    stream.write_all(old(b, name).as_bytes()).await.unwrap();
    let (head, mut rest) = farm_wire::head::read_answer(stream, PATIENCE)
        .await
        .unwrap();
    if head.status == 101 {
        assert_eq!(head.headers.get("X-Revdial-Version"), None);
        return Ok(Box::new(rest));
    }
    let mut text = String::new();
    rest.read_to_string(&mut text).await.unwrap();
    Err((head.status, text))
}

/// Says that it lives, on whatever connection it is asked, in frames.
async fn live_in_frames(mut control: BoxStream) {
    loop {
        let mut header = [0; 7];
        if control.read_exact(&mut header).await.is_err() {
            return;
        }
        let [kind, a, b, c, d, high, low] = header;
        let mut payload = vec![0; usize::from(u16::from_be_bytes([high, low]))];
        control.read_exact(&mut payload).await.unwrap();
        let frame = |kind, payload: &[u8]| {
            let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
            [&[kind, a, b, c, d], &length[..], payload].concat()
        };
        let said = match kind {
            b'W' if payload.ends_with(b"\r\n\r\n") => frame(b'W', STATUS),
            b'C' => frame(b'C', b""),
            _ => continue,
        };
        control.write_all(&said).await.unwrap();
        control.flush().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_of_version_1_are_refused_unless_they_are_switched_on() {
    let b = Bench::start().await;
    let refused = register_old(&b, "old").await.err().unwrap();
    assert_eq!(refused, (400, "buildlet binary is too old\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_machines_of_version_1_are_served_and_no_more() {
    let mut b = Bench::with(|settings| {
        settings.revdial_v1 = true;
        settings.checks.period = Duration::from_millis(100);
    })
    .await;
    let mut machines = JoinSet::new();
    for n in 0..10 {
        let control = register_old(&b, &format!("old{n}")).await.ok().unwrap();
        machines.spawn(live_in_frames(control));
    }
    b.status(|status| status.machines == 10).await;
    let (status, text) = register_old(&b, "old10").await.err().unwrap();
    assert_eq!(status, 503, "{text}");
    // They pass their checks, on connections that are used again.
    let gone = timeout(
        Duration::from_secs(1),
        b.status.wait_for(|status| status.machines != 10),
    );
    assert!(gone.await.is_err());
    // Others are not concerned, and a place is free once one goes.
    let _machine = b.machine("new").await;
    machines.abort_all();
    b.status(|status| status.machines == 1).await;
    let control = register_old(&b, "old10").await.ok().unwrap();
    machines.spawn(live_in_frames(control));
    b.status(|status| status.machines == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_of_versions_2_and_3_work_side_by_side() {
    let mut b = Bench::start().await;
    let mut machines = JoinSet::new();
    machines.spawn(live(b.way(), b.request("two", RevdialVersion::V2)));
    machines.spawn(live(b.way(), b.request("three", RevdialVersion::V3)));
    let _buildlet = b.machine("m").await;
    b.status(|status| status.machines == 3).await;
    let mut job = b.job(1, "m");
    step(&mut job, "test", "true");
    assert_eq!(b.run(&job).await.outcome, Outcome::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_not_known_is_refused() {
    let b = Bench::start().await;
    let mut stream = b.tls().await;
    let text = old(&b, "m").replace("\r\n\r\n", "\r\nX-Revdial-Version: 4\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    let refused = answer(stream).await;
    assert_eq!(refused, (400, "unknown revdial version\n".to_owned()));
}
