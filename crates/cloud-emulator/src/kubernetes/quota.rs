//! Objects of kind `ResourceQuota`: how much the pods of a namespace may have.
//!
//! Reference: <https://kubernetes.io/docs/concepts/policy/resource-quotas/>. Pods that have ended do not count.

use serde_json::Value;

use super::quantity::thousandths;
use super::state::{Key, Kind, State};
use super::status::Refusal;
use crate::answer::{text, texts};

/// What a line of a quota counts.
enum Counted {
    Pods,
    /// The pointer into a container's resources.
    Resource(String),
}

impl Counted {
    /// Nothing for what this emulator does not count, which is then not limited either.
    fn of(line: &str) -> Option<Self> {
        let pointer = |kind: &str, of: &str| Self::Resource(format!("/{kind}/{of}"));
        Some(match line {
            "pods" | "count/pods" => Self::Pods,
            "cpu" | "requests.cpu" => pointer("requests", "cpu"),
            "memory" | "requests.memory" => pointer("requests", "memory"),
            "limits.cpu" => pointer("limits", "cpu"),
            "limits.memory" => pointer("limits", "memory"),
            _ => return None,
        })
    }

    /// How much a pod has of it, in thousandths; none: it does not say.
    fn of_pod(&self, pod: &Value) -> Option<u128> {
        match self {
            Self::Pods => Some(1_000),
            Self::Resource(pointer) => resource(pod, pointer),
        }
    }
}

/// What a pod's container wants, in thousandths. A limit is a request where that is not said.
fn resource(pod: &Value, pointer: &str) -> Option<u128> {
    let said =
        |pointer: &str| thousandths(text(pod, &format!("/spec/containers/0/resources{pointer}")));
    said(pointer).or_else(|| said(&pointer.replace("/requests/", "/limits/")))
}

/// The processors that a pod requests, in thousandths.
pub(super) fn cpus(pod: &Value) -> u128 {
    resource(pod, "/requests/cpu").unwrap_or(0)
}

/// Refuses a pod that is more than its namespace may have.
pub(super) fn check(state: &State, key: &Key, pod: &Value) -> Result<(), Refusal> {
    let namespace = Some(key.namespace.as_str());
    for (quota, stored) in state.all(Kind::ResourceQuota, namespace) {
        for (line, limit) in texts(&stored.body, "/spec/hard") {
            let (Some(counted), Some(limit)) = (Counted::of(&line), thousandths(&limit)) else {
                continue;
            };
            let name = &quota.name;
            let Some(more) = counted.of_pod(pod) else {
                let why = format!("failed quota: {name}: must specify {line}");
                return Err(Refusal::forbidden(key, &why));
            };
            let used = used(state, key, &counted);
            if used + more > limit {
                let [more, used, limit] = [more, used, limit].map(written);
                return Err(Refusal::forbidden(
                    key,
                    &format!(
                        "exceeded quota: {name}, requested: {line}={more}, used: {line}={used}, limited: {line}={limit}"
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn used(state: &State, key: &Key, counted: &Counted) -> u128 {
    let pods = state.all(Kind::Pod, Some(&key.namespace));
    let alive = pods.filter(|(_, pod)| pod.is_alive());
    alive.filter_map(|(_, pod)| counted.of_pod(&pod.body)).sum()
}

fn written(thousandths: u128) -> String {
    if thousandths.is_multiple_of(1_000) {
        (thousandths / 1_000).to_string()
    } else {
        format!("{thousandths}m")
    }
}
