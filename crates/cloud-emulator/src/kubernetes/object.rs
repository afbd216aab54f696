//! An object as it is kept: as it was sent, with what the server knows of it.

use serde_json::{Map, Value, json};

use super::state::{Key, Kind};
use crate::answer::text;
use crate::clock::second;
use crate::machine::Life;

/// One object.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// As the API shows it.
    pub(super) body: Value,
    /// Of a pod.
    pub(super) life: Option<Life>,
    /// The process group of a pod, while there is one.
    pub(super) group: Option<i32>,
}

impl Stored {
    /// An object that was sent, made ours. `version` is of this moment, and no other object's.
    pub(super) fn new(key: &Key, mut body: Value, version: u64) -> Self {
        if !body.is_object() {
            body = json!({});
        }
        body["apiVersion"] = "v1".into();
        body["kind"] = key.kind.name().into();
        if !body["metadata"].is_object() {
            body["metadata"] = json!({});
        }
        let metadata = &mut body["metadata"];
        metadata["name"] = key.name.clone().into();
        if key.kind != Kind::Namespace {
            metadata["namespace"] = key.namespace.clone().into();
        }
        metadata["uid"] = uid(version).into();
        metadata["resourceVersion"] = version.to_string().into();
        metadata["creationTimestamp"] = second().to_string().into();
        match key.kind {
            Kind::Namespace => body["status"] = json!({ "phase": "Active" }),
            Kind::Pod => body["status"] = json!({ "phase": "Pending" }),
            Kind::Secret => keep_secret(&mut body),
            Kind::ResourceQuota => {}
        }
        Self {
            body,
            life: (key.kind == Kind::Pod).then(Life::new),
            group: None,
        }
    }

    pub(super) fn uid(&self) -> &str {
        text(&self.body, "/metadata/uid")
    }

    /// The uids of its owners.
    pub(super) fn owners(&self) -> Vec<&str> {
        let owners = self.body.pointer("/metadata/ownerReferences");
        let owners = owners.and_then(Value::as_array).into_iter().flatten();
        owners.map(|owner| text(owner, "/uid")).collect()
    }

    /// Whether a pod has yet to end.
    pub(super) fn is_alive(&self) -> bool {
        !matches!(text(&self.body, "/status/phase"), "Succeeded" | "Failed")
    }
}

/// Of the form of a UUID, and no other object's.
fn uid(version: u64) -> String {
    format!("00000000-0000-4000-8000-{version:012x}")
}

/// What was sent as plain text is kept as what was sent in base64.
fn keep_secret(body: &mut Value) {
    use base64::Engine;
    let plain = body
        .as_object_mut()
        .and_then(|body| body.remove("stringData"));
    if !body["data"].is_object() {
        body["data"] = Value::Object(Map::new());
    }
    if !body["type"].is_string() {
        body["type"] = "Opaque".into();
    }
    let plain = plain.as_ref().and_then(Value::as_object);
    for (key, value) in plain.into_iter().flatten() {
        let bytes = value.as_str().unwrap_or_default();
        body["data"][key] = base64::engine::general_purpose::STANDARD
            .encode(bytes)
            .into();
    }
}
