//! Many at once, of whom one may: what claims, creators and counters rest on.

use std::collections::BTreeSet;
use std::sync::Arc;

use farm_bucket::{Bucket, LogChunk, PutView};
use farm_model::id::AttemptKey;
use futures::StreamExt;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{each, each_versioned};

/// What `work` came to, done by so many at once.
async fn at_once<T: Send + 'static, F>(count: usize, work: impl Fn(usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(count));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (start, work) = (Arc::clone(&start), work(number));
        tasks.spawn(async move {
            start.wait().await;
            work.await
        });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_who_create_a_view_one_has() {
    each(async |bucket| {
        let create = |number: usize| {
            let bucket = bucket.clone();
            async move {
                let text = number.to_string().into();
                let put = bucket.create_view("farm.json", text).await.unwrap();
                (number, put)
            }
        };
        let all = at_once(16, create).await;
        let mut made = all
            .iter()
            .filter(|(_, put)| matches!(put, PutView::Written(_)));
        let (winner, _) = made.next().expect("one made it");
        assert_eq!(made.next(), None);
        let view = bucket.get_view("farm.json").await.unwrap().unwrap();
        assert_eq!(view.bytes, winner.to_string());
    })
    .await;
}

/// Reads, adds one, and writes over what it read, until it was the only one that did.
async fn count(bucket: Bucket, times: usize) {
    for _ in 0..times {
        loop {
            let view = bucket.get_view("n.json").await.unwrap().unwrap();
            let number: u64 = String::from_utf8_lossy(&view.bytes).parse().unwrap();
            let next = (number + 1).to_string().into();
            let put = bucket
                .put_view("n.json", next, view.version.as_deref())
                .await;
            if matches!(put.unwrap(), PutView::Written(_)) {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_counter_misses_none_of_forty() {
    each_versioned(async |bucket| {
        bucket.put_view("n.json", "0".into(), None).await.unwrap();
        at_once(8, |_| count(bucket.clone(), 5)).await;
        let view = bucket.get_view("n.json").await.unwrap().unwrap();
        assert_eq!(view.bytes, "40");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_blob_from_eight_is_one() {
    each(async |bucket| {
        let put = |_| {
            let bucket = bucket.clone();
            async move { bucket.put_blob("hello".into()).await.unwrap() }
        };
        let ids: BTreeSet<_> = at_once(8, put).await.into_iter().collect();
        assert_eq!(ids.len(), 1);
        let id = ids.first().unwrap();
        assert_eq!(bucket.get_blob(id, 5).await.unwrap().unwrap(), "hello");
    })
    .await;
}

/// Stores answer a list a thousand at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_list_goes_on_over_a_thousand() {
    each(async |bucket| {
        let attempt: AttemptKey = format!("{}/1/steps/1", "b".repeat(32)).parse().unwrap();
        let put = |number: u64| {
            let (bucket, attempt) = (bucket.clone(), attempt.clone());
            async move {
                bucket
                    .put_log_chunk(&attempt, number * 2, "ab".into())
                    .await
                    .unwrap()
            }
        };
        let puts = futures::stream::iter((0..1100).map(put));
        puts.buffer_unordered(32).collect::<Vec<_>>().await;
        let list = bucket.list_log(&attempt).await.unwrap();
        let chunk = |number: u64| LogChunk {
            offset: number * 2,
            len: 2,
        };
        assert_eq!(list, (0..1100).map(chunk).collect::<Vec<_>>());
    })
    .await;
}
