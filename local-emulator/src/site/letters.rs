//! Messages that lie somewhere, and the dead ones among them sent back.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{Html, Redirect};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use farm_pubsub_emulator::{MessageView, Waiting};

use super::Site;
use super::overview::{Known, SubscriptionRow};
use super::shell::Shell;
use super::text::{Shown, id};
use super::trouble::Trouble;

/// Letters of one place on the page of all.
const MOST: usize = 20;
/// Places on the page of all.
const PLACES: usize = 20;
/// What our own bus writes on what it rejects: it is gone from a letter that is sent back.
const OURS: [&str; 2] = ["farm-dead-reason", "farm-dead-from"];
/// How the names begin of what the emulator writes on what failed too often.
const THEIRS: &str = "CloudPubSubDeadLetterSource";

#[derive(Template)]
#[template(path = "letters.html")]
struct LettersPage {
    shell: Shell,
    places: Vec<Place>,
    /// Places beyond those that are shown.
    more: usize,
    token: String,
    sent: Option<Sent>,
}

/// A subscription where dead letters lie.
struct Place {
    row: SubscriptionRow,
    letters: Vec<Letter>,
}

/// A message that waits, on a page.
pub(super) struct Letter {
    pub(super) shown: Shown,
    pub(super) failures: u32,
    /// Why it is dead, if it is.
    pub(super) reason: Option<String>,
}

/// A letter that was just sent back.
pub(super) struct Sent {
    pub(super) message: u64,
    pub(super) topic: String,
}

/// What may be asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    /// The letter that was sent back, and where to.
    sent: Option<u64>,
    to: Option<String>,
}

/// The form of a letter.
#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    token: String,
    subscription: String,
    message: String,
}

impl Letter {
    fn new(waiting: &Waiting) -> Self {
        let mut message = waiting.message.clone();
        let reason = reason(&message);
        message.attributes.retain(|name, _| {
            let said = OURS.contains(&name.as_str()) || name.starts_with(THEIRS);
            !said || reason.is_none()
        });
        Self {
            shown: Shown::new(&message),
            failures: waiting.failures,
            reason,
        }
    }
}

/// Why it lies there, if it is a dead letter.
fn reason(message: &MessageView) -> Option<String> {
    let attribute = |name: &str| message.attributes.get(name);
    if let Some(reason) = attribute(OURS[0]) {
        return Some(reason.clone());
    }
    let count = attribute(&format!("{THEIRS}DeliveryCount"))?;
    let from = attribute(&format!("{THEIRS}Subscription"));
    let from = from.map_or_else(String::new, |from| format!(" by {from}"));
    Some(format!(
        "delivered {count} times and never acknowledged{from}"
    ))
}

impl Site {
    /// The oldest messages of a subscription.
    pub(super) async fn letters(
        &self,
        subscription: &str,
        most: usize,
    ) -> Result<Vec<Letter>, Trouble> {
        let waiting = self.inspector.waiting(subscription, most).await;
        let waiting = waiting.map_err(|error| Trouble::Missing(error.to_string()))?;
        Ok(waiting.iter().map(Letter::new).collect())
    }
}

/// `GET /dead-letters`.
pub(super) async fn page(
    State(site): State<Arc<Site>>,
    Query(choice): Query<Choice>,
) -> Result<Html<String>, Trouble> {
    let known = Known::of(&site);
    let mut places = Vec::new();
    for stats in known.graves().take(PLACES) {
        places.push(Place {
            row: known.row(stats),
            letters: site.letters(&stats.name, MOST).await?,
        });
    }
    let sent = choice.sent.zip(choice.to);
    let page = LettersPage {
        shell: site.shell(&known, "Dead letters", "letters"),
        places,
        more: known.graves().count().saturating_sub(PLACES),
        token: site.guard.token().to_owned(),
        sent: sent.map(|(message, topic)| Sent { message, topic }),
    };
    Ok(Html(page.render()?))
}

/// `POST /redeliver`.
pub(super) async fn redeliver(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Form(wish): Form<Wish>,
) -> Result<Redirect, Trouble> {
    if !site.guard.is_ours(&headers, &wish.token) {
        return Err(Trouble::NotOurs);
    }
    let done = site
        .inspector
        .redeliver(&wish.subscription, &wish.message, &OURS)
        .await;
    let topic = done.map_err(|error| Trouble::Refused(error.to_string()))?;
    tracing::info!(message = wish.message, topic, "a dead letter was sent back");
    let to = utf8_percent_encode(id(&topic), NON_ALPHANUMERIC);
    let back = format!("/dead-letters?sent={}&to={to}", wish.message);
    Ok(Redirect::to(&back))
}
