//! Hours in parts and whole, and checkpoints.

use bytes::Bytes;
use farm_bucket::BucketError;
use farm_model::Timestamp;

use super::each;

fn at(text: &str) -> Timestamp {
    format!("2026-11-24T{text}Z").parse().unwrap()
}

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn an_hour_is_every_line_once_whichever_parts_there_are() {
    each(async |bucket| {
        let hour = at("15:59:59");
        let read = async || bucket.get_history(at("15:00:00")).await.unwrap();
        assert_eq!(read().await, None);
        bucket.put_history_part(hour, 0, text("a\n")).await.unwrap();
        // The same part again, grown; and the next one.
        bucket
            .put_history_part(hour, 0, text("a\nb\n"))
            .await
            .unwrap();
        bucket.put_history_part(hour, 2, text("c\n")).await.unwrap();
        assert_eq!(read().await.unwrap(), "a\nb\nc\n");
        assert_eq!(bucket.list_history().await.unwrap(), [at("15:00:00")]);
        // Written whole by one who knows two lines, while another had written three.
        bucket.put_history(hour, text("a\nb\n")).await.unwrap();
        assert_eq!(read().await.unwrap(), "a\nb\nc\n");
        bucket
            .put_history_part(hour, 1, text("b\nc\nd\n"))
            .await
            .unwrap();
        assert_eq!(read().await.unwrap(), "a\nb\nc\nd\n");
        bucket
            .put_history(hour, text("a\nb\nc\nd\n"))
            .await
            .unwrap();
        assert_eq!(read().await.unwrap(), "a\nb\nc\nd\n");
        bucket
            .put_history(at("14:00:00"), text("x\n"))
            .await
            .unwrap();
        let hours = bucket.list_history().await.unwrap();
        assert_eq!(hours, [at("14:00:00"), at("15:00:00")]);
    })
    .await;
}

#[tokio::test]
async fn hours_of_a_span_are_listed_and_read_within_limits() {
    each(async |bucket| {
        for hour in ["08:10:00", "09:00:00", "11:59:59", "12:00:00"] {
            bucket.put_history(at(hour), text("a\n")).await.unwrap();
        }
        let part = bucket.put_history_part(at("11:00:00"), 1, text("b\n"));
        part.await.unwrap();
        bucket
            .put_checkpoint(at("11:00:00"), text("c"))
            .await
            .unwrap();
        let list = async |limit| {
            bucket
                .list_history_between(at("09:30:00"), at("11:00:00"), limit)
                .await
        };
        assert_eq!(list(2).await.unwrap(), [at("09:00:00"), at("11:00:00")]);
        let error = list(1).await.unwrap_err();
        assert!(
            matches!(error, BucketError::TooMany { limit: 1, .. }),
            "{error}"
        );
        let read = async |limit| bucket.get_history_within(at("11:00:00"), limit).await;
        assert_eq!(read(4).await.unwrap().unwrap(), "a\nb\n");
        let error = read(3).await.unwrap_err();
        assert!(matches!(error, BucketError::TooLarge { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn the_newest_checkpoint_that_is_not_later_is_found() {
    each(async |bucket| {
        let read = async |when: &str| bucket.get_checkpoint(at(when)).await.unwrap();
        for (moment, name) in [
            ("09:59:59.5", "a"),
            ("10:00:00.000001", "b"),
            ("12:30:00", "c"),
        ] {
            bucket.put_checkpoint(at(moment), text(name)).await.unwrap();
        }
        assert_eq!(read("09:59:59").await, None);
        for (moment, name) in [
            ("09:59:59.5", "a"),
            ("10:00:00", "a"),
            ("10:00:00.000001", "b"),
            ("12:29:59.999", "b"),
            ("23:00:00", "c"),
        ] {
            assert_eq!(read(moment).await.unwrap(), name, "{moment}");
        }
        // They are no hours.
        assert!(bucket.list_history().await.unwrap().is_empty());
    })
    .await;
}
