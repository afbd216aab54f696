//! Blobs that machines fetch by token.

use std::time::Duration;

use farm_model::id::BlobId;
use farm_runtime::Clock;
use farm_wire::head::read_answer;
use farm_wire::keys::MasterKey;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::harness::{Bench, MASTER, PATIENCE};

impl Bench {
    /// The target of a blob for machine `m`, good for `seconds`.
    fn target(&self, blob: &BlobId, seconds: i64) -> String {
        let master = MasterKey::new(MASTER).unwrap();
        let expires = Clock::system().now().as_second() + seconds;
        let url = hub::blob_url(&master, &self.address, blob, "m", expires);
        let base = format!("https://{}", self.address);
        url.strip_prefix(&base).unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_token_gets_the_blob_or_a_part_of_it() {
    let b = Bench::start().await;
    let content: Vec<u8> = (0..3_000_000u64).map(|i| (i * i / 7) as u8).collect();
    let blob = b.bucket.put_blob(content.clone().into()).await.unwrap();
    let target = b.target(&blob, 60);
    let whole = b.public("GET", &target, "").await;
    assert_eq!((whole.status, whole.body.len()), (200, content.len()));
    assert!(whole.body == content);
    assert_eq!(whole.header("cache-control"), "private");
    assert_eq!(whole.header("content-length"), "3000000");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let head = b.public("HEAD", &target, "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), "3000000");
    for (range, from, to) in [
        ("bytes=10-19", 10, 20),
        ("bytes=2999990-", 2_999_990, 3_000_000),
        ("bytes=-5", 2_999_995, 3_000_000),
    ] {
        let part = b
            .public("GET", &target, &format!("Range: {range}\r\n"))
            .await;
        assert_eq!(part.status, 206, "{range}");
        assert!(part.body == content[from..to], "{range}");
        let says = format!("bytes {from}-{}/3000000", to - 1);
        assert_eq!(part.header("content-range"), says);
    }
    let behind = b.public("GET", &target, "Range: bytes=3000000-\r\n").await;
    assert_eq!(
        (behind.status, behind.header("content-range")),
        (416, "bytes */3000000")
    );
    // A part of something else is of no use: the whole.
    let other = "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n";
    assert_eq!(b.public("GET", &target, other).await.status, 200);
    let same = format!("Range: bytes=0-1\r\nIf-Range: \"{blob}\"\r\n");
    assert_eq!(b.public("GET", &target, &same).await.status, 206);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_token_there_is_nothing() {
    let b = Bench::with_admin().await;
    let blob = b.bucket.put_blob("secret".into()).await.unwrap();
    let other = b.bucket.put_blob("other".into()).await.unwrap();
    let good = b.target(&blob, 60);
    let (path, token) = good.split_once("?token=").unwrap();
    let expired = b.target(&blob, -1);
    let elsewhere = format!("/blobs/{other}?token={token}");
    let forged = format!("{good}0");
    for target in [
        path,
        &expired,
        &elsewhere,
        &forged,
        &format!("{path}?token="),
    ] {
        let refused = b.public("GET", target, "").await;
        assert_eq!(refused.status, 403, "{target}");
        assert!(!refused.text().contains("secret"));
    }
    let absent: BlobId = "0".repeat(64).parse().unwrap();
    assert_eq!(
        b.public("GET", &b.target(&absent, 60), "").await.status,
        404
    );
    for wrong in ["x", "../../etc/passwd", "%2e%2e%2fviews", &"A".repeat(64)] {
        let target = format!("/blobs/{wrong}?token={token}");
        let status = b.public("GET", &target, "").await.status;
        assert!(status == 400 || status == 404, "{wrong}: {status}");
    }
    assert_eq!(b.public("POST", &good, "").await.status, 405);
    let empty = b.bucket.put_blob("".into()).await.unwrap();
    let answer = b.public("GET", &b.target(&empty, 60), "").await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let metrics = b.admin("/metrics", "").await.text();
    for line in [
        "farm_hub_blob_requests_total{result=\"forbidden\"} 5",
        "farm_hub_blob_requests_total{result=\"not_found\"} 1",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert!(!metrics.contains(token) && !metrics.contains(blob.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_blobs_are_sent_at_once() {
    let b = Bench::start().await;
    // More than the network holds: whoever does not read keeps the hub waiting.
    let blob = b.bucket.put_blob(vec![7; 32 << 20].into()).await.unwrap();
    let target = b.target(&blob, 60);
    let request = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut readers = Vec::new();
    for _ in 0..64 {
        let mut stream = b.tls().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let (head, stream) = read_answer(stream, PATIENCE).await.unwrap();
        assert_eq!(head.status, 200);
        readers.push(stream);
    }
    assert_eq!(b.public("HEAD", &target, "").await.status, 503);
    assert_eq!(b.public("GET", "/healthz", "").await.status, 200);
    drop(readers);
    let free = async {
        while b.public("HEAD", &target, "").await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, free).await.unwrap();
}
