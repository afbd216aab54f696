//! The emulator's own switches, at `/emulator/`: nothing of this is in the API.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::state::{Key, Kind};
use super::status::{Answer, Refusal};
use super::{Kubernetes, Node, pod};
use crate::answer::text;

pub(super) fn router() -> Router<Kubernetes> {
    Router::new()
        .route("/machines", get(machines))
        .route("/node", put(node))
        .route("/namespaces/{namespace}/pods/{name}/lose", post(lose))
}

/// Every pod with its process group.
async fn machines(State(kubernetes): State<Kubernetes>) -> Json<Value> {
    let all = kubernetes.look(|state| {
        let pods = state.all(Kind::Pod, None).map(|(key, stored)| {
            json!({
                "namespace": key.namespace,
                "name": key.name,
                "status": text(&stored.body, "/status/phase"),
                "processGroup": stored.group,
            })
        });
        pods.collect()
    });
    Json(all)
}

async fn node(State(kubernetes): State<Kubernetes>, body: Bytes) -> Answer {
    let parsed = serde_json::from_slice(&body);
    let node: Node = parsed.map_err(|error| Refusal::bad_request(error.to_string()))?;
    kubernetes.set_node(node);
    Ok(Json(json!(node)))
}

async fn lose(
    State(kubernetes): State<Kubernetes>,
    Path((namespace, name)): Path<(String, String)>,
) -> Answer {
    if kubernetes.lose(&namespace, &name) {
        return Ok(Json(json!({})));
    }
    Err(Refusal::not_found(&Key {
        kind: Kind::Pod,
        namespace,
        name,
    }))
}

impl Kubernetes {
    /// From now on the node is so; pods that are on it stay.
    pub fn set_node(&self, node: Node) {
        self.change(|state| {
            state.next();
            state.node = node;
        });
    }

    /// The node of the pod goes away: its processes are killed, and it has failed. False: there is no such pod.
    pub fn lose(&self, namespace: &str, name: &str) -> bool {
        let key = Key {
            kind: Kind::Pod,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        pod::lose(self, &key)
    }
}
