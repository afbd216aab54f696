//! What a client may ask first.

use axum::Json;
use serde_json::{Value, json};

use super::state::Kind;

/// `GET /version`.
pub(super) async fn version() -> Json<Value> {
    Json(json!({ "major": "1", "minor": "34", "gitVersion": "v1.34.0", "platform": "linux/amd64" }))
}

/// `GET /api`.
pub(super) async fn api() -> Json<Value> {
    Json(json!({ "kind": "APIVersions", "versions": ["v1"] }))
}

/// `GET /apis`: there are no others.
pub(super) async fn apis() -> Json<Value> {
    Json(json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [] }))
}

/// `GET /api/v1`.
pub(super) async fn resources() -> Json<Value> {
    let resource = |kind: Kind, namespaced: bool, verbs: &[&str]| {
        json!({
            "name": kind.plural(),
            "singularName": kind.name().to_lowercase(),
            "kind": kind.name(),
            "namespaced": namespaced,
            "verbs": verbs,
        })
    };
    let mut all = vec![resource(Kind::Namespace, false, &["create", "get", "list"])];
    let verbs = ["create", "delete", "get", "list"];
    all.extend(Kind::SPACED.map(|kind| resource(kind, true, &verbs)));
    Json(json!({ "kind": "APIResourceList", "groupVersion": "v1", "resources": all }))
}
