use std::sync::Arc;

use farm_bucket::{Bucket, Claim, Claimed};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::each;
use crate::at;

async fn claim(bucket: &Bucket, now: &str) -> Claim {
    let now = at(now);
    let until = now + std::time::Duration::from_secs(60);
    bucket.claim("k", now, until).await.unwrap()
}

async fn ours(bucket: &Bucket, now: &str) -> Claimed {
    match claim(bucket, now).await {
        Claim::Ours(claimed) => claimed,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_confirmed_is_told_for_good() {
    each(async |bucket| {
        let claimed = ours(&bucket, "2026-11-26T10:00:00Z").await;
        let until = at("2026-11-26T10:01:00Z");
        let other = claim(&bucket, "2026-11-26T10:00:59Z").await;
        assert_eq!(other, Claim::Theirs { until });
        bucket.confirm(&claimed, until).await.unwrap();
        assert_eq!(claim(&bucket, "2026-11-26T10:00:59Z").await, Claim::Told);
        assert_eq!(claim(&bucket, "2036-11-26T10:00:00Z").await, Claim::Told);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_confirmed_is_taken_again_after_its_time() {
    each(async |bucket| {
        let first = ours(&bucket, "2026-11-26T10:00:00Z").await;
        let second = ours(&bucket, "2026-11-26T10:01:00Z").await;
        assert_ne!(first, second);
        let until = at("2026-11-26T10:02:00Z");
        let other = claim(&bucket, "2026-11-26T10:01:01Z").await;
        assert_eq!(other, Claim::Theirs { until });
        // Whoever took too long was not dead after all.
        bucket.confirm(&first, until).await.unwrap();
        assert_eq!(claim(&bucket, "2026-11-26T10:03:00Z").await, Claim::Told);
    })
    .await;
}

#[tokio::test]
async fn what_is_released_is_free_at_once() {
    each(async |bucket| {
        ours(&bucket, "2026-11-26T10:00:00Z").await;
        for _ in 0..3 {
            let claimed = ours(&bucket, "2026-11-26T10:01:00Z").await;
            let soon = at("2026-11-26T10:01:30Z");
            bucket.release(claimed, soon).await.unwrap();
        }
        ours(&bucket, "2026-11-26T10:01:00Z").await;
    })
    .await;
}

/// Or it would be two, by whoever comes next.
#[tokio::test]
async fn a_claim_that_has_expired_is_not_released() {
    each(async |bucket| {
        let slow = ours(&bucket, "2026-11-26T10:00:00Z").await;
        ours(&bucket, "2026-11-26T10:01:00Z").await;
        let late = at("2026-11-26T10:01:10Z");
        bucket.release(slow, late).await.unwrap();
        let until = at("2026-11-26T10:02:00Z");
        let other = claim(&bucket, "2026-11-26T10:01:20Z").await;
        assert_eq!(other, Claim::Theirs { until });
    })
    .await;
}

#[tokio::test]
async fn of_many_at_once_one_has_it() {
    each(async |bucket| {
        for now in ["2026-11-26T10:00:00Z", "2026-11-26T10:01:00Z"] {
            let barrier = Arc::new(Barrier::new(8));
            let mut tasks = JoinSet::new();
            for _ in 0..8 {
                let (bucket, barrier) = (bucket.clone(), Arc::clone(&barrier));
                tasks.spawn(async move {
                    barrier.wait().await;
                    claim(&bucket, now).await
                });
            }
            let all = tasks.join_all().await;
            let ours = all.iter().filter(|of| matches!(of, Claim::Ours(_)));
            assert_eq!(ours.count(), 1, "{all:?}");
            assert!(!all.contains(&Claim::Told));
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_is_one_part() {
    each(async |bucket| {
        let now = at("2026-11-26T10:00:00Z");
        for bad in ["", "a/b", "..", "a b"] {
            assert!(bucket.claim(bad, now, now).await.is_err(), "{bad}");
        }
    })
    .await;
}
