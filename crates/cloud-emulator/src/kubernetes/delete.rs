//! Objects go. A pod gets its time to end by itself first.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::Value;

use super::Kubernetes;
use super::state::{Key, Kind};
use super::status::{Answer, Refusal, success};
use crate::answer::{number, text};
use crate::clock::second;
use crate::machine::{Life, Told};

/// Seconds that a pod has if nobody says.
const GRACE: u64 = 30;

/// What a path may say of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Asked {
    grace_period_seconds: Option<u64>,
}

/// `DELETE /api/v1/namespaces/{namespace}/{kind}/{name}`, with `DeleteOptions` as its body or without.
pub(super) async fn one(
    State(kubernetes): State<Kubernetes>,
    Path((namespace, kind, name)): Path<(String, String, String)>,
    Query(asked): Query<Asked>,
    body: Bytes,
) -> Answer {
    let kind = Kind::in_path(&kind)?;
    let key = Key {
        kind,
        namespace,
        name,
    };
    let options: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let uid = kubernetes.look(|state| state.get(&key).map(|one| one.uid().to_owned()))?;
    let meant = text(&options, "/preconditions/uid");
    if !meant.is_empty() && meant != uid {
        return Err(Refusal::conflict(&key, "the object has another UID"));
    }
    let grace = number(&options, "/gracePeriodSeconds").or(asked.grace_period_seconds);
    Ok(Json(kubernetes.delete(&key, &uid, grace).await))
}

impl Kubernetes {
    /// Deletes the object of this uid; what the API answers. A pod that gets no time is gone when this returns.
    async fn delete(&self, key: &Key, uid: &str, grace: Option<u64>) -> Value {
        match self.begin_to_end(key, uid, grace) {
            None => {
                self.change(|state| state.remove(key, uid));
                self.collect();
                success(key, uid)
            }
            Some((life, view, grace)) => {
                let gone = gone(self.clone(), key.clone(), uid.to_owned(), life);
                if grace == 0 {
                    gone.await;
                } else {
                    self.0.place.spawn(gone);
                }
                view
            }
        }
    }

    /// Tells a pod to end: its life, how it looks now, the seconds that it has.
    pub(super) fn begin_to_end(
        &self,
        key: &Key,
        uid: &str,
        grace: Option<u64>,
    ) -> Option<(Life, Value, u64)> {
        self.change(|state| {
            let life = state.get(key).ok()?.life.clone()?;
            let mut result = None;
            state.update(key, uid, |pod| {
                let own = number(pod, "/spec/terminationGracePeriodSeconds");
                let grace = grace.or(own).unwrap_or(GRACE);
                let length = SignedDuration::from_secs(i64::try_from(grace).unwrap_or(0));
                let at = second().checked_add(length).unwrap_or_else(|_| second());
                pod["metadata"]["deletionTimestamp"] = at.to_string().into();
                pod["metadata"]["deletionGracePeriodSeconds"] = grace.into();
                life.tell(match grace {
                    0 => Told::Kill,
                    _ => Told::End(Duration::from_secs(grace)),
                });
                result = Some((life, pod.clone(), grace));
            });
            result
        })
    }
}

/// The object goes when the pod has ended.
pub(super) async fn gone(kubernetes: Kubernetes, key: Key, uid: String, life: Life) {
    life.ended().await;
    kubernetes.change(|state| state.remove(&key, &uid));
    kubernetes.collect();
}
