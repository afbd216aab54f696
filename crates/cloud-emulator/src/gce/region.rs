//! Zones and regions: names, and how much of a quota is used.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde_json::{Value, json};

use super::Gce;
use super::error::{Answer, Refusal};
use super::instance::{BASE, region_of};
use super::list::{Asked, listed};

/// `GET …/zones`.
pub(super) async fn zones(
    State(gce): State<Gce>,
    Path(project): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer {
    let names: Vec<String> = gce.state().zones.keys().cloned().collect();
    let view = |zone: &String| {
        json!({
            "kind": "compute#zone",
            "name": zone,
            "status": "UP",
            "region": format!("{BASE}/projects/{project}/regions/{}", region_of(zone)),
            "selfLink": format!("{BASE}/projects/{project}/zones/{zone}"),
        })
    };
    let all = names.iter().map(|zone| (zone.clone(), view(zone)));
    let page = listed(all.collect(), &asked)?;
    Ok(Json(page.written("compute#zoneList", Value::from)))
}

/// `GET …/regions/{region}`.
pub(super) async fn get(
    State(gce): State<Gce>,
    Path((project, region)): Path<(String, String)>,
) -> Answer {
    let state = gce.state();
    if !state.zones.keys().any(|zone| region_of(zone) == region) {
        let name = format!("projects/{project}/regions/{region}");
        return Err(Refusal::not_found(&name));
    }
    let (cpus, instances) = state.usage(&project, &region);
    let quota = |metric: &str, limit: u64, usage: u64| json!({ "metric": metric, "limit": limit, "usage": usage });
    Ok(Json(json!({
        "kind": "compute#region",
        "name": region,
        "status": "UP",
        "selfLink": format!("{BASE}/projects/{project}/regions/{region}"),
        "quotas": [
            quota("CPUS", state.quota.cpus, cpus),
            quota("INSTANCES", state.quota.instances, instances),
            // Each instance has one.
            quota("IN_USE_ADDRESSES", state.quota.instances, instances),
        ],
    })))
}
