//! Topics as resources.

use anyhow::{Result, ensure};
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::paginator::ItemPaginator;
use google_cloud_pubsub::model::{Subscription, Topic};
use google_cloud_wkt::FieldMask;

use crate::case::cases;
use crate::docs;
use crate::expect::{equal, refused};
use crate::world::World;

const NO_UPDATE: &str = "UpdateTopic is named among the known limitations of Google's emulator";

cases! { "topics":
    created_is_read_back, docs::RESOURCES;
    a_second_of_the_name_exists_already, docs::ERRORS;
    a_missing_one_is_not_found, docs::ERRORS;
    a_bad_name_is_refused, docs::ERRORS;
    an_update_changes_what_the_mask_names, docs::RESOURCES, differs_because NO_UPDATE;
    an_update_refuses_what_it_cannot_change, docs::RESOURCES;
    listed_in_pages, docs::RESOURCES;
    deletion_leaves_its_subscriptions, docs::RESOURCES;
}

async fn created_is_read_back(w: World) -> Result<()> {
    let create = w
        .topics()
        .create_topic()
        .set_name(w.name("topics", "events"));
    let made = create.set_labels([("team", "farm")]).send().await?;
    let read = w.topics().get_topic().set_topic(&made.name).send().await?;
    equal(&read.name, &w.name("topics", "events"), "the name")?;
    equal(
        read.labels.get("team").map(String::as_str),
        Some("farm"),
        "a label",
    )
}

async fn a_second_of_the_name_exists_already(w: World) -> Result<()> {
    let topic = w.topic("events").await?;
    let again = w.topics().create_topic().set_name(topic.name).send().await;
    refused(Code::AlreadyExists, again, "a second one")
}

async fn a_missing_one_is_not_found(w: World) -> Result<()> {
    let missing = w.name("topics", "missing");
    let read = w.topics().get_topic().set_topic(&missing).send().await;
    refused(Code::NotFound, read, "get")?;
    let delete = w.topics().delete_topic().set_topic(&missing).send().await;
    refused(Code::NotFound, delete, "delete")
}

async fn a_bad_name_is_refused(w: World) -> Result<()> {
    for name in ["ab", "1abc", "goog-events"] {
        let create = w.topics().create_topic().set_name(w.name("topics", name));
        refused(Code::InvalidArgument, create.send().await, name)?;
    }
    Ok(())
}

async fn an_update_changes_what_the_mask_names(w: World) -> Result<()> {
    let topic = w.topic("events").await?;
    let changed = Topic::new().set_name(&topic.name).set_labels([("a", "b")]);
    let update = w.topics().update_topic().set_topic(changed);
    update
        .set_update_mask(FieldMask::default().set_paths(["labels"]))
        .send()
        .await?;
    let read = w.topics().get_topic().set_topic(&topic.name).send().await?;
    equal(
        read.labels.get("a").map(String::as_str),
        Some("b"),
        "the label",
    )
}

async fn an_update_refuses_what_it_cannot_change(w: World) -> Result<()> {
    let topic = w.topic("events").await?;
    for path in ["name", "nonsense"] {
        let update = w.topics().update_topic().set_topic(topic.clone());
        let masked = update.set_update_mask(FieldMask::default().set_paths([path]));
        refused(Code::InvalidArgument, masked.send().await, path)?;
    }
    Ok(())
}

async fn listed_in_pages(w: World) -> Result<()> {
    let mut made = Vec::new();
    for n in 0..5 {
        made.push(w.topic(&format!("topic-{n}")).await?.name);
    }
    let mut listed = w
        .topics()
        .list_topics()
        .set_project(&w.project)
        .set_page_size(2)
        .by_item();
    let mut names = Vec::new();
    while let Some(topic) = listed.next().await {
        names.push(topic?.name);
    }
    names.sort();
    equal(names, made, "every topic once")?;
    let first = w
        .topics()
        .list_topics()
        .set_project(&w.project)
        .set_page_size(2)
        .send()
        .await?;
    ensure!(
        first.topics.len() == 2 && !first.next_page_token.is_empty(),
        "the first page has two of five"
    );
    Ok(())
}

async fn deletion_leaves_its_subscriptions(w: World) -> Result<()> {
    let (topic, subscription) = w.pair(Subscription::new()).await?;
    w.topics()
        .delete_topic()
        .set_topic(&topic.name)
        .send()
        .await?;
    let get = w
        .subscriptions()
        .get_subscription()
        .set_subscription(&subscription.name);
    equal(
        get.send().await?.topic.as_str(),
        "_deleted-topic_",
        "the subscription's topic",
    )
}
