//! Buckets: <https://cloud.google.com/storage/docs/xml-api/put-bucket-create> and the pages beside it.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Call;
use crate::names::BucketName;
use crate::refusal::Refusal;
use crate::xml::Xml;

impl Call {
    pub(super) fn list_buckets(&self) -> Response {
        let mut xml = Xml::document();
        xml.within("ListAllMyBucketsResult", |xml| {
            xml.within("Buckets", |xml| {
                for name in self.store.list_buckets() {
                    xml.within("Bucket", |xml| xml.text("Name", name.as_str()));
                }
            });
        });
        xml.into_response()
    }

    pub(super) fn head_bucket(&self, name: &BucketName) -> Result<Response, Refusal> {
        match self.store.has_bucket(name) {
            true => Ok(StatusCode::OK.into_response()),
            false => Err(Refusal::NoSuchBucket),
        }
    }

    /// The body, which may say where the bucket is to be, is not read.
    pub(super) async fn make_bucket(&self, name: &BucketName) -> Result<Response, Refusal> {
        self.store.make_bucket(name).await?;
        Ok(StatusCode::OK.into_response())
    }

    pub(super) async fn remove_bucket(&self, name: &BucketName) -> Result<Response, Refusal> {
        self.store.remove_bucket(name).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}
