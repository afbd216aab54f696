//! Retention, snapshots, seek, detach, expiry, exactly-once delivery.

use tonic::Code;

use super::*;
use crate::broker::settle::AckFailure;
use crate::proto::ExpirationPolicy;

fn retaining() -> Subscription {
    Subscription {
        retain_acked_messages: true,
        ..Subscription::default()
    }
}

#[tokio::test]
async fn acknowledged_messages_come_again_as_far_as_they_are_retained() {
    let folder = tempfile::tempdir().unwrap();
    let mut farm = Farm::durable(folder.path());
    farm.topic(None).await;
    let config = Subscription {
        message_retention_duration: Some(duration(3600)),
        ..retaining()
    };
    farm.subscribe("sub", config).await;
    farm.publish_some(2).await;
    farm.pass(1800).await;
    farm.publish_some(2).await;
    assert_eq!(farm.finish("sub").await, [1, 2, 3, 4]);
    farm.pass(1800).await;
    assert_eq!(farm.state("sub"), (vec![], vec![3, 4]), "an hour is over");
    farm.restart();
    assert_eq!(farm.state("sub"), (vec![], vec![3, 4]));
    farm.seek_back("sub", 3600).await;
    farm.restart();
    assert_eq!(numbers(&farm.pull("sub").await), [3, 4]);
}

#[tokio::test]
async fn a_topic_retains_for_subscriptions_that_came_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut farm = Farm::durable(folder.path());
    farm.topic(Some(2 * DAY)).await;
    farm.publish_some(1).await;
    farm.pass(DAY).await;
    let tagged = PubsubMessage {
        attributes: [("a".to_owned(), "b".to_owned())].into(),
        ordering_key: "k".to_owned(),
        ..message("tagged")
    };
    farm.publish(vec![tagged.clone(), message("x"), tagged])
        .await;
    let plain = Subscription {
        message_retention_duration: Some(duration(600)),
        ..Subscription::default()
    };
    farm.subscribe("plain", plain).await;
    let choosy = Subscription {
        filter: "attributes:a".to_owned(),
        enable_message_ordering: true,
        ..Subscription::default()
    };
    farm.subscribe("choosy", choosy).await;
    assert!(farm.pull("plain").await.is_empty());
    farm.restart();
    farm.seek_back("plain", 2 * DAY).await;
    farm.seek_back("choosy", 2 * DAY).await;
    assert_eq!(numbers(&farm.pull("plain").await), [1, 2, 3, 4]);
    let pulled = farm.broker.pull(&name("choosy"), 1, Duration::ZERO).await;
    assert_eq!(numbers(&pulled.unwrap()), [2], "filtered, and in order");
    farm.pass(DAY).await;
    farm.seek_back("plain", 3 * DAY).await;
    assert_eq!(farm.state("plain").0, [2, 3, 4], "the first is too old");
    let shown = farm.broker.subscription(&name("plain")).unwrap();
    assert_eq!(
        shown.topic_message_retention_duration,
        Some(duration(2 * DAY))
    );
}

#[tokio::test]
async fn what_nobody_keeps_any_more_leaves_the_log() {
    let farm = Farm::memory();
    farm.topic(Some(DAY)).await;
    farm.subscribe("sub", retaining()).await;
    farm.publish_some(3).await;
    farm.snapshot("snap", "sub").await.unwrap();
    farm.finish("sub").await;
    assert!(farm.broker.stats().backlog_bytes > 0);
    farm.broker.delete_subscription(&name("sub")).await.unwrap();
    farm.broker.delete_topic(TOPIC).await.unwrap();
    assert!(
        farm.broker.stats().backlog_bytes > 0,
        "the snapshot has them"
    );
    farm.broker
        .delete_snapshot("projects/test/snapshots/snap")
        .await
        .unwrap();
    assert_eq!(farm.broker.stats().backlog_bytes, 0);
}

#[tokio::test]
async fn a_snapshot_brings_back_what_was_open_and_what_came_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut farm = Farm::durable(folder.path());
    farm.topic(None).await;
    farm.subscribe("sub", Subscription::default()).await;
    farm.subscribe("other", Subscription::default()).await;
    farm.publish_some(1).await;
    farm.finish("sub").await;
    farm.publish_some(2).await;
    let made = farm.snapshot("snap", "sub").await.unwrap();
    let week = farm.now() + Duration::from_secs(7 * DAY);
    assert_eq!(made.expire_time, Some(week.to_proto()));
    farm.publish_some(1).await;
    assert_eq!(farm.finish("sub").await, [2, 3, 4]);
    farm.restart();
    farm.seek_to("sub", "snap").await.unwrap();
    assert_eq!(farm.finish("sub").await, [2, 3, 4]);
    farm.seek_to("other", "snap").await.unwrap();
    farm.restart();
    assert_eq!(farm.finish("other").await, [2, 3, 4], "1 is acknowledged");
}

#[tokio::test]
async fn a_snapshot_that_would_soon_expire_is_refused_and_one_expires() {
    let farm = Farm::memory();
    farm.topic(None).await;
    farm.subscribe("sub", Subscription::default()).await;
    farm.snapshot("whole", "sub").await.unwrap();
    farm.publish_some(1).await;
    farm.pass(6 * DAY).await;
    farm.snapshot("day", "sub").await.unwrap();
    farm.pass(DAY - 3599).await;
    let refused = farm.snapshot("late", "sub").await.unwrap_err();
    assert_eq!(refused.code, Code::FailedPrecondition);
    let list = |farm: &Farm| {
        let page = farm.broker.snapshots("projects/test", page());
        page.unwrap().0.len()
    };
    assert_eq!(list(&farm), 2);
    farm.pass(3599).await;
    assert_eq!(list(&farm), 0);
    assert_eq!(farm.broker.stats().backlog_bytes, 0);
}

#[tokio::test]
async fn a_seek_into_the_future_purges_and_what_comes_later_arrives() {
    let farm = Farm::memory();
    farm.topic(None).await;
    farm.subscribe("sub", Subscription::default()).await;
    farm.publish_some(5).await;
    let to = SeekTo::Time(farm.now() + Duration::from_secs(DAY));
    farm.broker.seek(&name("sub"), to).await.unwrap();
    assert_eq!(farm.state("sub"), (vec![], vec![]));
    farm.publish_some(1).await;
    assert_eq!(farm.finish("sub").await, [6]);
}

#[tokio::test]
async fn a_snapshot_is_of_its_topic_alone() {
    let farm = Farm::memory();
    farm.topic(None).await;
    let elsewhere = "projects/test/topics/elsewhere";
    let topic = Topic {
        name: elsewhere.to_owned(),
        ..Topic::default()
    };
    farm.broker.create_topic(topic).await.unwrap();
    farm.subscribe("sub", Subscription::default()).await;
    let config = Subscription {
        name: name("far"),
        topic: elsewhere.to_owned(),
        ..Subscription::default()
    };
    farm.broker.create_subscription(config).await.unwrap();
    farm.snapshot("snap", "far").await.unwrap();
    let code = |result: Result<(), Refusal>| result.unwrap_err().code;
    let wrong = farm.seek_to("sub", "snap").await;
    assert_eq!(code(wrong), Code::FailedPrecondition);
    assert_eq!(code(farm.seek_to("sub", "none").await), Code::NotFound);
    assert_eq!(code(farm.seek_to("none", "snap").await), Code::NotFound);
}

#[tokio::test]
async fn a_detached_subscription_has_nothing_and_gets_nothing() {
    let farm = Farm::memory();
    farm.topic(Some(DAY)).await;
    farm.subscribe("sub", retaining()).await;
    farm.publish_some(2).await;
    let waiting = {
        let consumer = farm
            .broker
            .consumer(&name("sub"), |lease| crate::lease::Flow {
                max_messages: 1,
                max_bytes: u64::MAX,
                lease,
                one_a_key: false,
            });
        let consumer = consumer.unwrap();
        farm.broker.detach_subscription(&name("sub")).await.unwrap();
        consumer.take(1).await.map(|_| ()).unwrap_err()
    };
    let pulled = farm.broker.pull(&name("sub"), 1, Duration::ZERO).await;
    let snapshot = farm.snapshot("snap", "sub").await.map(|_| ());
    let sought = farm.seek_to("sub", "snap").await;
    for refused in [
        pulled.map(|_| ()).unwrap_err(),
        snapshot.unwrap_err(),
        sought.unwrap_err(),
        waiting,
    ] {
        assert_eq!(refused.code, Code::FailedPrecondition, "{refused}");
    }
    farm.publish_some(1).await;
    assert_eq!(farm.state("sub"), (vec![], vec![]));
    let shown = farm.broker.subscription(&name("sub")).unwrap();
    assert!(shown.detached);
    let listed = farm.broker.topic_subscriptions(TOPIC, page());
    assert!(listed.unwrap().0.is_empty());
}

#[tokio::test]
async fn a_subscription_that_nobody_uses_expires() {
    let farm = Farm::memory();
    farm.topic(None).await;
    let policy = |ttl| Subscription {
        expiration_policy: Some(ExpirationPolicy { ttl }),
        ..Subscription::default()
    };
    farm.subscribe("idle", policy(Some(duration(2 * DAY))))
        .await;
    farm.subscribe("pulled", policy(Some(duration(2 * DAY))))
        .await;
    farm.subscribe("forever", policy(None)).await;
    farm.subscribe("default", Subscription::default()).await;
    farm.pass(DAY).await;
    farm.pull("pulled").await;
    let left = |farm: &Farm| {
        let page = farm.broker.subscriptions("projects/test", page());
        let names = page.unwrap().0.into_iter().map(|config| config.name);
        names.collect::<Vec<_>>()
    };
    farm.pass(DAY).await;
    let names = ["default", "forever", "pulled"].map(name);
    assert_eq!(left(&farm), names);
    farm.pass(29 * DAY).await;
    assert_eq!(left(&farm), [name("forever")]);
    let short = Subscription {
        name: name("short"),
        topic: TOPIC.to_owned(),
        ..policy(Some(duration(DAY - 1)))
    };
    let refused = farm.broker.create_subscription(short).await.unwrap_err();
    assert_eq!(refused.code, Code::InvalidArgument);
}

#[tokio::test]
async fn exactly_once_answers_say_which_ids_did_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let mut farm = Farm::durable(folder.path());
    farm.topic(None).await;
    let config = Subscription {
        enable_exactly_once_delivery: true,
        ..Subscription::default()
    };
    farm.subscribe("sub", config).await;
    farm.publish_some(2).await;
    let pulled = farm.pull("sub").await;
    let ids: Vec<_> = pulled.into_iter().map(|one| one.ack_id).collect();
    let asked = [ids[0].clone(), "nonsense".to_owned()];
    let settled = farm.broker.acknowledge(&name("sub"), &asked).await.unwrap();
    assert_eq!(settled.done, [ids[0].clone()]);
    let failed = [("nonsense".to_owned(), AckFailure::InvalidAckId)];
    assert_eq!(settled.failed, failed);
    let refused = settled.into_unary().unwrap_err();
    assert_eq!(refused.code, Code::InvalidArgument);
    let status = tonic::Status::from(refused);
    let info = tonic_types::StatusExt::get_details_error_info(&status).unwrap();
    assert_eq!(info.reason, "EXACTLY_ONCE_ACKID_FAILURE");
    assert_eq!(
        info.metadata["nonsense"],
        "PERMANENT_FAILURE_INVALID_ACK_ID"
    );
    farm.pass(10).await;
    let late = [(ids[1].clone(), 60), (ids[1].clone(), 60)];
    let settled = farm.broker.modify_deadlines(&name("sub"), &late).unwrap();
    assert_eq!((settled.done.len(), settled.failed.len()), (0, 1));
    farm.restart();
    assert_eq!(
        farm.finish("sub").await,
        [2],
        "the confirmed one is durable"
    );
}
