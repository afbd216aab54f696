use std::time::Duration;

use farm_bucket::Bucket;
use farm_model::id::{AttemptKey, LogHash};
use sha1::{Digest, Sha1};
use tokio::task::JoinSet;
use tokio::time::{advance, sleep};

use super::*;

fn attempt() -> AttemptKey {
    format!("{}/1/steps/1", "a".repeat(32)).parse().unwrap()
}

struct Bench {
    bucket: Bucket,
    log: Log,
    running: JoinSet<Kept>,
}

fn bench(bucket: Bucket, limit: u64) -> Bench {
    let (log, flusher) = open(bucket.clone(), attempt(), limit, Arc::default());
    let mut running = JoinSet::new();
    running.spawn(flusher.run());
    Bench {
        bucket,
        log,
        running,
    }
}

impl Bench {
    /// Offsets and lengths of what is stored, after everything that is due has been done.
    async fn chunks(&self) -> Vec<(u64, u64)> {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let chunks = self.bucket.list_log(&attempt()).await.unwrap();
        chunks
            .iter()
            .map(|chunk| (chunk.offset, chunk.len))
            .collect()
    }

    async fn end(mut self) -> (Kept, String) {
        self.log.close().await;
        let kept = self.running.join_next().await.unwrap().unwrap();
        let piece = self.bucket.read_log(&attempt(), 0, 8 << 20).await.unwrap();
        (kept, String::from_utf8_lossy(&piece.bytes).into_owned())
    }
}

fn memory() -> Bucket {
    Bucket::open("memory:").unwrap()
}

#[tokio::test(start_paused = true)]
async fn first_bytes_go_out_at_once_then_after_a_growing_pause() {
    let mut b = bench(memory(), 1000);
    b.log.output(b"a").await;
    assert_eq!(b.chunks().await, [(0, 1)]);
    b.log.output(b"b").await;
    assert_eq!(b.chunks().await.len(), 2);
    b.log.output(b"c").await;
    assert_eq!(b.chunks().await.len(), 2);
    advance(Duration::from_millis(999)).await;
    assert_eq!(b.chunks().await.len(), 2);
    advance(Duration::from_millis(2)).await;
    assert_eq!(b.chunks().await, [(0, 1), (1, 1), (2, 1)]);
    b.log.output(b"d").await;
    advance(Duration::from_millis(1500)).await;
    assert_eq!(b.chunks().await.len(), 3);
    advance(Duration::from_millis(501)).await;
    assert_eq!(b.chunks().await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_line_after_silence_goes_out_at_once() {
    let mut b = bench(memory(), 1000);
    for _ in 0..20 {
        b.log.output(b"x").await;
        sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(b.chunks().await.len(), 20);
    b.log.output(b"y").await;
    assert_eq!(b.chunks().await.len(), 21);
}

#[tokio::test(start_paused = true)]
async fn a_full_chunk_does_not_wait() {
    let mut b = bench(memory(), 10 << 20);
    for _ in 0..4 {
        b.log.output(b"x").await;
        b.chunks().await;
    }
    let before = b.chunks().await.len();
    b.log.output(&vec![b'y'; CHUNK]).await;
    let after = b.chunks().await;
    assert_eq!(after.len(), before + 1);
    assert_eq!(after.last().unwrap().1, CHUNK as u64);
}

#[tokio::test(start_paused = true)]
async fn what_is_over_the_limit_is_counted_and_said() {
    let mut b = bench(memory(), 5);
    b.log.output(b"1234567").await;
    b.log.output(b"89").await;
    assert_eq!(b.log.over(), 4);
    let (kept, text) = b.end().await;
    assert!(text.starts_with("12345\n[farm] 4 more bytes"), "{text}");
    assert_eq!(kept.bytes, text.len() as u64);
    assert_eq!(kept.lost, 0);
}

#[tokio::test(start_paused = true)]
async fn a_line_of_ours_begins_a_line() {
    let mut b = bench(memory(), 100);
    b.log.line("one").await;
    b.log.output(b"no end").await;
    b.log.line("two").await;
    assert_eq!(b.end().await.1, "one\nno end\ntwo\n");
}

#[tokio::test]
async fn small_and_large_logs_are_stored_whole() {
    for size in [10, 3 << 20] {
        let mut b = bench(memory(), 10 << 20);
        let bytes = vec![b'z'; size];
        let wanted: LogHash = hex(&Sha1::digest(&bytes)).parse().unwrap();
        for piece in bytes.chunks(100_000) {
            b.log.output(piece).await;
        }
        let bucket = b.bucket.clone();
        let (kept, _) = b.end().await;
        assert_eq!((kept.trouble, kept.hash.as_ref()), (None, Some(&wanted)));
        assert_eq!(bucket.log_by_hash(&wanted).await.unwrap(), Some(attempt()));
        let whole = bucket
            .get_blob(&kept.whole.unwrap(), 10 << 20)
            .await
            .unwrap();
        assert!(whole.unwrap() == bytes);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_log_is_found_by_the_hash_that_clients_of_2019_know() {
    let mut b = bench(memory(), 100);
    b.log.output(b"te").await;
    b.log.output(b"st").await;
    let bucket = b.bucket.clone();
    let (kept, text) = b.end().await;
    assert_eq!(text, "test");
    let hash = kept.hash.unwrap();
    assert_eq!(hash.as_str(), "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3");
    assert_eq!(bucket.log_by_hash(&hash).await.unwrap(), Some(attempt()));
}

#[tokio::test]
async fn no_output_is_no_log() {
    let (kept, text) = bench(memory(), 10).end().await;
    assert_eq!((kept, text), (Kept::default(), String::new()));
}

/// A bucket that takes no log chunk.
fn broken() -> (Bucket, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("bucket");
    let bucket = Bucket::open(&farm_bucket::folder_url(&root).unwrap()).unwrap();
    std::fs::write(root.join("logs"), "in the way").unwrap();
    (bucket, folder)
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_takes_nothing_does_not_hold_up_the_build() {
    let (bucket, _folder) = broken();
    let (mut log, flusher) = open(bucket, attempt(), 100 << 20, Arc::default());
    let mut running = JoinSet::new();
    running.spawn(flusher.run());
    let began = Instant::now();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..50 {
        log.output(&piece).await;
    }
    log.close().await;
    let kept = running.join_next().await.unwrap().unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(120),
        "{:?}",
        began.elapsed()
    );
    assert_eq!((kept.bytes, kept.whole), (0, None));
    assert_eq!(kept.lost, 50 << 20);
    assert!(kept.trouble.is_some());
}
