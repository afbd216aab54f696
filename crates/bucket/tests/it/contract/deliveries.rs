use std::sync::Arc;

use bytes::Bytes;
use farm_bucket::{Bucket, BucketError, Delivery, Stored, folder_url};
use farm_model::id::DeliveryId;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::each;
use crate::{at, in_folder};

fn id(digit: char) -> DeliveryId {
    digit.to_string().repeat(64).parse().unwrap()
}

#[tokio::test]
async fn a_delivery_comes_back_to_the_byte() {
    each(async |bucket| {
        let when = at("2026-11-24T15:04:05.123456789Z");
        let body = Bytes::from_static(b"{\"a\":\n1}\n\xff\x00\r\n");
        let headers = "{\"x-github-event\": \"push\",\n\"via\":\"\\n\"}";
        let stored = bucket
            .put_delivery("github", when, &id('a'), Some(headers), body.clone())
            .await
            .unwrap();
        assert_eq!(stored, Stored::New);
        let expected = Delivery {
            received: when,
            headers: serde_json::from_str(headers).unwrap(),
            body,
        };
        // Any moment of the hour finds it.
        let found = bucket
            .get_delivery("github", at("2026-11-24T15:59:59Z"), &id('a'))
            .await
            .unwrap();
        assert_eq!(found, Some(expected));
        let later = at("2026-11-24T16:00:00Z");
        assert_eq!(
            bucket
                .get_delivery("github", later, &id('a'))
                .await
                .unwrap(),
            None
        );
    })
    .await;
}

#[tokio::test]
async fn the_first_delivery_of_an_id_stays() {
    each(async |bucket| {
        let when = at("2026-11-24T15:00:00Z");
        let put = async |body: &'static str| {
            bucket
                .put_delivery("gerrit", when, &id('b'), None, body.into())
                .await
                .unwrap()
        };
        assert_eq!(put("first").await, Stored::New);
        assert_eq!(put("second").await, Stored::AlreadyThere);
        let found = bucket
            .get_delivery("gerrit", when, &id('b'))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.body, "first");
        assert!(found.headers.is_null());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_writers_of_one_delivery_one_is_new() {
    each(async |bucket| {
        for round in '0'..='9' {
            let start = Arc::new(Barrier::new(16));
            let mut writers = JoinSet::new();
            for writer in 0..16 {
                let (bucket, start) = (bucket.clone(), start.clone());
                writers.spawn(async move {
                    start.wait().await;
                    let when = at(&format!("2026-11-24T0{round}:00:00Z"));
                    let body = format!("{writer}").into();
                    bucket
                        .put_delivery("github", when, &id(round), None, body)
                        .await
                        .unwrap()
                });
            }
            let stored = writers.join_all().await;
            let new = stored
                .iter()
                .filter(|stored| **stored == Stored::New)
                .count();
            assert_eq!(new, 1, "round {round}");
        }
    })
    .await;
}

#[tokio::test]
async fn deliveries_are_listed_by_the_hour_in_pages() {
    each(async |bucket| {
        let when = at("2026-11-24T15:30:00Z");
        for digit in ['c', '1', 'f', '9'] {
            bucket
                .put_delivery("github", when, &id(digit), None, "x".into())
                .await
                .unwrap();
        }
        let list = async |after: Option<char>, limit| {
            let after = after.map(id);
            bucket
                .list_deliveries("github", when, after.as_ref(), limit)
                .await
                .unwrap()
        };
        assert_eq!(list(None, 10).await, ['1', '9', 'c', 'f'].map(id));
        assert_eq!(list(None, 2).await, ['1', '9'].map(id));
        assert_eq!(list(Some('9'), 2).await, ['c', 'f'].map(id));
        assert!(list(Some('f'), 2).await.is_empty());
        let other = bucket
            .list_deliveries("gerrit", when, None, 10)
            .await
            .unwrap();
        assert!(other.is_empty());
    })
    .await;
}

#[tokio::test]
async fn bad_sources_and_headers_are_refused() {
    each(async |bucket| {
        let when = at("2026-11-24T15:00:00Z");
        for source in ["", "..", "a/b", "a b", "%2e%2e"] {
            let put = bucket
                .put_delivery(source, when, &id('a'), None, "x".into())
                .await;
            assert!(matches!(put, Err(BucketError::Key { .. })), "{source:?}");
        }
        let put = bucket
            .put_delivery("github", when, &id('a'), Some("{"), "x".into())
            .await;
        assert!(matches!(put, Err(BucketError::Damaged { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_second_process_sees_what_the_first_wrote() {
    let (first, folder) = in_folder();
    let when = at("2026-11-24T15:00:00Z");
    first
        .put_delivery("github", when, &id('a'), None, "x".into())
        .await
        .unwrap();
    let second = Bucket::open(&folder_url(&folder.path().join("bucket")).unwrap()).unwrap();
    let again = second
        .put_delivery("github", when, &id('a'), None, "x".into())
        .await;
    assert_eq!(again.unwrap(), Stored::AlreadyThere);
}
