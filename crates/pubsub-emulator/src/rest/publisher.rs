//! `/v1/projects/{project}/topics`: <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics>.

use axum::http::Method;
use serde_json::Value;
use tonic::Status;

use super::asked::Asked;
use super::rules::{Body, Rule};
use crate::proto::publisher::publisher_server::Publisher;

#[derive(Clone, Copy, Debug)]
pub(super) enum Rpc {
    CreateTopic,
    UpdateTopic,
    Publish,
    GetTopic,
    ListTopics,
    ListTopicSubscriptions,
    ListTopicSnapshots,
    DeleteTopic,
    DetachSubscription,
}

const TOPIC: &str = "{topic=projects/*/topics/*}";

pub(super) const RULES: [Rule<Rpc>; 9] = [
    Rule::new(
        Method::PUT,
        "{name=projects/*/topics/*}",
        Body::Whole,
        Rpc::CreateTopic,
    ),
    Rule::new(
        Method::PATCH,
        "{topic.name=projects/*/topics/*}",
        Body::Whole,
        Rpc::UpdateTopic,
    ),
    Rule::new(
        Method::POST,
        "{topic=projects/*/topics/*}:publish",
        Body::Whole,
        Rpc::Publish,
    ),
    Rule::new(Method::GET, TOPIC, Body::None, Rpc::GetTopic),
    Rule::new(
        Method::GET,
        "{project=projects/*}/topics",
        Body::None,
        Rpc::ListTopics,
    ),
    Rule::new(
        Method::GET,
        "{topic=projects/*/topics/*}/subscriptions",
        Body::None,
        Rpc::ListTopicSubscriptions,
    ),
    Rule::new(
        Method::GET,
        "{topic=projects/*/topics/*}/snapshots",
        Body::None,
        Rpc::ListTopicSnapshots,
    ),
    Rule::new(Method::DELETE, TOPIC, Body::None, Rpc::DeleteTopic),
    Rule::new(
        Method::POST,
        "{subscription=projects/*/subscriptions/*}:detach",
        Body::Whole,
        Rpc::DetachSubscription,
    ),
];

pub(super) async fn call(to: &impl Publisher, rpc: Rpc, asked: Asked) -> Result<Value, Status> {
    match rpc {
        Rpc::CreateTopic => asked.call("Topic", "Topic", |r| to.create_topic(r)).await,
        Rpc::UpdateTopic => {
            let call = |r| to.update_topic(r);
            asked.call("UpdateTopicRequest", "Topic", call).await
        }
        Rpc::Publish => {
            let call = |r| to.publish(r);
            asked.call("PublishRequest", "PublishResponse", call).await
        }
        Rpc::GetTopic => {
            let call = |r| to.get_topic(r);
            asked.call("GetTopicRequest", "Topic", call).await
        }
        Rpc::ListTopics => {
            let call = |r| to.list_topics(r);
            asked
                .call("ListTopicsRequest", "ListTopicsResponse", call)
                .await
        }
        Rpc::ListTopicSubscriptions => {
            let (input, output) = (
                "ListTopicSubscriptionsRequest",
                "ListTopicSubscriptionsResponse",
            );
            asked
                .call(input, output, |r| to.list_topic_subscriptions(r))
                .await
        }
        Rpc::ListTopicSnapshots => {
            let (input, output) = ("ListTopicSnapshotsRequest", "ListTopicSnapshotsResponse");
            asked
                .call(input, output, |r| to.list_topic_snapshots(r))
                .await
        }
        Rpc::DeleteTopic => {
            let call = |r| to.delete_topic(r);
            asked.call("DeleteTopicRequest", super::EMPTY, call).await
        }
        Rpc::DetachSubscription => {
            let (input, output) = ("DetachSubscriptionRequest", "DetachSubscriptionResponse");
            asked
                .call(input, output, |r| to.detach_subscription(r))
                .await
        }
    }
}
