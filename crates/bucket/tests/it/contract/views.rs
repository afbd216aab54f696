use farm_bucket::{BucketError, PutView, ReadView};

use super::{each, each_versioned};
use crate::{at, in_folder};

#[tokio::test]
async fn a_view_is_replaced() {
    each(async |bucket| {
        assert_eq!(bucket.get_view("grid/a/-/m.json").await.unwrap(), None);
        for text in ["one", "two, which is longer", "3"] {
            let put = bucket
                .put_view("grid/a/-/m.json", text.into(), None)
                .await
                .unwrap();
            assert!(matches!(put, PutView::Written(_)));
            let view = bucket.get_view("grid/a/-/m.json").await.unwrap().unwrap();
            assert_eq!(view.bytes, text);
        }
    })
    .await;
}

#[tokio::test]
async fn a_reader_hears_that_nothing_changed() {
    each(async |bucket| {
        let missing = bucket
            .get_view_unless("farm.json", Some(" \"x\""))
            .await
            .unwrap();
        assert_eq!(missing, ReadView::Missing);
        bucket
            .put_view("farm.json", "one".into(), None)
            .await
            .unwrap();
        let view = bucket.get_view("farm.json").await.unwrap().unwrap();
        let known = view.version.clone();
        assert!(known.is_some());
        let same = bucket
            .get_view_unless("farm.json", known.as_deref())
            .await
            .unwrap();
        assert_eq!(same, ReadView::Same);
        bucket
            .put_view("farm.json", "two".into(), None)
            .await
            .unwrap();
        match bucket
            .get_view_unless("farm.json", known.as_deref())
            .await
            .unwrap()
        {
            ReadView::New(view) => assert_eq!(view.bytes, "two"),
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_version_written_over_is_not_written_over_again() {
    each_versioned(async |bucket| {
        let put = async |text: &'static str, expected: Option<&str>| {
            bucket
                .put_view("farm.json", text.into(), expected)
                .await
                .unwrap()
        };
        let PutView::Written(Some(one)) = put("one", None).await else {
            panic!("no version");
        };
        let PutView::Written(Some(two)) = put("two", Some(&one)).await else {
            panic!("no version");
        };
        assert_eq!(put("late", Some(&one)).await, PutView::Changed);
        let view = bucket.get_view("farm.json").await.unwrap().unwrap();
        assert_eq!(
            (view.bytes, view.version),
            ("two".into(), Some(two.clone()))
        );
        let gone = bucket
            .put_view("other.json", "x".into(), Some(&two))
            .await
            .unwrap();
        assert_eq!(gone, PutView::Changed, "nothing of that version is there");
    })
    .await;
}

#[tokio::test]
async fn a_folder_ignores_the_version_expected() {
    let (bucket, _folder) = in_folder();
    for expected in [None, Some("7 \"x\"")] {
        let put = bucket
            .put_view("farm.json", "x".into(), expected)
            .await
            .unwrap();
        assert_eq!(put, PutView::Written(None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_never_sees_half_a_view() {
    each(async |bucket| {
        let texts = ["a".repeat(100_000), "b".repeat(50_000)];
        bucket
            .put_view("v", texts[0].clone().into(), None)
            .await
            .unwrap();
        let mut readers = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (bucket, texts) = (bucket.clone(), texts.clone());
            readers.spawn(async move {
                for _ in 0..50 {
                    let view = bucket.get_view("v").await.unwrap().unwrap();
                    assert!(texts.iter().any(|text| *text == view.bytes));
                }
            });
        }
        for round in 0..20 {
            let text = texts[round % 2].clone().into();
            bucket.put_view("v", text, None).await.unwrap();
        }
        readers.join_all().await;
    })
    .await;
}

#[tokio::test]
async fn keys_that_leave_the_folder_are_refused() {
    each(async |bucket| {
        for key in [
            "",
            "../x",
            "a/../../x",
            "/x",
            "a//b",
            "a b",
            "a%2fb",
            "é",
            "a#1",
        ] {
            let put = bucket.put_view(key, "x".into(), None).await;
            assert!(matches!(put, Err(BucketError::Key { .. })), "{key:?}");
            assert!(bucket.get_view(key).await.is_err(), "{key:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn history_is_kept_by_the_hour() {
    each(async |bucket| {
        let (early, late) = (at("2026-11-24T09:00:00Z"), at("2026-11-24T15:00:00Z"));
        assert!(bucket.list_history().await.unwrap().is_empty());
        bucket
            .put_history(at("2026-11-24T15:12:00Z"), "{}\n".into())
            .await
            .unwrap();
        bucket.put_history(early, "[]\n".into()).await.unwrap();
        bucket.put_history(late, "{}\n{}\n".into()).await.unwrap();
        assert_eq!(bucket.list_history().await.unwrap(), [early, late]);
        let found = bucket
            .get_history(at("2026-11-24T15:59:00Z"))
            .await
            .unwrap();
        assert_eq!(found.unwrap(), "{}\n{}\n");
        assert_eq!(
            bucket
                .get_history(at("2026-11-24T16:00:00Z"))
                .await
                .unwrap(),
            None
        );
    })
    .await;
}
