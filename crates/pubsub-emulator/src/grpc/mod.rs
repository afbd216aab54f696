//! The gRPC face: requests to calls of the broker, answers back.

mod publisher;
mod schema;
mod streaming;
mod subscriber;

use std::sync::Arc;

use tonic::service::Routes;

use crate::broker::Broker;
use crate::proto::publisher::publisher_server::PublisherServer;
pub(crate) use subscriber::{PATIENCE, most_messages};
use crate::proto::schema_service::schema_service_server::SchemaServiceServer;
use crate::proto::subscriber::subscriber_server::SubscriberServer;

/// Largest request: 10 MB of messages and what is around them.
pub(crate) const LARGEST_REQUEST: usize = crate::broker::MOST_BYTES + (2 << 20);

/// The services as an HTTP router.
pub(crate) fn router(broker: &Arc<Broker>) -> axum::Router {
    let publisher = PublisherServer::new(publisher::Service(Arc::clone(broker)))
        .max_decoding_message_size(LARGEST_REQUEST);
    let subscriber = SubscriberServer::new(subscriber::Service(Arc::clone(broker)))
        .max_decoding_message_size(LARGEST_REQUEST);
    Routes::new(publisher)
        .add_service(subscriber)
        .add_service(SchemaServiceServer::new(schema::Service))
        .into_axum_router()
}
