//! Buckets, and lists of objects: `…/json_api/v1/objects/list`.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::answer::Json;
use super::resource;
use crate::http::Call;
use crate::http::body::small;
use crate::http::list::{read_token, token};
use crate::listing::{Asked, MOST};
use crate::names::{BucketName, Place};
use crate::refusal::Refusal;

/// What would otherwise be taken for a list without it.
const UNKNOWN: [&str; 5] = [
    "endOffset",
    "matchGlob",
    "softDeleted",
    "startOffset",
    "versions",
];

impl Call {
    pub(super) fn json_buckets(&self) -> Response {
        let all = self.store.list_buckets();
        let items: Vec<Value> = all.iter().map(resource::bucket).collect();
        Json(json!({ "kind": "storage#buckets", "items": items })).into_response()
    }

    pub(super) fn json_bucket(&self, name: &BucketName) -> Result<Response, Refusal> {
        match self.store.has_bucket(name) {
            true => Ok(Json(resource::bucket(name)).into_response()),
            false => Err(Refusal::NoSuchBucket),
        }
    }

    pub(super) async fn json_make_bucket(&self, body: Body) -> Result<Response, Refusal> {
        let said = said(&small(body).await?)?;
        let name = said.get("name").and_then(Value::as_str).unwrap_or_default();
        let name = BucketName::new(name)?;
        self.store.make_bucket(&name).await?;
        self.json_bucket(&name)
    }

    pub(super) async fn json_list(&self, bucket: &BucketName) -> Result<Response, Refusal> {
        let is_set = |key: &&str| !matches!(self.query.get(key), None | Some("false"));
        if let Some(key) = UNKNOWN.into_iter().find(|key| is_set(key)) {
            return Err(Refusal::NotImplemented(format!("?{key}")));
        }
        let most = self.query.number("maxResults")?;
        let most = most.and_then(|most| usize::try_from(most).ok());
        let after = self.query.get("pageToken").map(read_token).transpose()?;
        let asked = Asked {
            prefix: self.query.get("prefix").unwrap_or_default().to_owned(),
            delimiter: self.query.get("delimiter").map(str::to_owned),
            after,
            limit: most.unwrap_or(MOST).min(MOST),
        };
        self.store.ensure_bucket(bucket).await?;
        let page = self.store.list(bucket, &asked)?;
        let items = page.objects.into_iter().map(|(name, object)| {
            let bucket = bucket.clone();
            resource::object(&Place { bucket, name }, &object.meta)
        });
        let mut list = json!({ "kind": "storage#objects", "items": items.collect::<Vec<_>>() });
        if !page.prefixes.is_empty() {
            list["prefixes"] = json!(page.prefixes);
        }
        if let Some(next) = page.next {
            list["nextPageToken"] = json!(token(&next));
        }
        Ok(Json(list).into_response())
    }
}

/// A body in JSON.
pub(super) fn said(body: &[u8]) -> Result<Value, Refusal> {
    let wrong = |error| Refusal::InvalidArgument(format!("the JSON in the body: {error}"));
    serde_json::from_slice(body).map_err(wrong)
}
