//! The messages of `google.pubsub.v1` and the server traits generated for its services.
#![allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code is not ours to lint"
)]

pub(crate) use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::*;

/// `google.protobuf.Empty`.
pub(crate) type Empty = ();

pub(crate) mod publisher {
    include!(concat!(env!("OUT_DIR"), "/google.pubsub.v1.Publisher.rs"));
}

pub(crate) mod subscriber {
    include!(concat!(env!("OUT_DIR"), "/google.pubsub.v1.Subscriber.rs"));
}

pub(crate) mod schema_service {
    include!(concat!(
        env!("OUT_DIR"),
        "/google.pubsub.v1.SchemaService.rs"
    ));
}
