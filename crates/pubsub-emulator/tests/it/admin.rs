//! Topics and subscriptions through the official admin clients.

use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::paginator::ItemPaginator as _;
use google_cloud_pubsub::model::{
    BigQueryConfig, DeadLetterPolicy, RetryPolicy, Subscription, Topic,
};
use google_cloud_wkt::{Duration, FieldMask};

use crate::harness::{SUB, Server, TOPIC};

#[tokio::test]
async fn topics_are_made_read_changed_listed_and_deleted() {
    let server = Server::memory().await;
    let admin = server.topics().await;
    let made = admin.create_topic().set_name(TOPIC).send().await.unwrap();
    assert_eq!(made.name, TOPIC);
    let again = admin
        .create_topic()
        .set_name(TOPIC)
        .send()
        .await
        .unwrap_err();
    assert_eq!(again.status().unwrap().code, Code::AlreadyExists);
    let update = Topic::new().set_name(TOPIC).set_labels([("team", "farm")]);
    let mask = FieldMask::default().set_paths(["labels"]);
    admin
        .update_topic()
        .set_topic(update)
        .set_update_mask(mask)
        .send()
        .await
        .unwrap();
    let read = admin.get_topic().set_topic(TOPIC).send().await.unwrap();
    assert_eq!(read.labels["team"], "farm");
    for n in 0..5 {
        let name = format!("projects/test/topics/more-{n}");
        admin.create_topic().set_name(name).send().await.unwrap();
    }
    let mut listed = admin
        .list_topics()
        .set_project("projects/test")
        .set_page_size(2)
        .by_item();
    let mut names = Vec::new();
    while let Some(topic) = listed.next().await {
        names.push(topic.unwrap().name);
    }
    assert_eq!(names.len(), 6, "{names:?}");
    admin.delete_topic().set_topic(TOPIC).send().await.unwrap();
    let gone = admin.get_topic().set_topic(TOPIC).send().await.unwrap_err();
    assert_eq!(gone.status().unwrap().code, Code::NotFound);
    server.stop().await;
}

#[tokio::test]
async fn subscriptions_keep_their_settings_and_get_defaults() {
    let server = Server::memory().await;
    let dead = "projects/test/topics/dead";
    server
        .set_up(
            Subscription::new()
                .set_filter("attributes.kind = \"x\"")
                .set_enable_message_ordering(true)
                .set_dead_letter_policy(DeadLetterPolicy::new().set_dead_letter_topic(dead))
                .set_retry_policy(
                    RetryPolicy::new().set_minimum_backoff(Duration::clamp(1, 500_000_000)),
                ),
        )
        .await;
    let admin = server.subscriptions().await;
    let read = admin
        .get_subscription()
        .set_subscription(SUB)
        .send()
        .await
        .unwrap();
    assert_eq!((read.name.as_str(), read.topic.as_str()), (SUB, TOPIC));
    assert_eq!(read.ack_deadline_seconds, 10);
    assert_eq!(read.filter, "attributes.kind = \"x\"");
    assert!(read.enable_message_ordering);
    assert_eq!(read.dead_letter_policy.unwrap().max_delivery_attempts, 5);
    let retry = read.retry_policy.unwrap();
    assert_eq!(retry.minimum_backoff, Some(Duration::clamp(1, 500_000_000)));
    assert_eq!(retry.maximum_backoff, Some(Duration::clamp(600, 0)));
    assert_eq!(
        read.message_retention_duration,
        Some(Duration::clamp(7 * 24 * 3600, 0))
    );

    let update = Subscription::new()
        .set_name(SUB)
        .set_ack_deadline_seconds(60);
    let mask = FieldMask::default().set_paths(["ack_deadline_seconds"]);
    let updated = admin
        .update_subscription()
        .set_subscription(update)
        .set_update_mask(mask)
        .send()
        .await
        .unwrap();
    assert_eq!(updated.ack_deadline_seconds, 60);

    let topics = server.topics().await;
    let of_topic = topics
        .list_topic_subscriptions()
        .set_topic(TOPIC)
        .send()
        .await
        .unwrap();
    assert_eq!(of_topic.subscriptions, [SUB]);
    topics.delete_topic().set_topic(TOPIC).send().await.unwrap();
    let orphan = admin
        .get_subscription()
        .set_subscription(SUB)
        .send()
        .await
        .unwrap();
    assert_eq!(orphan.topic, "_deleted-topic_");
    admin
        .delete_subscription()
        .set_subscription(SUB)
        .send()
        .await
        .unwrap();
    let gone = admin
        .get_subscription()
        .set_subscription(SUB)
        .send()
        .await
        .unwrap_err();
    assert_eq!(gone.status().unwrap().code, Code::NotFound);
    server.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_an_invalid_argument() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    let admin = server.subscriptions().await;
    let name = "projects/test/subscriptions/other";
    let base = || Subscription::new().set_name(name).set_topic(TOPIC);
    for bad in [
        base().set_filter("attributes.kind = x"),
        base().set_filter("attributes:a AND attributes:b OR attributes:c"),
        base().set_ack_deadline_seconds(5),
        base().set_name("projects/test/subscriptions/x"),
        base().set_message_retention_duration(Duration::clamp(60, 0)),
        base().set_dead_letter_policy(
            DeadLetterPolicy::new()
                .set_dead_letter_topic(TOPIC)
                .set_max_delivery_attempts(3),
        ),
    ] {
        let error = admin
            .create_subscription()
            .with_request(bad.clone())
            .send()
            .await
            .unwrap_err();
        assert_eq!(
            error.status().unwrap().code,
            Code::InvalidArgument,
            "{bad:?}"
        );
    }
    let orphan = base().set_topic("projects/test/topics/none");
    let error = admin
        .create_subscription()
        .with_request(orphan)
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.status().unwrap().code, Code::NotFound);
    let exported = base().set_bigquery_config(BigQueryConfig::new().set_table("p.d.t"));
    let error = admin
        .create_subscription()
        .with_request(exported)
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.status().unwrap().code, Code::Unimplemented);
    server.stop().await;
}
