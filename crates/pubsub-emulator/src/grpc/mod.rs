//! The gRPC face: requests to calls of the broker, answers back.

mod publisher;
mod schemas;
mod streaming;
mod subscriber;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use tonic::Status;

use crate::broker::Broker;
use crate::proto::publisher::publisher_server::PublisherServer;
use crate::proto::schema_service::schema_service_server::SchemaServiceServer;
use crate::proto::subscriber::subscriber_server::SubscriberServer;
use crate::refusal::Refusal;

/// Largest request: 10 MB of messages and what is around them.
pub(crate) const LARGEST_REQUEST: usize = crate::broker::MOST_BYTES + (2 << 20);
/// What callers of IAM are refused.
pub(crate) const NO_IAM: &str = "IAM: everybody may do everything";

/// The methods of the API, for both faces.
#[derive(Debug)]
pub(crate) struct Services {
    pub publisher: publisher::Service,
    pub subscriber: subscriber::Service,
    pub schemas: schemas::Service,
}

impl Services {
    pub fn new(broker: &Arc<Broker>) -> Self {
        Self {
            publisher: publisher::Service(Arc::clone(broker)),
            subscriber: subscriber::Service(Arc::clone(broker)),
            schemas: schemas::Service(Arc::clone(broker)),
        }
    }
}

/// The services as an HTTP router.
pub(crate) fn router(broker: &Arc<Broker>) -> Router {
    let services = Services::new(broker);
    let publisher =
        PublisherServer::new(services.publisher).max_decoding_message_size(LARGEST_REQUEST);
    let subscriber =
        SubscriberServer::new(services.subscriber).max_decoding_message_size(LARGEST_REQUEST);
    let schemas =
        SchemaServiceServer::new(services.schemas).max_decoding_message_size(LARGEST_REQUEST);
    let no_iam = || async { Status::from(Refusal::unsupported(NO_IAM)).into_http::<Body>() };
    // Not through `tonic::service::Routes`: it has a fallback of its own, and so has REST.
    Router::new()
        .route_service("/google.pubsub.v1.Publisher/{method}", publisher)
        .route_service("/google.pubsub.v1.Subscriber/{method}", subscriber)
        .route_service("/google.pubsub.v1.SchemaService/{method}", schemas)
        .route("/google.iam.v1.IAMPolicy/{method}", any(no_iam))
}
