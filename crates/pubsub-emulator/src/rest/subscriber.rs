//! `/v1/projects/{project}/subscriptions` and `/snapshots`:
//! <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions>.

use axum::http::Method;
use serde_json::Value;
use tonic::Status;

use super::EMPTY;
use super::asked::Asked;
use super::rules::{Body, Rule};
use crate::proto::subscriber::subscriber_server::Subscriber;

/// All but `StreamingPull`, which has no REST form.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rpc {
    CreateSubscription,
    GetSubscription,
    UpdateSubscription,
    ListSubscriptions,
    DeleteSubscription,
    ModifyAckDeadline,
    Acknowledge,
    Pull,
    ModifyPushConfig,
    GetSnapshot,
    ListSnapshots,
    CreateSnapshot,
    UpdateSnapshot,
    DeleteSnapshot,
    Seek,
}

const SUBSCRIPTION: &str = "{subscription=projects/*/subscriptions/*}";
const SNAPSHOT: &str = "{snapshot=projects/*/snapshots/*}";

pub(super) const RULES: [Rule<Rpc>; 15] = [
    Rule::new(
        Method::PUT,
        "{name=projects/*/subscriptions/*}",
        Body::Whole,
        Rpc::CreateSubscription,
    ),
    Rule::new(Method::GET, SUBSCRIPTION, Body::None, Rpc::GetSubscription),
    Rule::new(
        Method::PATCH,
        "{subscription.name=projects/*/subscriptions/*}",
        Body::Whole,
        Rpc::UpdateSubscription,
    ),
    Rule::new(
        Method::GET,
        "{project=projects/*}/subscriptions",
        Body::None,
        Rpc::ListSubscriptions,
    ),
    Rule::new(
        Method::DELETE,
        SUBSCRIPTION,
        Body::None,
        Rpc::DeleteSubscription,
    ),
    Rule::new(
        Method::POST,
        "{subscription=projects/*/subscriptions/*}:modifyAckDeadline",
        Body::Whole,
        Rpc::ModifyAckDeadline,
    ),
    Rule::new(
        Method::POST,
        "{subscription=projects/*/subscriptions/*}:acknowledge",
        Body::Whole,
        Rpc::Acknowledge,
    ),
    Rule::new(
        Method::POST,
        "{subscription=projects/*/subscriptions/*}:pull",
        Body::Whole,
        Rpc::Pull,
    ),
    Rule::new(
        Method::POST,
        "{subscription=projects/*/subscriptions/*}:modifyPushConfig",
        Body::Whole,
        Rpc::ModifyPushConfig,
    ),
    Rule::new(Method::GET, SNAPSHOT, Body::None, Rpc::GetSnapshot),
    Rule::new(
        Method::GET,
        "{project=projects/*}/snapshots",
        Body::None,
        Rpc::ListSnapshots,
    ),
    Rule::new(
        Method::PUT,
        "{name=projects/*/snapshots/*}",
        Body::Whole,
        Rpc::CreateSnapshot,
    ),
    Rule::new(
        Method::PATCH,
        "{snapshot.name=projects/*/snapshots/*}",
        Body::Whole,
        Rpc::UpdateSnapshot,
    ),
    Rule::new(Method::DELETE, SNAPSHOT, Body::None, Rpc::DeleteSnapshot),
    Rule::new(
        Method::POST,
        "{subscription=projects/*/subscriptions/*}:seek",
        Body::Whole,
        Rpc::Seek,
    ),
];

pub(super) async fn call(to: &impl Subscriber, rpc: Rpc, asked: Asked) -> Result<Value, Status> {
    match rpc {
        Rpc::CreateSubscription => {
            let call = |r| to.create_subscription(r);
            asked.call("Subscription", "Subscription", call).await
        }
        Rpc::GetSubscription => {
            let call = |r| to.get_subscription(r);
            asked
                .call("GetSubscriptionRequest", "Subscription", call)
                .await
        }
        Rpc::UpdateSubscription => {
            let call = |r| to.update_subscription(r);
            asked
                .call("UpdateSubscriptionRequest", "Subscription", call)
                .await
        }
        Rpc::ListSubscriptions => {
            let (input, output) = ("ListSubscriptionsRequest", "ListSubscriptionsResponse");
            asked
                .call(input, output, |r| to.list_subscriptions(r))
                .await
        }
        Rpc::DeleteSubscription => {
            let call = |r| to.delete_subscription(r);
            asked.call("DeleteSubscriptionRequest", EMPTY, call).await
        }
        Rpc::ModifyAckDeadline => {
            let call = |r| to.modify_ack_deadline(r);
            asked.call("ModifyAckDeadlineRequest", EMPTY, call).await
        }
        Rpc::Acknowledge => {
            let call = |r| to.acknowledge(r);
            asked.call("AcknowledgeRequest", EMPTY, call).await
        }
        Rpc::Pull => {
            asked
                .call("PullRequest", "PullResponse", |r| to.pull(r))
                .await
        }
        Rpc::ModifyPushConfig => {
            let call = |r| to.modify_push_config(r);
            asked.call("ModifyPushConfigRequest", EMPTY, call).await
        }
        Rpc::GetSnapshot => {
            let call = |r| to.get_snapshot(r);
            asked.call("GetSnapshotRequest", "Snapshot", call).await
        }
        Rpc::ListSnapshots => {
            let (input, output) = ("ListSnapshotsRequest", "ListSnapshotsResponse");
            asked.call(input, output, |r| to.list_snapshots(r)).await
        }
        Rpc::CreateSnapshot => {
            let call = |r| to.create_snapshot(r);
            asked.call("CreateSnapshotRequest", "Snapshot", call).await
        }
        Rpc::UpdateSnapshot => {
            let call = |r| to.update_snapshot(r);
            asked.call("UpdateSnapshotRequest", "Snapshot", call).await
        }
        Rpc::DeleteSnapshot => {
            let call = |r| to.delete_snapshot(r);
            asked.call("DeleteSnapshotRequest", EMPTY, call).await
        }
        Rpc::Seek => {
            asked
                .call("SeekRequest", "SeekResponse", |r| to.seek(r))
                .await
        }
    }
}
