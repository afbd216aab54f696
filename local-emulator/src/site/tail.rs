//! Messages as they are published, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use futures::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;

use farm_pubsub_emulator::{Seen, Watch};

use super::Site;
use super::text::Shown;
use super::trouble::Trouble;

/// Who look on at once.
pub(super) const MOST: usize = 32;

/// What may be asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    /// Only messages of this topic (full name).
    topic: Option<String>,
}

/// An event `message`.
#[derive(Debug, Serialize)]
struct Told<'a> {
    topic: &'a str,
    id: &'a str,
    published: &'a str,
    clock: &'a str,
    key: &'a str,
    attributes: &'a [(String, String)],
    size: &'a str,
    payload: &'a str,
    note: &'a str,
}

/// `GET /tail`.
pub(super) async fn stream(
    State(site): State<Arc<Site>>,
    Query(choice): Query<Choice>,
) -> Result<Response, Trouble> {
    let place = Arc::clone(&site.tails).try_acquire_owned();
    let place = place
        .map_err(|_| Trouble::Busy(format!("{MOST} look on already; close another such page")))?;
    let alive = KeepAlive::new().interval(Duration::from_secs(15));
    let events = events(site.inspector.watch(), site.closing.clone(), choice, place);
    Ok(Sse::new(events).keep_alive(alive).into_response())
}

fn events(
    watch: Watch,
    closing: tokio_util::sync::CancellationToken,
    choice: Choice,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let held = (watch, choice, closing, place);
    stream::unfold(held, async |(mut watch, choice, closing, place)| {
        loop {
            let seen = tokio::select! {
                seen = watch.next() => seen?,
                () = closing.cancelled() => return None,
            };
            if let Some(event) = event(&seen, choice.topic.as_deref()) {
                return Some((Ok(event), (watch, choice, closing, place)));
            }
        }
    })
}

fn event(seen: &Seen, wanted: Option<&str>) -> Option<Event> {
    match seen {
        Seen::Missed(count) => Some(Event::default().event("missed").data(count.to_string())),
        Seen::Published(topic, _) if wanted.is_some_and(|wanted| wanted != &**topic) => None,
        Seen::Published(topic, message) => {
            let shown = Shown::new(message);
            let told = Told {
                topic,
                id: &shown.id,
                published: &shown.published,
                clock: shown.clock(),
                key: &shown.key,
                attributes: &shown.attributes,
                size: &shown.size,
                payload: &shown.payload,
                note: shown.note,
            };
            Event::default().event("message").json_data(told).ok()
        }
    }
}
