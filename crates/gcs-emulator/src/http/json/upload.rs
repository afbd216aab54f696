//! Uploads in one request: `…/json_api/v1/objects/insert`.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::answer::Json;
use super::related::{Related, boundary};
use super::{list, resource};
use crate::digest::Digest;
use crate::http::Call;
use crate::http::body::{Expected, receive};
use crate::meta::Described;
use crate::names::{BucketName, Place};
use crate::precondition::Preconditions;
use crate::refusal::Refusal;
use crate::shelf::Draft;

impl Call {
    pub(super) async fn json_upload(
        &self,
        bucket: &BucketName,
        body: Body,
    ) -> Result<Response, Refusal> {
        let conditions = Preconditions::of_query(&self.query)?;
        let mut draft = self.store.draft().await?;
        let said = match self.query.get("uploadType") {
            Some("media") => {
                receive(body, &HeaderMap::new(), &mut draft).await?;
                let kind = self.headers.get(header::CONTENT_TYPE);
                let kind = kind.and_then(|kind| kind.to_str().ok());
                serde_json::json!({ "contentType": kind })
            }
            Some("multipart") => self.json_related(body, &mut draft).await?,
            other => {
                let other = other.unwrap_or("that is not said");
                return Err(Refusal::NotImplemented(format!("uploadType {other}")));
            }
        };
        let name = self
            .query
            .get("name")
            .or_else(|| said.get("name")?.as_str());
        let place = Place::new(bucket.as_str(), name.unwrap_or_default())?;
        check(&said, &draft.digest())?;
        let described = Described::of(&headers(&said)?)?;
        let stored = self.store.put(&place, draft, described, &conditions, None);
        Ok(Json(resource::object(&place, &stored.await?)).into_response())
    }

    async fn json_related(&self, body: Body, draft: &mut Draft) -> Result<Value, Refusal> {
        let kind = self.headers.get(header::CONTENT_TYPE);
        let boundary = kind.and_then(|kind| boundary(kind.to_str().ok()?));
        let wrong = || "uploadType=multipart has a body of multipart/related".to_owned();
        let boundary = boundary.ok_or_else(|| Refusal::InvalidArgument(wrong()))?;
        let mut related = Related::new(body.into_data_stream(), boundary);
        let (said, kind) = related.head().await?;
        let mut said = list::said(&said)?;
        if said.get("contentType").is_none()
            && let Some(said) = said.as_object_mut()
        {
            said.extend(kind.map(|kind| ("contentType".to_owned(), Value::String(kind))));
        }
        related.content(draft).await?;
        Ok(said)
    }
}

fn headers(said: &Value) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::new();
    for (name, value) in resource::headers(said) {
        let wrong = || Refusal::InvalidArgument(format!("{name:?} cannot be a header"));
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong())?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Checksums that were said with the object.
fn check(said: &Value, digest: &Digest) -> Result<(), Refusal> {
    let text = |key: &str| said.get(key).and_then(Value::as_str);
    Expected::said(text("md5Hash"), text("crc32c"))?.check(digest)
}
