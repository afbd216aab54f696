//! The part of the JSON API that client libraries need for buckets and whole objects:
//! <https://cloud.google.com/storage/docs/json_api/v1>. The same objects, under the same conditions.

mod answer;
mod list;
mod related;
mod resource;
mod upload;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use self::answer::{Json, failure};
use super::Call;
use super::asked::decode;
use crate::names::{BucketName, Place};
use crate::precondition::Preconditions;
use crate::refusal::Refusal;

/// What a path of this API names.
#[derive(Debug, PartialEq, Eq)]
pub enum Resource {
    /// All buckets.
    Buckets,
    /// One.
    Bucket(BucketName),
    /// The objects in one.
    Objects(BucketName),
    /// One of them; its content alone, or as `alt` says.
    Object(Place, bool),
    /// Where objects of a bucket are uploaded.
    Upload(BucketName),
}

impl Resource {
    /// Of a path; none where it is not of this API. A slash in the name of an object is encoded.
    pub fn parse(path: &str) -> Option<Result<Self, Refusal>> {
        let (kind, rest) = match path.split_once("/storage/v1/b") {
            Some((kind @ ("" | "/upload" | "/download" | "/resumable/upload"), rest)) => {
                (kind, rest)
            }
            _ => return None,
        };
        let parts: Vec<&str> = rest.split('/').skip(1).collect();
        (rest.is_empty() || rest.starts_with('/')).then(|| Self::of(kind, &parts))
    }

    fn of(kind: &str, parts: &[&str]) -> Result<Self, Refusal> {
        let bucket = |name: &str| BucketName::new(&decode(name)?);
        match (kind, parts) {
            ("", [] | [""]) => Ok(Self::Buckets),
            ("", [name]) => Ok(Self::Bucket(bucket(name)?)),
            ("", [name, "o"]) => Ok(Self::Objects(bucket(name)?)),
            ("" | "/download", [name, "o", object]) => {
                let place = Place::new(&decode(name)?, &decode(object)?)?;
                Ok(Self::Object(place, kind == "/download"))
            }
            ("/upload" | "/resumable/upload", [name, "o"]) => Ok(Self::Upload(bucket(name)?)),
            _ => Err(Refusal::NotImplemented(format!(
                "{kind}/b/{}",
                parts.join("/")
            ))),
        }
    }
}

impl Call {
    pub(super) async fn in_json(
        &self,
        method: &Method,
        resource: Result<Resource, Refusal>,
        body: Body,
    ) -> Response {
        let answered = match resource {
            Ok(resource) => self.json(method, resource, body).await,
            Err(refusal) => Err(refusal),
        };
        answered.unwrap_or_else(failure)
    }

    async fn json(
        &self,
        method: &Method,
        resource: Resource,
        body: Body,
    ) -> Result<Response, Refusal> {
        match (method, resource) {
            (&Method::GET, Resource::Buckets) => Ok(self.json_buckets()),
            (&Method::POST, Resource::Buckets) => self.json_make_bucket(body).await,
            (&Method::GET, Resource::Bucket(name)) => self.json_bucket(&name),
            (&Method::DELETE, Resource::Bucket(name)) => {
                self.store.remove_bucket(&name).await?;
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            (&Method::GET, Resource::Objects(name)) => self.json_list(&name).await,
            (&Method::GET, Resource::Object(place, content)) => {
                self.json_read(&place, content).await
            }
            (&Method::DELETE, Resource::Object(place, _)) => {
                let conditions = Preconditions::of_query(&self.query)?;
                self.store.delete(&place, &conditions).await?;
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            (&Method::POST, Resource::Upload(name)) => self.json_upload(&name, body).await,
            (&Method::PUT | &Method::PATCH | &Method::POST, _) => Err(Refusal::NotImplemented(
                format!("{method} of this resource"),
            )),
            _ => Err(Refusal::MethodNotAllowed),
        }
    }

    /// The object's content, or what is known of it.
    async fn json_read(&self, place: &Place, content: bool) -> Result<Response, Refusal> {
        let conditions = Preconditions::of_query(&self.query)?;
        if content || self.query.get("alt") == Some("media") {
            return self.read_if(place, false, &conditions).await;
        }
        let object = self.store.get(place)?;
        conditions.check(Some(&object.meta))?;
        Ok(Json(resource::object(place, &object.meta)).into_response())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_of_this_api_or_of_the_other() {
        let bucket = || BucketName::new("abc").unwrap();
        let place = || Place::new("abc", "a/b").unwrap();
        for (path, expected) in [
            ("/storage/v1/b", Resource::Buckets),
            ("/storage/v1/b/abc", Resource::Bucket(bucket())),
            ("/storage/v1/b/abc/o", Resource::Objects(bucket())),
            (
                "/storage/v1/b/abc/o/a%2Fb",
                Resource::Object(place(), false),
            ),
            (
                "/download/storage/v1/b/abc/o/a%2Fb",
                Resource::Object(place(), true),
            ),
            ("/upload/storage/v1/b/abc/o", Resource::Upload(bucket())),
        ] {
            assert_eq!(Resource::parse(path).unwrap().unwrap(), expected, "{path}");
        }
        for other in [
            "/",
            "/abc/storage/v1/b",
            "/storage/v1/bucket",
            "/storage/v2/b",
        ] {
            assert!(Resource::parse(other).is_none(), "{other}");
        }
        for unknown in ["/storage/v1/b/abc/acl", "/storage/v1/b/abc/o/x/compose"] {
            assert!(Resource::parse(unknown).unwrap().is_err(), "{unknown}");
        }
    }
}
