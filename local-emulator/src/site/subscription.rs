//! One subscription, and its oldest messages.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use serde::Deserialize;

use super::Site;
use super::letters::Letter;
use super::overview::{Known, SubscriptionRow};
use super::shell::Shell;
use super::text::{grouped, span};
use super::trouble::Trouble;

/// Messages on a page.
const MOST: usize = 50;

#[derive(Template)]
#[template(path = "subscription.html")]
struct SubscriptionPage {
    shell: Shell,
    row: SubscriptionRow,
    filter: String,
    ack_deadline: String,
    ordered: bool,
    dead_letter_topic: Option<String>,
    letters: Vec<Letter>,
    more: Option<String>,
    token: String,
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
    let missing = || Trouble::Missing(format!("There is no subscription {}.", choice.name));
    let stats = known.stats.subscription(&choice.name).ok_or_else(missing)?;
    let settings = known.settings(&choice.name).ok_or_else(missing)?;
    let letters = site.letters(&choice.name, MOST).await?;
    let more = stats.backlog.saturating_sub(letters.len());
    let page = SubscriptionPage {
        shell: site.shell(&known, &known.row(stats).id, "overview"),
        row: known.row(stats),
        filter: settings.filter.clone(),
        ack_deadline: span(settings.ack_deadline),
        ordered: settings.ordered,
        dead_letter_topic: settings.dead_letter_topic.clone(),
        letters,
        more: (more > 0).then(|| grouped(more as u64)),
        token: site.guard.token().to_owned(),
    };
    Ok(Html(page.render()?))
}
