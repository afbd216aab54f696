//! The first page: everything at a glance.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Html;

use farm_pubsub_emulator::{Stats, SubscriptionSettings, SubscriptionStats, TopicStats};

use super::Site;
use super::calls::{CallRow, Functions};
use super::shell::Shell;
use super::text::{grouped, id, project, size, span};
use super::trouble::Trouble;

/// Calls on the first page.
const CALLS: usize = 12;
/// Rows of a table.
const ROWS: usize = 500;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    shell: Shell,
    subscriptions: Vec<SubscriptionRow>,
    topics: Vec<TopicRow>,
    /// Subscriptions and topics beyond those that are shown.
    more: (usize, usize),
    backlog: String,
    bytes: String,
    disk: String,
    functions: Option<Functions>,
    calls: Vec<CallRow>,
}

/// A subscription in a table.
pub(super) struct SubscriptionRow {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) project: String,
    pub(super) topic: String,
    pub(super) topic_id: String,
    pub(super) backlog: String,
    pub(super) leased: String,
    pub(super) bytes: String,
    pub(super) oldest: Option<String>,
    pub(super) dead: u64,
    pub(super) push: Option<String>,
    /// Dead letters lie here.
    pub(super) grave: bool,
    pub(super) empty: bool,
}

struct TopicRow {
    name: String,
    id: String,
    project: String,
    subscriptions: usize,
    /// Of whom dead letters come here.
    dead_letters_of: Vec<String>,
}

/// Everything that is known of topics and subscriptions.
pub(super) struct Known {
    pub(super) stats: Stats,
    pub(super) topics: Vec<TopicStats>,
    settings: HashMap<String, SubscriptionSettings>,
}

impl Known {
    pub(super) fn of(site: &Site) -> Self {
        let settings = site.inspector.settings().into_iter();
        Self {
            stats: site.inspector.stats(),
            topics: site.inspector.topics(),
            settings: settings.map(|one| (one.name.clone(), one)).collect(),
        }
    }

    pub(super) fn settings(&self, name: &str) -> Option<&SubscriptionSettings> {
        self.settings.get(name)
    }

    /// Whether dead letters lie in this subscription.
    pub(super) fn is_grave(&self, subscription: &SubscriptionStats) -> bool {
        let mut topics = self.topics.iter();
        topics.any(|topic| topic.name == subscription.topic && !topic.dead_letters_of.is_empty())
    }

    /// Subscriptions with dead letters.
    pub(super) fn graves(&self) -> impl Iterator<Item = &SubscriptionStats> {
        let all = self.stats.subscriptions.iter();
        all.filter(|one| one.backlog > 0 && self.is_grave(one))
    }

    pub(super) fn row(&self, stats: &SubscriptionStats) -> SubscriptionRow {
        let push = self
            .settings(&stats.name)
            .and_then(|one| one.push_endpoint.clone());
        SubscriptionRow {
            name: stats.name.clone(),
            id: id(&stats.name).to_owned(),
            project: project(&stats.name).to_owned(),
            topic: stats.topic.clone(),
            topic_id: id(&stats.topic).to_owned(),
            backlog: grouped(stats.backlog as u64),
            leased: grouped(stats.leased as u64),
            bytes: size(stats.bytes),
            oldest: stats.oldest_unacked.map(span),
            dead: stats.dead_lettered,
            push,
            grave: self.is_grave(stats),
            empty: stats.backlog == 0,
        }
    }
}

impl Site {
    /// The frame of the page `title`.
    pub(super) fn shell(&self, known: &Known, title: &str, section: &'static str) -> Shell {
        Shell {
            title: title.to_owned(),
            section,
            functions: self.host.is_some(),
            dead: known.graves().map(|one| one.backlog).sum(),
        }
    }
}

pub(super) async fn page(State(site): State<Arc<Site>>) -> Result<Html<String>, Trouble> {
    let known = Known::of(&site);
    let topic = |topic: &TopicStats| TopicRow {
        name: topic.name.clone(),
        id: id(&topic.name).to_owned(),
        project: project(&topic.name).to_owned(),
        subscriptions: topic.subscriptions.len(),
        dead_letters_of: topic
            .dead_letters_of
            .iter()
            .map(|name| id(name).to_owned())
            .collect(),
    };
    let subscriptions = &known.stats.subscriptions;
    let backlog: usize = subscriptions.iter().map(|one| one.backlog).sum();
    let page = OverviewPage {
        shell: site.shell(&known, "Pub/Sub", "overview"),
        subscriptions: subscriptions
            .iter()
            .take(ROWS)
            .map(|one| known.row(one))
            .collect(),
        topics: known.topics.iter().take(ROWS).map(topic).collect(),
        more: (
            subscriptions.len().saturating_sub(ROWS),
            known.topics.len().saturating_sub(ROWS),
        ),
        backlog: grouped(backlog as u64),
        bytes: size(known.stats.backlog_bytes),
        disk: size(known.stats.disk_bytes),
        functions: site.functions(),
        calls: site.calls(None, CALLS),
    };
    Ok(Html(page.render()?))
}
