use bytes::Bytes;
use farm_bucket::{Bucket, LogChunk, LogPiece, Stored};
use farm_model::id::AttemptKey;
use proptest::prelude::*;

use super::each;

fn attempt(number: u32) -> AttemptKey {
    format!("{}/1/steps/{number}", "a".repeat(32))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_log_is_found_by_its_hash_and_the_first_that_has_it_stays() {
    each(async |bucket| {
        let hash = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3".parse().unwrap();
        assert_eq!(bucket.log_by_hash(&hash).await.unwrap(), None);
        let put = async |number| bucket.put_log_hash(&hash, &attempt(number)).await.unwrap();
        assert_eq!(put(1).await, Stored::New);
        assert_eq!(put(2).await, Stored::AlreadyThere);
        let found = bucket.log_by_hash(&hash).await.unwrap();
        assert_eq!(found, Some(attempt(1)));
    })
    .await;
}

#[tokio::test]
async fn a_chunk_again_changes_nothing() {
    each(async |bucket| {
        let put = async |offset, text: &'static str| {
            bucket
                .put_log_chunk(&attempt(1), offset, text.into())
                .await
                .unwrap()
        };
        assert_eq!(put(0, "hello ").await, Stored::New);
        assert_eq!(put(6, "world").await, Stored::New);
        assert_eq!(put(0, "hello ").await, Stored::AlreadyThere);
        assert_eq!(
            put(11, "").await,
            Stored::AlreadyThere,
            "no bytes, no chunk"
        );
        let list = bucket.list_log(&attempt(1)).await.unwrap();
        let chunk = |offset, len| LogChunk { offset, len };
        assert_eq!(list, [chunk(0, 6), chunk(6, 5)]);
        let piece = bucket.read_log(&attempt(1), 0, 100).await.unwrap();
        assert_eq!(piece.bytes, "hello world");
    })
    .await;
}

#[tokio::test]
async fn attempts_have_logs_of_their_own() {
    each(async |bucket| {
        bucket
            .put_log_chunk(&attempt(1), 0, "one".into())
            .await
            .unwrap();
        bucket
            .put_log_chunk(&attempt(12), 0, "twelve".into())
            .await
            .unwrap();
        let piece = bucket.read_log(&attempt(1), 0, 100).await.unwrap();
        assert_eq!(piece.bytes, "one");
        let nothing = LogPiece {
            offset: 7,
            bytes: Bytes::new(),
            next: 7,
        };
        assert_eq!(bucket.read_log(&attempt(2), 7, 100).await.unwrap(), nothing);
    })
    .await;
}

#[tokio::test]
async fn a_gap_is_stepped_over_and_told() {
    each(async |bucket| {
        bucket
            .put_log_chunk(&attempt(1), 0, "abc".into())
            .await
            .unwrap();
        bucket
            .put_log_chunk(&attempt(1), 10, "xyz".into())
            .await
            .unwrap();
        let read = async |from| bucket.read_log(&attempt(1), from, 100).await.unwrap();
        let piece = |offset, text: &'static str, next| LogPiece {
            offset,
            bytes: text.into(),
            next,
        };
        assert_eq!(read(1).await, piece(1, "bc", 3));
        assert_eq!(read(3).await, piece(10, "xyz", 13));
        assert_eq!(read(13).await, piece(13, "", 13));
    })
    .await;
}

/// A log, where to cut it, which cuts a hub writes again from in other portions, and the reader's appetite.
fn logs() -> impl Strategy<Value = (Vec<u8>, Vec<usize>, usize)> {
    (
        proptest::collection::vec(any::<u8>(), 1..400),
        proptest::collection::vec(0..400usize, 0..12),
        1..120usize,
    )
}

async fn write(bucket: &Bucket, log: &[u8], cuts: &[usize]) {
    let mut starts: Vec<usize> = cuts.iter().map(|cut| cut % log.len()).chain([0]).collect();
    starts.sort_unstable();
    starts.dedup();
    for (index, start) in starts.iter().enumerate() {
        // Now and then a chunk runs on into the next ones.
        let end = starts
            .get(index + 1 + index % 2)
            .copied()
            .unwrap_or(log.len());
        let bytes = Bytes::copy_from_slice(&log[*start..end]);
        bucket
            .put_log_chunk(&attempt(1), *start as u64, bytes)
            .await
            .unwrap();
    }
}

async fn read_all(bucket: &Bucket, from: u64, max: usize) -> Vec<u8> {
    let (mut at, mut all) = (from, Vec::new());
    loop {
        let piece = bucket.read_log(&attempt(1), at, max).await.unwrap();
        assert_eq!(piece.offset, at, "a log without gaps has none");
        assert!(piece.bytes.len() <= max);
        assert_eq!(piece.next, at + piece.bytes.len() as u64);
        if piece.bytes.is_empty() {
            return all;
        }
        all.extend_from_slice(&piece.bytes);
        at = piece.next;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_log_is_one_text_however_it_was_cut((log, cuts, max) in logs(), from in 0..400usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(each(async |bucket| {
            write(&bucket, &log, &cuts).await;
            let from = from % log.len();
            assert_eq!(read_all(&bucket, from as u64, max).await, &log[from..]);
        }));
    }
}
