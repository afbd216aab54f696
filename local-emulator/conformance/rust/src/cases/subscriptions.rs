//! Subscriptions as resources.

use anyhow::{Result, ensure};
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::paginator::ItemPaginator;
use google_cloud_pubsub::model::{DeadLetterPolicy, RetryPolicy, Subscription};
use google_cloud_wkt::{Duration, FieldMask};

use crate::case::cases;
use crate::docs;
use crate::expect::{equal, refused};
use crate::world::World;

const BOUNDS: &str = "the documented bounds hold: a deadline of 10 to 600 seconds, retention of 10 minutes to 31 days";

cases! { "subscriptions":
    what_is_not_set_has_its_default, docs::RESOURCES;
    settings_are_read_back, docs::RESOURCES;
    settings_out_of_bounds_are_refused, docs::RESOURCES, differs_because BOUNDS;
    its_topic_must_exist, docs::ERRORS;
    a_missing_one_is_not_found, docs::ERRORS;
    an_update_changes_what_the_mask_names, docs::RESOURCES;
    an_update_refuses_what_it_cannot_change, docs::RESOURCES;
    listed_by_project_and_by_topic, docs::RESOURCES;
    a_detached_one_is_marked, docs::RESOURCES, differs_because "DetachSubscription is a method of Publisher";
}

async fn what_is_not_set_has_its_default(w: World) -> Result<()> {
    let (topic, made) = w.pair(Subscription::new()).await?;
    let get = w
        .subscriptions()
        .get_subscription()
        .set_subscription(&made.name);
    let read = get.send().await?;
    equal(read.topic, topic.name, "the topic")?;
    equal(read.ack_deadline_seconds, 10, "the deadline")?;
    let retained = read.message_retention_duration.map(|time| time.seconds());
    equal(retained, Some(7 * 24 * 3600), "retention")?;
    ensure!(
        !read.enable_message_ordering && !read.enable_exactly_once_delivery,
        "no more than at least once"
    );
    Ok(())
}

async fn settings_are_read_back(w: World) -> Result<()> {
    let retry = RetryPolicy::new().set_minimum_backoff(Duration::clamp(1, 500_000_000));
    let settings = Subscription::new()
        .set_ack_deadline_seconds(60)
        .set_filter("attributes:a")
        .set_enable_message_ordering(true)
        .set_retry_policy(retry)
        .set_labels([("team", "farm")]);
    let (_, made) = w.pair(settings).await?;
    let get = w
        .subscriptions()
        .get_subscription()
        .set_subscription(&made.name);
    let read = get.send().await?;
    equal(read.ack_deadline_seconds, 60, "the deadline")?;
    equal(read.filter.as_str(), "attributes:a", "the filter")?;
    ensure!(read.enable_message_ordering, "ordered");
    let least = read.retry_policy.and_then(|policy| policy.minimum_backoff);
    equal(
        least,
        Some(Duration::clamp(1, 500_000_000)),
        "the least back-off",
    )?;
    equal(
        read.labels.get("team").map(String::as_str),
        Some("farm"),
        "a label",
    )
}

async fn settings_out_of_bounds_are_refused(w: World) -> Result<()> {
    let topic = w.topic("events").await?;
    for (what, settings) in [
        (
            "a deadline of 9 s",
            Subscription::new().set_ack_deadline_seconds(9),
        ),
        (
            "a deadline of 601 s",
            Subscription::new().set_ack_deadline_seconds(601),
        ),
        (
            "retention of a minute",
            Subscription::new().set_message_retention_duration(Duration::clamp(60, 0)),
        ),
    ] {
        let named = settings
            .set_name(w.name("subscriptions", "worker"))
            .set_topic(&topic.name);
        let create = w.subscriptions().create_subscription().with_request(named);
        refused(Code::InvalidArgument, create.send().await, what)?;
    }
    Ok(())
}

async fn its_topic_must_exist(w: World) -> Result<()> {
    let create = w
        .subscriptions()
        .create_subscription()
        .set_name(w.name("subscriptions", "worker"));
    let orphan = create.set_topic(w.name("topics", "missing")).send().await;
    refused(Code::NotFound, orphan, "without its topic")?;
    let topic = w.topic("events").await?;
    let dead = DeadLetterPolicy::new().set_dead_letter_topic(w.name("topics", "missing"));
    let create = w
        .subscriptions()
        .create_subscription()
        .set_name(w.name("subscriptions", "worker"));
    let letters = create
        .set_topic(topic.name)
        .set_dead_letter_policy(dead)
        .send()
        .await;
    refused(Code::NotFound, letters, "without its dead letter topic")
}

async fn a_missing_one_is_not_found(w: World) -> Result<()> {
    let missing = w.name("subscriptions", "missing");
    let get = w
        .subscriptions()
        .get_subscription()
        .set_subscription(&missing);
    refused(Code::NotFound, get.send().await, "get")?;
    let delete = w
        .subscriptions()
        .delete_subscription()
        .set_subscription(&missing);
    refused(Code::NotFound, delete.send().await, "delete")
}

async fn an_update_changes_what_the_mask_names(w: World) -> Result<()> {
    let (topic, made) = w.pair(Subscription::new()).await?;
    let changed = Subscription::new()
        .set_name(&made.name)
        .set_topic(topic.name)
        .set_ack_deadline_seconds(60);
    let update = w
        .subscriptions()
        .update_subscription()
        .set_subscription(changed);
    let mask = FieldMask::default().set_paths(["ack_deadline_seconds"]);
    update.set_update_mask(mask).send().await?;
    let get = w
        .subscriptions()
        .get_subscription()
        .set_subscription(&made.name);
    equal(get.send().await?.ack_deadline_seconds, 60, "the deadline")
}

async fn an_update_refuses_what_it_cannot_change(w: World) -> Result<()> {
    let (_, made) = w.pair(Subscription::new()).await?;
    for path in ["topic", "filter", "nonsense"] {
        let update = w
            .subscriptions()
            .update_subscription()
            .set_subscription(made.clone());
        let masked = update.set_update_mask(FieldMask::default().set_paths([path]));
        refused(Code::InvalidArgument, masked.send().await, path)?;
    }
    Ok(())
}

async fn listed_by_project_and_by_topic(w: World) -> Result<()> {
    let topic = w.topic("events").await?;
    let mut made = Vec::new();
    for n in 0..5 {
        made.push(
            w.subscribe(&topic, &format!("worker-{n}"), Subscription::new())
                .await?
                .name,
        );
    }
    let mut listed = w
        .subscriptions()
        .list_subscriptions()
        .set_project(&w.project)
        .set_page_size(2)
        .by_item();
    let mut names = Vec::new();
    while let Some(subscription) = listed.next().await {
        names.push(subscription?.name);
    }
    names.sort();
    equal(&names, &made, "those of the project")?;
    let mut of_topic = w
        .topics()
        .list_topic_subscriptions()
        .set_topic(topic.name)
        .send()
        .await?
        .subscriptions;
    of_topic.sort();
    equal(of_topic, made, "those of the topic")
}

async fn a_detached_one_is_marked(w: World) -> Result<()> {
    let (_, made) = w.pair(Subscription::new()).await?;
    w.topics()
        .detach_subscription()
        .set_subscription(&made.name)
        .send()
        .await?;
    let get = w
        .subscriptions()
        .get_subscription()
        .set_subscription(&made.name);
    ensure!(get.send().await?.detached, "it says that it is detached");
    Ok(())
}
