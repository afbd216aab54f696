//! What SQS and SNS deliver to a Lambda function, as `POST /` of CloudEvents in structured mode, one at a time.
//!
//! An answer of 2xx is done. Anything else fails the record: it comes again, and after the queue's number of tries goes to
//! its dead-letter queue. Lambda knows no way to say "never again" sooner.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tower::ServiceExt;

/// An invocation by SQS (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>) or SNS
/// (<https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>).
#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Record {
    Sqs {
        #[serde(rename = "messageId")]
        id: String,
        body: String,
    },
    Sns {
        #[serde(rename = "Sns")]
        notification: Notification,
    },
}

/// What SNS says, also as the body of an SQS message where raw delivery is off.
#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "MessageId")]
    id: String,
    #[serde(rename = "Message")]
    message: String,
}

/// Delivers the records in `body`; the answer is the invocation's result.
///
/// # Errors
/// The invocation is to be repeated as a whole, or is nothing that a function here takes.
pub(super) async fn deliver(router: Router, body: &[u8]) -> Result<Response, String> {
    let batch: Batch = serde_json::from_slice(body)
        .map_err(|_| "neither an HTTP request nor a batch of SQS or SNS".to_owned())?;
    let mut failed = Vec::new();
    for record in batch.records {
        match record {
            Record::Sqs { id, body } => {
                if !is_done(&router, &id, unwrapped(body)).await {
                    failed.push(json!({ "itemIdentifier": id }));
                }
            }
            Record::Sns { notification: one } => {
                if !is_done(&router, &one.id, one.message).await {
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

async fn is_done(router: &Router, id: &str, event: String) -> bool {
    let status = post(router, event).await;
    if !status.is_success() {
        tracing::warn!(record = id, %status, "a record failed");
    }
    status.is_success()
}

async fn post(router: &Router, event: String) -> StatusCode {
    let mut request = Request::new(Body::from(event));
    *request.method_mut() = Method::POST;
    request.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/cloudevents+json"),
    );
    match router.clone().oneshot(request).await {
        Ok(answer) => answer.status(),
        Err(never) => match never {},
    }
}
