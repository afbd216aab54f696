//! New objects.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::Value;

use super::state::{Key, Kind};
use super::status::Refusal;
use super::{Kubernetes, check, pod, quota};
use crate::answer::text;

type Created = Result<(StatusCode, Json<Value>), Refusal>;

/// `POST /api/v1/namespaces`.
pub(super) async fn namespace(State(kubernetes): State<Kubernetes>, body: Bytes) -> Created {
    let body = parsed(&body)?;
    let key = Key::namespace(text(&body, "/metadata/name"));
    kubernetes.create(key, body)
}

/// `POST /api/v1/namespaces/{namespace}/{kind}`.
pub(super) async fn spaced(
    State(kubernetes): State<Kubernetes>,
    Path((namespace, kind)): Path<(String, String)>,
    body: Bytes,
) -> Created {
    let kind = Kind::in_path(&kind)?;
    kubernetes.look(|state| state.get(&Key::namespace(&namespace)).map(drop))?;
    let body = parsed(&body)?;
    let said = text(&body, "/metadata/namespace");
    if !said.is_empty() && said != namespace {
        let why = "the namespace of the object does not match the namespace of the request";
        return Err(Refusal::bad_request(why));
    }
    let name = text(&body, "/metadata/name").to_owned();
    let key = Key {
        kind,
        namespace,
        name,
    };
    kubernetes.create(key, body)
}

fn parsed(body: &Bytes) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad_request(error.to_string()))
}

impl Kubernetes {
    fn create(&self, key: Key, body: Value) -> Created {
        check::object(&key, &body)?;
        let (view, uid) = self.change(|state| {
            if state.objects.contains_key(&key) {
                return Err(Refusal::exists(&key));
            }
            if key.kind == Kind::Pod {
                quota::check(state, &key, &body)?;
            }
            let stored = state.put(key.clone(), body);
            Ok((stored.body.clone(), stored.uid().to_owned()))
        })?;
        if key.kind == Kind::Pod {
            self.0.place.spawn(pod::live(self.clone(), key, uid));
        }
        self.collect();
        Ok((StatusCode::CREATED, Json(view)))
    }
}
