//! Logs of attempts that run, as operators follow them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use farm_model::message::progress::Outcome;
use farm_model::message::work::RunJob;
use farm_wire::head::read_answer;

use crate::harness::{Bench, PATIENCE, step};

fn address(job: &RunJob) -> String {
    format!("/attempts/{}/log", job.attempt)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_to_the_attempts_end() {
    let mut b = Bench::with_admin().await;
    let _machine = b.machine("m").await;
    let go = b.folder.path().join("go");
    let mut job = b.job(1, "m");
    let script = format!(
        "echo early; until test -e {}; do sleep 0.05; done; echo late",
        go.display()
    );
    step(&mut job, "wait", &script);
    b.offer(&job).await;
    b.log_holds(&job, "\nearly\n").await;
    let mut stream = b.operator().await;
    let request = format!("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", address(&job));
    stream.write_all(request.as_bytes()).await.unwrap();
    let (head, mut stream) = read_answer(stream, PATIENCE).await.unwrap();
    assert_eq!(
        (head.status, head.headers.get("transfer-encoding")),
        (200, Some("chunked"))
    );
    // What was printed before is there while the command waits.
    let mut text = Vec::new();
    let early = async {
        while !String::from_utf8_lossy(&text).contains("\nearly\n") {
            assert_ne!(stream.read_buf(&mut text).await.unwrap(), 0);
        }
    };
    timeout(PATIENCE, early).await.unwrap();
    assert!(!String::from_utf8_lossy(&text).contains("\nlate\n"));
    std::fs::write(go, "").unwrap();
    timeout(PATIENCE, stream.read_to_end(&mut text))
        .await
        .unwrap()
        .unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("late\n") && text.contains("[farm] ok after"),
        "{text}"
    );
    assert!(text.ends_with("0\r\n\r\n"), "it ends as it should: {text}");
    assert_eq!(b.report(&job).await.outcome, Outcome::Ok);
    // It runs no more.
    let gone = b.admin(&address(&job), "").await;
    assert_eq!(gone.status, 404);
    assert!(
        gone.text().contains("does not run on this hub"),
        "{}",
        gone.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_those_of_the_stored_log_and_older_bytes_are_in_the_bucket() {
    let mut b = Bench::with_admin().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    // More than is held in memory once it is stored.
    step(&mut job, "print", "seq 100000; echo printed; sleep 1000");
    b.offer(&job).await;
    b.log_holds(&job, "\nprinted\n").await;
    let stored = b.log(&job).await.len();
    let old = b.admin(&format!("{}?offset=0", address(&job)), "").await;
    assert_eq!(old.status, 416);
    let start: usize = old.header("x-log-offset").parse().unwrap();
    assert!(
        old.text()
            .contains(&format!("go on here with offset={start}"))
    );
    assert!(start > 0 && start < stored, "{start} {stored}");
    let ahead = b
        .admin(&format!("{}?offset={}", address(&job), stored + 1), "")
        .await;
    assert_eq!(ahead.status, 416);
    assert_eq!(b.admin("/attempts/x/1/steps/1/log", "").await.status, 400);
    b.cancel(&job.attempt).await;
    b.report(&job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_does_not_read_holds_up_nobody() {
    let mut b = Bench::with_admin().await;
    let _machine = b.machine("m").await;
    let go = b.folder.path().join("go");
    let mut job = b.job(1, "m");
    job.log_limit_bytes = 64 << 20;
    let script = format!(
        "until test -e {}; do sleep 0.05; done; head -c 30000000 /dev/zero | tr '\\0' x",
        go.display()
    );
    step(&mut job, "flood", &script);
    b.offer(&job).await;
    b.step_started(&job, "flood").await;
    b.log_holds(&job, "[farm] step flood").await;
    let mut stream = b.operator().await;
    let request = format!("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", address(&job));
    stream.write_all(request.as_bytes()).await.unwrap();
    let (head, mut stream) = read_answer(stream, PATIENCE).await.unwrap();
    assert_eq!(head.status, 200);
    std::fs::write(go, "").unwrap();
    let report = b.report(&job).await;
    assert_eq!(report.outcome, Outcome::Ok);
    assert!(report.log.bytes > 30_000_000);
    // What the reader finds when it reads on is the last line.
    let mut text = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut text))
        .await
        .unwrap()
        .unwrap();
    let text = String::from_utf8_lossy(&text);
    assert!(text.len() < 30_000_000);
    assert!(
        text.contains("you read too slowly and were cut off at byte"),
        "{}",
        &text[text.len().saturating_sub(300)..]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_may_follow_and_no_more() {
    let mut b = Bench::with_admin().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    step(&mut job, "wait", "echo waiting; sleep 1000");
    b.offer(&job).await;
    b.log_holds(&job, "\nwaiting\n").await;
    let request = format!("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", address(&job));
    let mut readers = Vec::new();
    for _ in 0..100 {
        let mut stream = b.operator().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let (head, stream) = read_answer(stream, PATIENCE).await.unwrap();
        assert_eq!(head.status, 200);
        readers.push(stream);
    }
    assert_eq!(b.admin(&address(&job), "").await.status, 503);
    // Other pages have room.
    assert_eq!(b.admin("/healthz", "").await.text(), "ok\n");
    assert!(
        b.admin("/metrics", "")
            .await
            .text()
            .contains("farm_hub_log_readers 100\n")
    );
    drop(readers);
    b.cancel(&job.attempt).await;
    b.report(&job).await;
}
