//! The emulator's own switches, at `/emulator/`: nothing of this is in the service.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Gce;
use super::error::{Answer, Refusal};
use super::knobs::{Knobs, Quota};

pub(super) fn router() -> Router<Gce> {
    Router::new()
        .route("/machines", get(machines))
        .route("/quota", put(quota))
        .route("/zones/{zone}", put(zone))
        .route("/zones/{zone}/instances/{instance}/preempt", post(preempt))
}

/// Every instance with its process group.
async fn machines(State(gce): State<Gce>) -> Json<Value> {
    let state = gce.state();
    let all = state.instances.iter().map(|(key, instance)| {
        json!({
            "project": key.project,
            "zone": key.zone,
            "name": key.name,
            "status": instance.status.name(),
            "processGroup": instance.group,
        })
    });
    Json(all.collect())
}

async fn quota(State(gce): State<Gce>, body: Bytes) -> Answer {
    let quota: Quota = parsed(&body)?;
    gce.set_quota(quota);
    Ok(Json(json!(quota)))
}

async fn zone(State(gce): State<Gce>, Path(zone): Path<String>, body: Bytes) -> Answer {
    let knobs: Knobs = parsed(&body)?;
    gce.set_zone(&zone, knobs.clone());
    Ok(Json(json!(knobs)))
}

async fn preempt(State(gce): State<Gce>, Path((zone, name)): Path<(String, String)>) -> Answer {
    if gce.preempt(&zone, &name) {
        Ok(Json(json!({})))
    } else {
        let what = format!("a spot instance {name} in {zone}");
        Err(Refusal::not_found(&what))
    }
}

fn parsed<T: serde::de::DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::invalid(error.to_string()))
}

impl Gce {
    /// From now on the zone behaves so; a new one is made.
    pub fn set_zone(&self, zone: &str, knobs: Knobs) {
        self.state().zones.insert(zone.to_owned(), knobs);
    }

    /// From now on each region grants so much; what is there stays.
    pub fn set_quota(&self, quota: Quota) {
        self.state().quota = quota;
    }
}
