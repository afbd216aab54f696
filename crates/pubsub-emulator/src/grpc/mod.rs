//! The gRPC face: requests to calls of the broker, answers back.

mod publisher;
mod schema;
mod streaming;
mod subscriber;

use std::sync::Arc;

use axum::Router;

use crate::broker::Broker;
use crate::proto::publisher::publisher_server::PublisherServer;
use crate::proto::schema_service::schema_service_server::SchemaServiceServer;
use crate::proto::subscriber::subscriber_server::SubscriberServer;
pub(crate) use subscriber::{PATIENCE, most_messages};

/// Largest request: 10 MB of messages and what is around them.
pub(crate) const LARGEST_REQUEST: usize = crate::broker::MOST_BYTES + (2 << 20);

/// The services as an HTTP router.
pub(crate) fn router(broker: &Arc<Broker>) -> Router {
    let publisher = PublisherServer::new(publisher::Service(Arc::clone(broker)))
        .max_decoding_message_size(LARGEST_REQUEST);
    let subscriber = SubscriberServer::new(subscriber::Service(Arc::clone(broker)))
        .max_decoding_message_size(LARGEST_REQUEST);
    let schemas = SchemaServiceServer::new(schema::Service);
    // Not through `tonic::service::Routes`: it has a fallback of its own, and so has REST.
    Router::new()
        .route_service("/google.pubsub.v1.Publisher/{method}", publisher)
        .route_service("/google.pubsub.v1.Subscriber/{method}", subscriber)
        .route_service("/google.pubsub.v1.SchemaService/{method}", schemas)
}
