//! `/v1/projects/{project}/subscriptions`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::routing::{any, get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::json::{PushConfigJson, ReceivedJson, SubscriptionJson};
use super::{PageQuery, body, page, split_verb};
use crate::broker::Broker;
use crate::grpc::{PATIENCE, most_messages};
use crate::proto::Subscription;
use crate::refusal::Refusal;

type Answer = Result<Json<Value>, Refusal>;

pub(super) fn routes() -> Router<Arc<Broker>> {
    Router::new()
        .route("/v1/projects/{project}/subscriptions", get(list))
        .route(
            "/v1/projects/{project}/subscriptions/{subscription}",
            put(create).get(read).patch(update).delete(delete).post(act),
        )
        .route("/v1/projects/{project}/snapshots", any(no_snapshots))
        .route("/v1/projects/{project}/snapshots/{id}", any(no_snapshots))
        .route("/v1/projects/{project}/schemas", any(no_schemas))
        .route("/v1/projects/{project}/schemas/{id}", any(no_schemas))
}

async fn no_snapshots() -> Refusal {
    Refusal::unsupported("snapshots")
}

async fn no_schemas() -> Refusal {
    Refusal::unsupported("schemas")
}

fn name(project: &str, subscription: &str) -> String {
    format!("projects/{project}/subscriptions/{subscription}")
}

async fn create(
    State(broker): State<Arc<Broker>>,
    Path((project, subscription)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let config: SubscriptionJson = body::parse(&body)?;
    let config = Subscription {
        name: name(&project, &subscription),
        ..config.into_proto()?
    };
    let made = broker.create_subscription(config).await?;
    Ok(Json(json!(SubscriptionJson::from(made))))
}

async fn read(
    State(broker): State<Arc<Broker>>,
    Path((project, subscription)): Path<(String, String)>,
) -> Answer {
    let found = broker.subscription(&name(&project, &subscription))?;
    Ok(Json(json!(SubscriptionJson::from(found))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    subscription: SubscriptionJson,
    #[serde(default, alias = "update_mask")]
    update_mask: String,
}

async fn update(
    State(broker): State<Arc<Broker>>,
    Path((project, subscription)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let asked: Update = body::parse(&body)?;
    let config = Subscription {
        name: name(&project, &subscription),
        ..asked.subscription.into_proto()?
    };
    let paths = body::paths(&asked.update_mask);
    let updated = broker.update_subscription(config, &paths).await?;
    Ok(Json(json!(SubscriptionJson::from(updated))))
}

async fn delete(
    State(broker): State<Arc<Broker>>,
    Path((project, subscription)): Path<(String, String)>,
) -> Answer {
    broker
        .delete_subscription(&name(&project, &subscription))
        .await?;
    Ok(Json(json!({})))
}

async fn list(
    State(broker): State<Arc<Broker>>,
    Path(project): Path<String>,
    query: Query<PageQuery>,
) -> Answer {
    let (found, next) = broker.subscriptions(&format!("projects/{project}"), page(query))?;
    let found: Vec<_> = found.into_iter().map(SubscriptionJson::from).collect();
    Ok(Json(
        json!({ "subscriptions": found, "nextPageToken": next }),
    ))
}

/// The bodies of all verbs; each uses its own fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Act {
    #[serde(default, alias = "max_messages")]
    max_messages: i32,
    #[serde(default, alias = "return_immediately")]
    return_immediately: bool,
    #[serde(default, alias = "ack_ids")]
    ack_ids: Vec<String>,
    #[serde(default, alias = "ack_deadline_seconds")]
    ack_deadline_seconds: i32,
    #[serde(default, alias = "push_config")]
    push_config: Option<PushConfigJson>,
}

async fn act(
    State(broker): State<Arc<Broker>>,
    Path((project, subscription)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let (subscription, verb) = split_verb(&subscription);
    let name = name(&project, subscription);
    let asked: Act = body::parse(&body)?;
    match verb {
        Some("pull") => return pull(&broker, &name, &asked).await,
        Some("acknowledge") => broker
            .acknowledge(&name, &asked.ack_ids)
            .await?
            .into_unary()?,
        Some("modifyAckDeadline") => {
            let seconds = asked.ack_deadline_seconds;
            let deadlines: Vec<_> = asked.ack_ids.into_iter().map(|id| (id, seconds)).collect();
            broker.modify_deadlines(&name, &deadlines)?.into_unary()?;
        }
        Some("modifyPushConfig") => {
            let push = asked.push_config.map(PushConfigJson::into_proto);
            broker.modify_push_config(&name, push).await?;
        }
        Some("detach") => broker.detach_subscription(&name).await?,
        Some("seek") => return Err(Refusal::unsupported("seek")),
        Some("getIamPolicy" | "setIamPolicy" | "testIamPermissions") => {
            return Err(Refusal::unsupported("IAM"));
        }
        _ => return Err(Refusal::not_found("no such method of a subscription")),
    }
    Ok(Json(json!({})))
}

async fn pull(broker: &Arc<Broker>, name: &str, asked: &Act) -> Answer {
    let most = most_messages(asked.max_messages)?;
    let patience = if asked.return_immediately {
        Duration::ZERO
    } else {
        PATIENCE
    };
    let received = broker.pull(name, most, patience).await?;
    let received: Vec<_> = received.into_iter().map(ReceivedJson::from).collect();
    Ok(Json(if received.is_empty() {
        json!({})
    } else {
        json!({ "receivedMessages": received })
    }))
}
