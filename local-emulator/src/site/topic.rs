//! One topic, and its messages as they come.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use serde::Deserialize;

use super::Site;
use super::overview::{Known, SubscriptionRow};
use super::shell::Shell;
use super::text::{Shown, id, project};
use super::trouble::Trouble;

#[derive(Template)]
#[template(path = "topic.html")]
struct TopicPage {
    shell: Shell,
    name: String,
    project: String,
    subscriptions: Vec<SubscriptionRow>,
    messages: Vec<Shown>,
}

/// What may be asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    /// The full name.
    name: String,
}

pub(super) async fn page(
    State(site): State<Arc<Site>>,
    Query(choice): Query<Choice>,
) -> Result<Html<String>, Trouble> {
    let known = Known::of(&site);
    let mut topics = known.topics.iter();
    let topic = topics
        .find(|topic| topic.name == choice.name)
        .ok_or_else(|| Trouble::Missing(format!("There is no topic {}.", choice.name)))?;
    let all = known.stats.subscriptions.iter();
    let of_topic = all.filter(|one| one.topic == topic.name);
    let page = TopicPage {
        shell: site.shell(&known, id(&topic.name), "overview"),
        project: project(&topic.name).to_owned(),
        subscriptions: of_topic.map(|one| known.row(one)).collect(),
        messages: site.recent.of(&topic.name).iter().map(Shown::new).collect(),
        name: topic.name.clone(),
    };
    Ok(Html(page.render()?))
}
