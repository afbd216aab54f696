//! `google.pubsub.v1.Subscriber`.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status, Streaming};

use super::streaming;
use crate::broker::{Broker, Page, SeekTo};
use crate::clock::Moment;
use crate::encoded::PullResponse;
use crate::proto::seek_request::Target;
use crate::proto::subscriber::subscriber_server::Subscriber;
use crate::proto::{
    AcknowledgeRequest, CreateSnapshotRequest, DeleteSnapshotRequest, DeleteSubscriptionRequest,
    GetSnapshotRequest, GetSubscriptionRequest, ListSnapshotsRequest, ListSnapshotsResponse,
    ListSubscriptionsRequest, ListSubscriptionsResponse, ModifyAckDeadlineRequest,
    ModifyPushConfigRequest, PullRequest, SeekRequest, SeekResponse, Snapshot,
    StreamingPullRequest, Subscription, UpdateSnapshotRequest, UpdateSubscriptionRequest,
};
use crate::refusal::Refusal;

/// How long a pull waits for a first message.
const PATIENCE: Duration = Duration::from_secs(20);
const MOST_A_PULL: usize = 1000;

#[derive(Debug)]
pub(crate) struct Service(pub Arc<Broker>);

fn some(ack_ids: Vec<String>) -> Result<Vec<String>, Refusal> {
    if ack_ids.is_empty() {
        return Err(Refusal::invalid_field("ack_ids", "No ack ids specified."));
    }
    Ok(ack_ids)
}

/// Checks a pull's `max_messages`.
fn most_messages(asked: i32) -> Result<usize, Refusal> {
    match usize::try_from(asked) {
        Ok(most) if most > 0 => Ok(most.min(MOST_A_PULL)),
        _ => Err(Refusal::invalid("max_messages must be positive")),
    }
}

#[tonic::async_trait]
impl Subscriber for Service {
    async fn create_subscription(
        &self,
        request: Request<Subscription>,
    ) -> Result<Response<Subscription>, Status> {
        let config = request.into_inner();
        Ok(Response::new(self.0.create_subscription(config).await?))
    }

    async fn get_subscription(
        &self,
        request: Request<GetSubscriptionRequest>,
    ) -> Result<Response<Subscription>, Status> {
        let name = request.into_inner().subscription;
        Ok(Response::new(self.0.subscription(&name)?))
    }

    async fn update_subscription(
        &self,
        request: Request<UpdateSubscriptionRequest>,
    ) -> Result<Response<Subscription>, Status> {
        let asked = request.into_inner();
        let update = asked
            .subscription
            .ok_or_else(|| Refusal::invalid("no subscription given"))?;
        let paths = asked.update_mask.unwrap_or_default().paths;
        let updated = self.0.update_subscription(update, &paths).await?;
        Ok(Response::new(updated))
    }

    async fn list_subscriptions(
        &self,
        request: Request<ListSubscriptionsRequest>,
    ) -> Result<Response<ListSubscriptionsResponse>, Status> {
        let asked = request.into_inner();
        let page = Page::new(asked.page_size, &asked.page_token)?;
        let (subscriptions, next_page_token) = self.0.subscriptions(&asked.project, page)?;
        Ok(Response::new(ListSubscriptionsResponse {
            subscriptions,
            next_page_token,
        }))
    }

    async fn delete_subscription(
        &self,
        request: Request<DeleteSubscriptionRequest>,
    ) -> Result<Response<()>, Status> {
        let name = request.into_inner().subscription;
        self.0.delete_subscription(&name).await?;
        Ok(Response::new(()))
    }

    async fn modify_ack_deadline(
        &self,
        request: Request<ModifyAckDeadlineRequest>,
    ) -> Result<Response<()>, Status> {
        let asked = request.into_inner();
        let seconds = asked.ack_deadline_seconds;
        let deadlines: Vec<_> = some(asked.ack_ids)?
            .into_iter()
            .map(|id| (id, seconds))
            .collect();
        self.0
            .modify_deadlines(&asked.subscription, &deadlines)?
            .into_unary()?;
        Ok(Response::new(()))
    }

    async fn acknowledge(
        &self,
        request: Request<AcknowledgeRequest>,
    ) -> Result<Response<()>, Status> {
        let asked = request.into_inner();
        self.0
            .acknowledge(&asked.subscription, &some(asked.ack_ids)?)
            .await?
            .into_unary()?;
        Ok(Response::new(()))
    }

    async fn pull(&self, request: Request<PullRequest>) -> Result<Response<PullResponse>, Status> {
        let asked = request.into_inner();
        let most = most_messages(asked.max_messages)?;
        #[expect(deprecated, reason = "old clients still set it, and mean it")]
        let patience = if asked.return_immediately {
            Duration::ZERO
        } else {
            PATIENCE
        };
        let received_messages = self.0.pull(&asked.subscription, most, patience).await?;
        Ok(Response::new(PullResponse { received_messages }))
    }

    type StreamingPullStream = streaming::Responses;

    async fn streaming_pull(
        &self,
        request: Request<Streaming<StreamingPullRequest>>,
    ) -> Result<Response<Self::StreamingPullStream>, Status> {
        let responses = streaming::open(&self.0, request.into_inner()).await?;
        Ok(Response::new(responses))
    }

    async fn modify_push_config(
        &self,
        request: Request<ModifyPushConfigRequest>,
    ) -> Result<Response<()>, Status> {
        let asked = request.into_inner();
        self.0
            .modify_push_config(&asked.subscription, asked.push_config)
            .await?;
        Ok(Response::new(()))
    }

    async fn get_snapshot(
        &self,
        request: Request<GetSnapshotRequest>,
    ) -> Result<Response<Snapshot>, Status> {
        let name = request.into_inner().snapshot;
        Ok(Response::new(self.0.snapshot(&name)?))
    }

    async fn list_snapshots(
        &self,
        request: Request<ListSnapshotsRequest>,
    ) -> Result<Response<ListSnapshotsResponse>, Status> {
        let asked = request.into_inner();
        let page = Page::new(asked.page_size, &asked.page_token)?;
        let (snapshots, next_page_token) = self.0.snapshots(&asked.project, page)?;
        Ok(Response::new(ListSnapshotsResponse {
            snapshots,
            next_page_token,
        }))
    }

    async fn create_snapshot(
        &self,
        request: Request<CreateSnapshotRequest>,
    ) -> Result<Response<Snapshot>, Status> {
        let made = self.0.create_snapshot(request.into_inner()).await?;
        Ok(Response::new(made))
    }

    async fn update_snapshot(
        &self,
        request: Request<UpdateSnapshotRequest>,
    ) -> Result<Response<Snapshot>, Status> {
        let asked = request.into_inner();
        let update = asked
            .snapshot
            .ok_or_else(|| Refusal::invalid_field("snapshot", "no snapshot given"))?;
        let paths = asked.update_mask.unwrap_or_default().paths;
        Ok(Response::new(self.0.update_snapshot(update, &paths).await?))
    }

    async fn delete_snapshot(
        &self,
        request: Request<DeleteSnapshotRequest>,
    ) -> Result<Response<()>, Status> {
        let name = request.into_inner().snapshot;
        self.0.delete_snapshot(&name).await?;
        Ok(Response::new(()))
    }

    async fn seek(&self, request: Request<SeekRequest>) -> Result<Response<SeekResponse>, Status> {
        let SeekRequest {
            subscription,
            target,
        } = request.into_inner();
        let to = match target {
            Some(Target::Time(time)) => SeekTo::Time(Moment::from_proto(&time)),
            Some(Target::Snapshot(name)) => SeekTo::Snapshot(name),
            None => {
                return Err(Refusal::invalid_field("target", "set either time or snapshot").into());
            }
        };
        self.0.seek(&subscription, to).await?;
        Ok(Response::new(SeekResponse {}))
    }
}
