//! Calls that the time makes, as Lambda is told of them.

use axum::Router;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Triggers, post};

/// What a rule of EventBridge sends
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html>), and what a schedule of
/// EventBridge Scheduler does, where its target has no input of its own
/// (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html>).
#[derive(Debug, Deserialize)]
pub(super) struct Schedule {
    #[serde(rename = "detail-type")]
    detail_type: String,
    /// An object, or, from Scheduler, the text of one. Ours has the path that is meant, for functions with several.
    #[serde(default)]
    detail: Value,
}

impl Schedule {
    /// Whether it is from the time at all: EventBridge carries much else.
    pub(super) fn is_due(&self) -> bool {
        self.detail_type == "Scheduled Event"
    }

    fn path(&self) -> Option<String> {
        let object = match &self.detail {
            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
            other => other.clone(),
        };
        object["path"].as_str().map(str::to_owned)
    }
}

/// Posts nothing to the path that is meant.
///
/// # Errors
/// There is no such path, or the function did not do it.
pub(super) async fn deliver(
    router: &Router,
    triggers: &Triggers,
    schedule: &Schedule,
) -> Result<Response, String> {
    let named = schedule.path();
    let path = triggers.tick_path(named.as_deref()).ok_or_else(|| {
        format!("the time called, and no tick of the function is meant by detail.path = {named:?}")
    })?;
    let status = post::to(router, path, axum::http::HeaderMap::new(), Bytes::new()).await;
    if status.is_success() {
        Ok(axum::Json(json!({ "status": status.as_u16() })).into_response())
    } else {
        Err(format!("the tick at {path} was answered {status}"))
    }
}
