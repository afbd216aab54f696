//! What SQS and SNS deliver to a Lambda function, one event at a time, as the push of any other queue: `POST` of a CloudEvent
//! in binary mode to the path that the function has for it.
//!
//! An answer of 2xx is done. Anything else fails the record: it comes again, and after the queue's number of tries goes to
//! its dead-letter queue. Lambda knows no way to say "never again" sooner.

use axum::Router;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{Triggers, post};
use crate::event;

/// An invocation by SQS (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>) or SNS
/// (<https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>).
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Record {
    Sqs {
        #[serde(rename = "messageId")]
        id: String,
        #[serde(rename = "eventSourceARN")]
        queue: String,
        body: String,
    },
    Sns {
        #[serde(rename = "Sns")]
        notification: Notification,
    },
}

/// What SNS says, also as the body of an SQS message where raw delivery is off.
#[derive(Debug, Deserialize)]
struct Notification {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "MessageId")]
    id: String,
    #[serde(rename = "TopicArn")]
    topic: String,
    #[serde(rename = "Message")]
    message: String,
}

/// Delivers each record; the answer is the invocation's result.
///
/// # Errors
/// The invocation is to be repeated as a whole.
pub(super) async fn deliver(
    router: &Router,
    triggers: &Triggers,
    batch: Batch,
) -> Result<Response, String> {
    let mut failed = Vec::new();
    for record in batch.records {
        match record {
            Record::Sqs { id, queue, body } => {
                if !is_done(router, triggers.push_path(&queue), &id, unwrapped(body)).await {
                    failed.push(json!({ "itemIdentifier": id }));
                }
            }
            Record::Sns { notification: one } => {
                let path = triggers.push_path(&one.topic);
                if !is_done(router, path, &one.id, one.message).await {
                    return Err(format!("the notification {} failed", one.id));
                }
            }
        }
    }
    Ok(axum::Json(json!({ "batchItemFailures": failed })).into_response())
}

fn unwrapped(body: String) -> String {
    match serde_json::from_str::<Notification>(&body) {
        Ok(notification) if notification.kind == "Notification" => notification.message,
        _ => body,
    }
}

async fn is_done(router: &Router, path: Option<&str>, record: &str, text: String) -> bool {
    match posted(router, path, text).await {
        Ok(()) => true,
        Err(reason) => {
            tracing::warn!(record, reason, "a record failed");
            false
        }
    }
}

async fn posted(router: &Router, path: Option<&str>, text: String) -> Result<(), String> {
    let path = path.ok_or("the function has no path for events from there")?;
    let event = event::structured(text.as_bytes())?;
    let (headers, body) = event::binary(&event)?;
    let status = post::to(router, path, headers, Bytes::from(body)).await;
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("{path} answered {status}"))
    }
}
