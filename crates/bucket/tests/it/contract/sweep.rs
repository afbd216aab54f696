//! Objects with their ages, and their removal.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use farm_bucket::{Bucket, Found};
use farm_model::Timestamp;
use farm_model::id::{AttemptKey, DeliveryId};
use futures::{StreamExt, TryStreamExt};

use super::each;
use crate::{at, in_folder};

/// For a store to answer.
const PATIENCE: Duration = Duration::from_secs(30);

async fn walked(bucket: &Bucket, prefix: &str) -> Vec<Found> {
    let walk = bucket.walk(prefix).unwrap();
    walk.try_collect().await.unwrap()
}

fn names(found: &[Found]) -> BTreeSet<&str> {
    found.iter().map(Found::name).collect()
}

async fn one(bucket: &Bucket, prefix: &str) -> Found {
    let mut found = walked(bucket, prefix).await;
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// Once the store's clock, which may go by the second, is past the second of `moment`.
async fn is_past(bucket: &Bucket, moment: Timestamp) {
    let start = Instant::now();
    loop {
        bucket.put_view("clock", "x".into(), None).await.unwrap();
        if one(bucket, "views").await.ends().as_second() > moment.as_second() {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "its clock stands still");
    }
}

#[tokio::test]
async fn what_lies_below_a_prefix_tells_its_size_and_its_end() {
    each(async |bucket| {
        assert!(walked(&bucket, "blobs").await.is_empty());
        let blob = bucket.put_blob("hello".into()).await.unwrap();
        let found = one(&bucket, "blobs").await;
        assert_eq!((found.name(), found.size()), (blob.as_str(), 5));
        assert_eq!(found.key(), format!("blobs/{blob}"));

        let hour = at("2026-11-24T15:30:00Z");
        let id: DeliveryId = "a".repeat(64).parse().unwrap();
        let put = bucket.put_delivery("github", hour, &id, None, "x".into());
        put.await.unwrap();
        let last = at("2026-11-24T15:59:59.999999999Z");
        assert_eq!(one(&bucket, "deliveries").await.ends(), last);

        bucket.put_history(hour, "{}\n".into()).await.unwrap();
        bucket
            .put_history_part(hour, 1, "{}\n".into())
            .await
            .unwrap();
        let checkpoint = at("2026-11-24T15:10:00.000001Z");
        bucket
            .put_checkpoint(checkpoint, "{}".into())
            .await
            .unwrap();
        let history = walked(&bucket, "history").await;
        let ends: BTreeSet<(&str, Timestamp)> =
            history.iter().map(|of| (of.name(), of.ends())).collect();
        let expected = [
            ("2026-11-24T15.jsonl", last),
            ("2026-11-24T15/0000000001.jsonl", last),
            ("checkpoints/2026-11-24T15-0600000001.json", checkpoint),
        ];
        assert_eq!(ends, BTreeSet::from(expected));
        let before = async |at| bucket.checkpoint_before(at).await.unwrap();
        assert_eq!(before(checkpoint).await, Some(checkpoint));
        assert_eq!(before(at("2026-11-24T15:10:00Z")).await, None);
    })
    .await;
}

/// Stores answer a list a thousand at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_walk_goes_on_over_a_thousand() {
    each(async |bucket| {
        let puts = (0..1100u32).map(|number| {
            let bucket = bucket.clone();
            async move { bucket.put_blob(number.to_string().into()).await.unwrap() }
        });
        let puts = futures::stream::iter(puts).buffer_unordered(32);
        let put: BTreeSet<String> = puts.map(|blob| blob.to_string()).collect().await;
        let found = walked(&bucket, "blobs").await;
        let all: BTreeSet<String> = names(&found).into_iter().map(str::to_owned).collect();
        assert_eq!((found.len(), all), (1100, put));
    })
    .await;
}

#[tokio::test]
async fn what_is_as_it_was_found_is_removed_once() {
    each(async |bucket| {
        for text in ["one", "two"] {
            bucket.put_blob(text.into()).await.unwrap();
        }
        let found = walked(&bucket, "blobs").await;
        let removed = bucket.remove_unchanged(found.clone()).await.unwrap();
        assert_eq!(names(&removed), names(&found));
        assert!(walked(&bucket, "blobs").await.is_empty());
        let again = bucket.remove_unchanged(found).await.unwrap();
        assert_eq!(again, []);
    })
    .await;
}

#[tokio::test]
async fn a_blob_that_is_stored_again_is_young_and_not_removed() {
    each(async |bucket| {
        bucket.put_blob("hello".into()).await.unwrap();
        let old = one(&bucket, "blobs").await;
        is_past(&bucket, old.ends()).await;
        let blob = bucket.put_blob("hello".into()).await.unwrap();
        let young = one(&bucket, "blobs").await;
        assert!(young.ends() > old.ends());
        let removed = bucket.remove_unchanged(vec![old]).await.unwrap();
        assert_eq!(removed, []);
        let kept = bucket.get_blob(&blob, 9).await.unwrap();
        assert_eq!(kept.unwrap(), "hello");
        assert_eq!(bucket.remove_unchanged(vec![young]).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_blob_that_is_streamed_again_is_young() {
    each(async |bucket| {
        bucket.put_blob("hello".into()).await.unwrap();
        let old = one(&bucket, "blobs").await;
        is_past(&bucket, old.ends()).await;
        let pieces = futures::stream::iter([Ok("hello".into())]);
        bucket.put_blob_from(pieces, 9, None).await.unwrap();
        assert!(one(&bucket, "blobs").await.ends() > old.ends());
    })
    .await;
}

#[tokio::test]
async fn a_folder_loses_directories_that_become_empty() {
    let (bucket, folder) = in_folder();
    let attempt: AttemptKey = format!("{}/1/steps/1", "b".repeat(32)).parse().unwrap();
    let other: AttemptKey = format!("{}/2/steps/1", "b".repeat(32)).parse().unwrap();
    for attempt in [&attempt, &other] {
        bucket.put_log_chunk(attempt, 0, "x".into()).await.unwrap();
    }
    let found = walked(&bucket, "logs").await;
    let (gone, left): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|of| of.name().contains("/1/steps"));
    bucket.remove_unchanged(gone).await.unwrap();
    let build = folder.path().join("bucket/logs").join("b".repeat(32));
    assert!(!build.join("1").exists() && build.join("2").is_dir());
    bucket.remove_unchanged(left).await.unwrap();
    assert!(!build.exists() && folder.path().join("bucket/logs").is_dir());
    // It is made again for whoever writes there.
    bucket.put_log_chunk(&attempt, 0, "x".into()).await.unwrap();
}
