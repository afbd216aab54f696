//! Lists of instances and operations, filtered and in parts.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Gce;
use super::error::{Answer, Refusal};
use super::filter::Filter;
use crate::page::{Page, page};

/// Items of a part if nobody says, and at most.
const MOST: usize = 500;

/// What is asked of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Asked {
    filter: Option<String>,
    max_results: Option<usize>,
    page_token: Option<String>,
}

/// The part that is asked for.
pub(super) fn listed(all: Vec<(String, Value)>, asked: &Asked) -> Result<Page<Value>, Refusal> {
    let filter = Filter::parse(asked.filter.as_deref().unwrap_or_default());
    let filter = filter
        .map_err(|error| Refusal::invalid(format!("Invalid value for field 'filter': {error}")))?;
    let most = asked.max_results.unwrap_or(MOST).clamp(1, MOST);
    let matching = all.into_iter().filter(|(_, view)| filter.matches(view));
    let token = asked
        .page_token
        .as_deref()
        .filter(|token| !token.is_empty());
    page(matching, most, token)
        .ok_or_else(|| Refusal::invalid("Invalid value for field 'pageToken'."))
}

impl Page<Value> {
    /// As the API shows it.
    pub(super) fn written(self, kind: &str, items: impl FnOnce(Vec<Value>) -> Value) -> Value {
        let mut view = json!({ "kind": kind, "items": items(self.items) });
        if let Some(next) = self.next {
            view["nextPageToken"] = next.into();
        }
        view
    }
}

/// `GET …/zones/{zone}/instances`.
pub(super) async fn instances(
    State(gce): State<Gce>,
    Path((project, zone)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Answer {
    gce.state().zone(&project, &zone)?;
    let all = gce.instances(&project, Some(&zone));
    let page = listed(all, &asked)?;
    Ok(Json(page.written("compute#instanceList", Value::from)))
}

/// `GET …/aggregated/instances`: by zone, also those that have none.
pub(super) async fn aggregated(
    State(gce): State<Gce>,
    Path(project): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer {
    let page = listed(gce.instances(&project, None), &asked)?;
    let zones: Vec<String> = gce.state().zones.keys().cloned().collect();
    let view = page.written("compute#instanceAggregatedList", |items| {
        by_zone(&zones, items)
    });
    Ok(Json(view))
}

fn by_zone(zones: &[String], items: Vec<Value>) -> Value {
    let mut all: BTreeMap<String, Vec<Value>> = zones
        .iter()
        .map(|zone| (format!("zones/{zone}"), Vec::new()))
        .collect();
    for item in items {
        let zone = item["zone"].as_str().unwrap_or_default();
        let name = zone.rsplit_once('/').map_or(zone, |(_, name)| name);
        all.entry(format!("zones/{name}")).or_default().push(item);
    }
    let warning = json!({
        "code": "NO_RESULTS_ON_PAGE", "message": "There are no results for this scope on this page."
    });
    let scopes = all.into_iter().map(|(scope, items)| {
        let list = if items.is_empty() {
            json!({ "warning": warning })
        } else {
            json!({ "instances": items })
        };
        (scope, list)
    });
    scopes.collect()
}

impl Gce {
    /// In order, with their keys.
    fn instances(&self, project: &str, zone: Option<&str>) -> Vec<(String, Value)> {
        let state = self.state();
        let all = state.instances.iter();
        let here = all
            .filter(|(key, _)| key.project == project && zone.is_none_or(|zone| key.zone == zone));
        here.map(|(key, instance)| (key.to_string(), instance.view(key)))
            .collect()
    }
}
