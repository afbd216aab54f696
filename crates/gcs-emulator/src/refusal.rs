//! What is answered where a request cannot be done: <https://cloud.google.com/storage/docs/xml-api/reference-status>.

use std::io;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::xml::Xml;

/// A refusal; each is an error code of the XML API.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What came has another checksum than was said.
    #[error("The {0} you specified did not match what was received.")]
    BadDigest(&'static str),
    /// A bucket that has objects is not deleted.
    #[error("The bucket you tried to delete is not empty.")]
    BucketNotEmpty,
    /// A bucket is made once.
    #[error("You already own this bucket.")]
    BucketAlreadyOwnedByYou,
    /// Over what the emulator keeps in memory.
    #[error("{0}")]
    EntityTooLarge(String),
    /// A part that is not the last one is too small.
    #[error("Part {number} has {size} bytes: all parts but the last have at least {smallest}.")]
    EntityTooSmall {
        /// Which part.
        number: u32,
        /// What it has, in bytes.
        size: u64,
        /// What it must have.
        smallest: u64,
    },
    /// The body ended early, or came too slowly.
    #[error("The request body ended before all of it had come: {0}")]
    IncompleteBody(String),
    /// The disk.
    #[error("{0}")]
    InternalError(#[from] io::Error),
    /// Something in the request does not read.
    #[error("{0}")]
    InvalidArgument(String),
    /// The name of a bucket breaks the rules.
    #[error("The specified bucket is not valid.")]
    InvalidBucketName,
    /// A checksum that is none.
    #[error("The {0} you specified is not valid.")]
    InvalidDigest(&'static str),
    /// A part that is to be put together is not there, or is another.
    #[error("Part {0} was not uploaded, or its ETag is not the one that was given.")]
    InvalidPart(u32),
    /// Parts go in ascending order.
    #[error("The list of parts was not in ascending order by part number.")]
    InvalidPartOrder,
    /// No byte of the range is in the object.
    #[error("The requested range cannot be satisfied.")]
    InvalidRange {
        /// The object's size in bytes.
        size: u64,
    },
    /// The name of an object is too long.
    #[error("Your key is too long.")]
    KeyTooLong,
    /// Custom metadata has more than 8 KiB.
    #[error("Your metadata headers exceed the maximum allowed metadata size.")]
    MetadataTooLarge,
    /// No such method of this resource.
    #[error("The specified method is not allowed against this resource.")]
    MethodNotAllowed,
    /// No such bucket.
    #[error("The specified bucket does not exist.")]
    NoSuchBucket,
    /// No such object.
    #[error("The specified key does not exist.")]
    NoSuchKey,
    /// No such upload.
    #[error("The specified multipart upload does not exist, or was completed or aborted.")]
    NoSuchUpload,
    /// The emulator does not know it.
    #[error("This emulator does not implement {0}.")]
    NotImplemented(String),
    /// What the reader has is what there is.
    #[error("The resource has not been modified.")]
    NotModified,
    /// A condition does not hold.
    #[error("At least one of the pre-conditions you specified did not hold.")]
    PreconditionFailed(&'static str),
    /// The object was written over again and again while it was to be read.
    #[error("Please reduce your request rate.")]
    SlowDown,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotModified => StatusCode::NOT_MODIFIED,
            Self::NoSuchBucket | Self::NoSuchKey | Self::NoSuchUpload => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BucketNotEmpty | Self::BucketAlreadyOwnedByYou => StatusCode::CONFLICT,
            Self::PreconditionFailed(_) => StatusCode::PRECONDITION_FAILED,
            Self::InvalidRange { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::InternalError(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotImplemented(_) => StatusCode::NOT_IMPLEMENTED,
            Self::SlowDown => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::BadDigest(_) => "BadDigest",
            Self::BucketNotEmpty => "BucketNotEmpty",
            Self::BucketAlreadyOwnedByYou => "BucketAlreadyOwnedByYou",
            Self::EntityTooLarge(_) => "EntityTooLarge",
            Self::EntityTooSmall { .. } => "EntityTooSmall",
            Self::IncompleteBody(_) => "IncompleteBody",
            Self::InternalError(_) => "InternalError",
            Self::InvalidArgument(_) => "InvalidArgument",
            Self::InvalidBucketName => "InvalidBucketName",
            Self::InvalidDigest(_) => "InvalidDigest",
            Self::InvalidPart(_) => "InvalidPart",
            Self::InvalidPartOrder => "InvalidPartOrder",
            Self::InvalidRange { .. } => "InvalidRange",
            Self::KeyTooLong => "KeyTooLong",
            Self::MetadataTooLarge => "MetadataTooLarge",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::NoSuchBucket => "NoSuchBucket",
            Self::NoSuchKey => "NoSuchKey",
            Self::NoSuchUpload => "NoSuchUpload",
            Self::NotImplemented(_) => "NotImplemented",
            Self::NotModified => "NotModified",
            Self::PreconditionFailed(_) => "PreconditionFailed",
            Self::SlowDown => "SlowDown",
        }
    }

    fn xml(&self) -> Xml {
        let mut xml = Xml::document();
        xml.within("Error", |xml| {
            xml.text("Code", self.code());
            xml.text("Message", &self.to_string());
            if let Self::PreconditionFailed(which) = self {
                xml.text("Details", which);
            }
        });
        xml
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if let Self::InternalError(error) = &self {
            tracing::error!(%error, "the data folder");
        }
        let status = self.status();
        if status == StatusCode::NOT_MODIFIED {
            return status.into_response();
        }
        let mut response = (status, self.xml()).into_response();
        if let Self::InvalidRange { size } = self {
            // RFC 9110, 14.4.
            if let Ok(value) = format!("bytes */{size}").parse() {
                response.headers_mut().insert("content-range", value);
            }
        }
        response
    }
}
