//! `/v1/projects/{project}/topics`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::json::{MessageJson, TopicJson};
use super::{PageQuery, body, page, split_verb};
use crate::broker::Broker;
use crate::proto::Topic;
use crate::refusal::Refusal;

type Answer = Result<Json<Value>, Refusal>;

pub(super) fn routes() -> Router<Arc<Broker>> {
    Router::new()
        .route("/v1/projects/{project}/topics", get(list))
        .route(
            "/v1/projects/{project}/topics/{topic}",
            put(create).get(read).patch(update).delete(delete).post(act),
        )
        .route(
            "/v1/projects/{project}/topics/{topic}/subscriptions",
            get(subscriptions),
        )
        .route(
            "/v1/projects/{project}/topics/{topic}/snapshots",
            get(async || Refusal::unsupported("snapshots")),
        )
}

fn name(project: &str, topic: &str) -> String {
    format!("projects/{project}/topics/{topic}")
}

async fn create(
    State(broker): State<Arc<Broker>>,
    Path((project, topic)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let config: TopicJson = body::parse(&body)?;
    let config = Topic {
        name: name(&project, &topic),
        ..config.into_proto()?
    };
    let made = broker.create_topic(config).await?;
    Ok(Json(json!(TopicJson::from(made))))
}

async fn read(
    State(broker): State<Arc<Broker>>,
    Path((project, topic)): Path<(String, String)>,
) -> Answer {
    let found = broker.topic(&name(&project, &topic))?;
    Ok(Json(json!(TopicJson::from(found))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    topic: TopicJson,
    #[serde(default, alias = "update_mask")]
    update_mask: String,
}

async fn update(
    State(broker): State<Arc<Broker>>,
    Path((project, topic)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let asked: Update = body::parse(&body)?;
    let config = Topic {
        name: name(&project, &topic),
        ..asked.topic.into_proto()?
    };
    let paths = body::paths(&asked.update_mask);
    let updated = broker.update_topic(config, &paths).await?;
    Ok(Json(json!(TopicJson::from(updated))))
}

async fn delete(
    State(broker): State<Arc<Broker>>,
    Path((project, topic)): Path<(String, String)>,
) -> Answer {
    broker.delete_topic(&name(&project, &topic)).await?;
    Ok(Json(json!({})))
}

async fn list(
    State(broker): State<Arc<Broker>>,
    Path(project): Path<String>,
    query: Query<PageQuery>,
) -> Answer {
    let (topics, next) = broker.topics(&format!("projects/{project}"), page(query))?;
    let topics: Vec<_> = topics.into_iter().map(TopicJson::from).collect();
    Ok(Json(json!({ "topics": topics, "nextPageToken": next })))
}

async fn subscriptions(
    State(broker): State<Arc<Broker>>,
    Path((project, topic)): Path<(String, String)>,
    query: Query<PageQuery>,
) -> Answer {
    let (names, next) = broker.topic_subscriptions(&name(&project, &topic), page(query))?;
    Ok(Json(
        json!({ "subscriptions": names, "nextPageToken": next }),
    ))
}

#[derive(Deserialize)]
struct Publish {
    #[serde(default)]
    messages: Vec<MessageJson>,
}

async fn act(
    State(broker): State<Arc<Broker>>,
    Path((project, topic)): Path<(String, String)>,
    body: Bytes,
) -> Answer {
    let (topic, verb) = split_verb(&topic);
    match verb {
        Some("publish") => {
            let asked: Publish = body::parse(&body)?;
            let messages: Result<Vec<_>, _> = asked
                .messages
                .into_iter()
                .map(MessageJson::into_proto)
                .collect();
            let ids = broker.publish(&name(&project, topic), messages?).await?;
            Ok(Json(json!({ "messageIds": ids })))
        }
        Some("getIamPolicy" | "setIamPolicy" | "testIamPermissions") => {
            Err(Refusal::unsupported("IAM"))
        }
        _ => Err(Refusal::not_found("no such method of a topic")),
    }
}
