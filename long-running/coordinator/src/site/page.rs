//! `/status` for people.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use farm_model::Timestamp;
use farm_model::view::{QueueStatus, Role, StatusView, SubscriptionStatus};

use super::text::{ago, grouped, milliseconds, seconds};
use super::{Shown, says};

pub(super) const STYLE: &str = include_str!("../../templates/style.css");

/// Rows of a table; the JSON has all.
const ROWS: usize = 200;
/// Days of deliveries: a week of two sources.
const DAYS: usize = 14;

#[derive(Template)]
#[template(path = "status.html")]
pub(super) struct Page {
    pub(super) view: StatusView,
    pub(super) now: Timestamp,
    pub(super) style: &'static str,
}

impl Page {
    fn is_leading(&self) -> bool {
        self.view.coordinator.role == Role::Leading
    }

    fn queued(&self) -> usize {
        self.view.farm.open.saturating_sub(self.view.farm.running)
    }

    fn machines(&self) -> usize {
        let machines = &self.view.farm.machines;
        machines.idle + machines.busy + machines.held + machines.aside + machines.draining
    }

    /// Those where somebody waits first, and then the longest.
    fn queues(&self) -> Vec<&QueueStatus> {
        let mut queues: Vec<&QueueStatus> = self.view.farm.queues.iter().collect();
        queues.sort_by_key(|queue| queue.oldest.unwrap_or(Timestamp::MAX));
        queues.truncate(ROWS);
        queues
    }

    fn more_queues(&self) -> usize {
        self.view.farm.queues.len().saturating_sub(ROWS)
    }

    /// How long the longest-waiting build waits.
    fn longest(&self) -> Option<String> {
        let oldest = self
            .view
            .farm
            .queues
            .iter()
            .filter_map(|queue| queue.oldest);
        oldest.min().map(|oldest| ago(&oldest, &self.now))
    }

    /// Objects that were removed from the bucket because they were old, and their megabytes.
    fn swept(&self) -> (u64, u64) {
        let areas = self.view.coordinator.sweep.iter().flat_map(|of| &of.areas);
        let (objects, bytes) = areas.fold((0, 0), |(objects, bytes), of| {
            (objects + of.objects, bytes + of.bytes)
        });
        (objects, bytes / 1_000_000)
    }

    fn sweep_failed(&self) -> bool {
        let sweep = self.view.coordinator.sweep.as_ref();
        sweep.is_some_and(|of| of.error.is_some())
    }

    fn dead(&self) -> usize {
        let all = self.view.subscriptions.iter();
        all.filter_map(|subscription| subscription.dead.as_ref())
            .map(|dead| dead.count)
            .sum()
    }
}

/// The page.
pub(super) async fn html(State(shown): State<Arc<Shown>>) -> Response {
    let page = Page {
        view: shown.board.view(),
        now: shown.board.now(),
        style: STYLE,
    };
    match page.render() {
        Ok(html) => ([(header::CONTENT_SECURITY_POLICY, policy())], Html(html)).into_response(),
        Err(error) => says(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn count(subscription: &SubscriptionStatus) -> usize {
    subscription.dead.as_ref().map_or(0, |dead| dead.count)
}

/// Nothing from elsewhere, no script, no frames.
fn policy() -> HeaderValue {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}
