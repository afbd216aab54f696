//! `google.pubsub.v1.Publisher`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::broker::{Broker, Page};
use crate::proto::publisher::publisher_server::Publisher;
use crate::proto::{
    DeleteTopicRequest, DetachSubscriptionRequest, DetachSubscriptionResponse, GetTopicRequest,
    ListTopicSnapshotsRequest, ListTopicSnapshotsResponse, ListTopicSubscriptionsRequest,
    ListTopicSubscriptionsResponse, ListTopicsRequest, ListTopicsResponse, PublishRequest,
    PublishResponse, Topic, UpdateTopicRequest,
};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(crate) struct Service(pub Arc<Broker>);

#[tonic::async_trait]
impl Publisher for Service {
    async fn create_topic(&self, request: Request<Topic>) -> Result<Response<Topic>, Status> {
        let topic = self.0.create_topic(request.into_inner()).await?;
        Ok(Response::new(topic))
    }

    async fn update_topic(
        &self,
        request: Request<UpdateTopicRequest>,
    ) -> Result<Response<Topic>, Status> {
        let UpdateTopicRequest { topic, update_mask } = request.into_inner();
        let topic = topic.ok_or_else(|| Refusal::invalid("no topic given"))?;
        let paths = update_mask.unwrap_or_default().paths;
        Ok(Response::new(self.0.update_topic(topic, &paths).await?))
    }

    async fn publish(
        &self,
        request: Request<PublishRequest>,
    ) -> Result<Response<PublishResponse>, Status> {
        let PublishRequest { topic, messages } = request.into_inner();
        let message_ids = self.0.publish(&topic, messages).await?;
        Ok(Response::new(PublishResponse { message_ids }))
    }

    async fn get_topic(
        &self,
        request: Request<GetTopicRequest>,
    ) -> Result<Response<Topic>, Status> {
        Ok(Response::new(self.0.topic(&request.into_inner().topic)?))
    }

    async fn list_topics(
        &self,
        request: Request<ListTopicsRequest>,
    ) -> Result<Response<ListTopicsResponse>, Status> {
        let asked = request.into_inner();
        let page = Page::new(asked.page_size, &asked.page_token)?;
        let (topics, next_page_token) = self.0.topics(&asked.project, page)?;
        Ok(Response::new(ListTopicsResponse {
            topics,
            next_page_token,
        }))
    }

    async fn list_topic_subscriptions(
        &self,
        request: Request<ListTopicSubscriptionsRequest>,
    ) -> Result<Response<ListTopicSubscriptionsResponse>, Status> {
        let asked = request.into_inner();
        let page = Page::new(asked.page_size, &asked.page_token)?;
        let (subscriptions, next_page_token) = self.0.topic_subscriptions(&asked.topic, page)?;
        Ok(Response::new(ListTopicSubscriptionsResponse {
            subscriptions,
            next_page_token,
        }))
    }

    async fn list_topic_snapshots(
        &self,
        request: Request<ListTopicSnapshotsRequest>,
    ) -> Result<Response<ListTopicSnapshotsResponse>, Status> {
        let asked = request.into_inner();
        let page = Page::new(asked.page_size, &asked.page_token)?;
        let (snapshots, next_page_token) = self.0.topic_snapshots(&asked.topic, page)?;
        Ok(Response::new(ListTopicSnapshotsResponse {
            snapshots,
            next_page_token,
        }))
    }

    async fn delete_topic(
        &self,
        request: Request<DeleteTopicRequest>,
    ) -> Result<Response<()>, Status> {
        self.0.delete_topic(&request.into_inner().topic).await?;
        Ok(Response::new(()))
    }

    async fn detach_subscription(
        &self,
        request: Request<DetachSubscriptionRequest>,
    ) -> Result<Response<DetachSubscriptionResponse>, Status> {
        let name = request.into_inner().subscription;
        self.0.detach_subscription(&name).await?;
        Ok(Response::new(DetachSubscriptionResponse {}))
    }
}
