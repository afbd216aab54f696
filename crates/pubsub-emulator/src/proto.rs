//! The messages of `google.pubsub.v1` and the server traits generated for its services.

pub(crate) use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::*;

/// `google.protobuf.Empty`.
pub(crate) type Empty = ();

#[allow(
    missing_docs,
    clippy::all,
    reason = "generated: tonic writes no docs for a service given without comments"
)]
pub(crate) mod publisher {
    include!(concat!(env!("OUT_DIR"), "/google.pubsub.v1.Publisher.rs"));
}

#[allow(
    missing_docs,
    clippy::all,
    reason = "generated: tonic writes no docs for a service given without comments"
)]
pub(crate) mod subscriber {
    include!(concat!(env!("OUT_DIR"), "/google.pubsub.v1.Subscriber.rs"));
}

#[allow(
    missing_docs,
    clippy::all,
    reason = "generated: tonic writes no docs for a service given without comments"
)]
pub(crate) mod schema_service {
    include!(concat!(
        env!("OUT_DIR"),
        "/google.pubsub.v1.SchemaService.rs"
    ));
}
