//! The XML API, a file a kind of resource, and a part of the JSON API. Nobody is asked who they are: `Authorization` and signatures in a URL are not
//! looked at.

mod asked;
mod body;
mod bucket;
mod json;
mod list;
mod object;
mod upload;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};

pub use self::asked::Query;
use self::asked::Target;
use self::json::Resource;
use crate::names::{BucketName, Place};
use crate::refusal::Refusal;
use crate::store::Store;

/// Every path is the service, a bucket or an object.
pub fn router(store: Arc<Store>) -> Router {
    Router::new().fallback(answer).with_state(store)
}

/// What came with a request, beside its resource and its body.
struct Call {
    store: Arc<Store>,
    query: Query,
    headers: HeaderMap,
}

async fn answer(State(store): State<Arc<Store>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let call = Call {
        store,
        query: Query::parse(head.uri.query().unwrap_or_default()),
        headers: head.headers,
    };
    if let Some(resource) = Resource::parse(head.uri.path()) {
        return call.in_json(&head.method, resource, body).await;
    }
    let answered = match Target::parse(head.uri.path()) {
        Ok(target) => call.answer(&head.method, target, body).await,
        Err(refusal) => Err(refusal),
    };
    answered.unwrap_or_else(Refusal::into_response)
}

impl Call {
    async fn answer(
        &self,
        method: &Method,
        target: Target,
        body: Body,
    ) -> Result<Response, Refusal> {
        self.query.refuse_unknown()?;
        match target {
            Target::Service if matches!(*method, Method::GET | Method::HEAD) => {
                Ok(self.list_buckets())
            }
            Target::Service => Err(Refusal::MethodNotAllowed),
            Target::Bucket(name) => self.of_bucket(method, name).await,
            Target::Object(place) => self.of_object(method, place, body).await,
        }
    }

    async fn of_bucket(&self, method: &Method, name: BucketName) -> Result<Response, Refusal> {
        match *method {
            Method::GET if self.query.has("uploads") => Ok(self.list_uploads(&name)),
            Method::GET => self.list(&name).await,
            Method::HEAD => self.head_bucket(&name),
            Method::PUT => self.make_bucket(&name).await,
            Method::DELETE => self.remove_bucket(&name).await,
            Method::POST => Err(Refusal::NotImplemented("uploads from forms".to_owned())),
            _ => Err(Refusal::MethodNotAllowed),
        }
    }

    async fn of_object(
        &self,
        method: &Method,
        place: Place,
        body: Body,
    ) -> Result<Response, Refusal> {
        let of_upload = self.query.get("uploadId").is_some();
        match *method {
            Method::GET if of_upload => self.list_parts(&place).await,
            Method::GET => self.read(&place, false).await,
            Method::HEAD => self.read(&place, true).await,
            Method::PUT if of_upload => self.put_part(&place, body).await,
            Method::PUT if self.headers.contains_key(object::COPY_SOURCE) => {
                self.copy(&place).await
            }
            Method::PUT => self.put(&place, body).await,
            Method::POST if of_upload => self.complete_upload(&place, body).await,
            Method::POST if self.query.has("uploads") => self.begin_upload(place).await,
            Method::POST => Err(Refusal::NotImplemented("resumable uploads".to_owned())),
            Method::DELETE if of_upload => self.abort_upload(&place).await,
            Method::DELETE => self.delete(&place).await,
            _ => Err(Refusal::MethodNotAllowed),
        }
    }
}
