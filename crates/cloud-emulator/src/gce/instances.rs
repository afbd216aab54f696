//! Instances: made, shown, labelled, deleted.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{Answer, Failure, Refusal};
use super::instance::{Instance, Key, Status};
use super::knobs::Stock;
use super::operation::Kind;
use super::{Gce, check, life};
use crate::answer::{Object, text};
use crate::clock;
use crate::machine::Told;

/// The id by which a request that is sent again is known.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    request_id: Option<String>,
}

/// `POST …/instances`.
pub(super) async fn insert(
    State(gce): State<Gce>,
    Path((project, zone)): Path<(String, String)>,
    Query(request): Query<Request>,
    body: Bytes,
) -> Answer {
    let body = object(&body)?;
    let name = body.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| Refusal::required("name"))?.to_owned();
    let key = Key {
        project,
        zone,
        name,
    };
    if let Some(begun) = gce.begun(&request, &key) {
        return Ok(begun);
    }
    gce.state().zone(&key.project, &key.zone)?;
    check::instance(&body, &key, &gce.0.options.images)?;
    gce.make(&key, body, request.request_id)
}

/// `GET …/instances/{instance}`.
pub(super) async fn get(
    State(gce): State<Gce>,
    Path((project, zone, name)): Path<(String, String, String)>,
) -> Answer {
    let key = Key {
        project,
        zone,
        name,
    };
    let mut state = gce.state();
    state.zone(&key.project, &key.zone)?;
    let found = state.instance(&key)?;
    Ok(Json(found.view(&key)))
}

/// `DELETE …/instances/{instance}`.
pub(super) async fn delete(
    State(gce): State<Gce>,
    Path((project, zone, name)): Path<(String, String, String)>,
    Query(request): Query<Request>,
) -> Answer {
    let key = Key {
        project,
        zone,
        name,
    };
    if let Some(begun) = gce.begun(&request, &key) {
        return Ok(begun);
    }
    let mut state = gce.state();
    state.zone(&key.project, &key.zone)?;
    let found = state.instance(&key)?;
    found.status = Status::Stopping;
    found.life.tell(Told::Kill);
    let number = found.number;
    let operation = state.begin(Kind::Delete, &key, request.request_id);
    drop(state);
    gce.0
        .place
        .spawn(life::delete(gce.clone(), key, number, operation));
    gce.shown(operation)
}

/// `POST …/instances/{instance}/setLabels`.
pub(super) async fn set_labels(
    State(gce): State<Gce>,
    Path((project, zone, name)): Path<(String, String, String)>,
    body: Bytes,
) -> Answer {
    let key = Key {
        project,
        zone,
        name,
    };
    let body = object(&body)?;
    check::labels(&body)?;
    let mut state = gce.state();
    let found = state.instance(&key)?;
    let fingerprint = body.get("labelFingerprint").unwrap_or(&Value::Null);
    if text(fingerprint, "") != found.fingerprint() {
        return Err(Refusal::outdated());
    }
    let labels = body.get("labels").cloned().unwrap_or_else(|| json!({}));
    found.body.insert("labels".to_owned(), labels);
    found.labelled += 1;
    let operation = state.begin(Kind::SetLabels, &key, None);
    state.finish(operation, None);
    drop(state);
    gce.shown(operation)
}

/// `GET …/instances/{instance}/serialPort`: what its script has said.
pub(super) async fn serial(
    State(gce): State<Gce>,
    Path((project, zone, name)): Path<(String, String, String)>,
) -> Answer {
    let key = Key {
        project,
        zone,
        name,
    };
    let number = gce.state().instance(&key)?.number;
    let log = life::log(&gce.0.place.folder(&key.name, number));
    let said = tokio::fs::read(log).await.unwrap_or_default();
    Ok(Json(json!({
        "kind": "compute#serialPortOutput",
        "contents": String::from_utf8_lossy(&said),
        "start": "0",
        "next": said.len().to_string(),
    })))
}

fn object(body: &Bytes) -> Result<Object, Refusal> {
    let parsed = serde_json::from_slice(body);
    parsed.map_err(|error| Refusal::invalid(format!("Parse Error: {error}")))
}

impl Gce {
    /// The operation of the same request, sent before.
    fn begun(&self, request: &Request, key: &Key) -> Option<Json<Value>> {
        let id = request.request_id.as_deref()?;
        let state = self.state();
        let mut all = state.operations();
        all.find(|one| one.is_of(id, key))
            .map(|one| Json(one.view()))
    }

    fn make(&self, key: &Key, body: Object, request: Option<String>) -> Answer {
        let mut state = self.state();
        if state.instances.contains_key(key) {
            return Err(Refusal::exists(&key.to_string()));
        }
        let number = state.number();
        let instance = Instance::new(number, body, clock::now());
        let over = state.over_quota(key, instance.cpus());
        let failure = match (over, state.zone(&key.project, &key.zone)?.stock) {
            (Some(over), _) if !state.quota.late => return Err(over.refusal()),
            (Some(over), _) => Some(over),
            (None, Stock::Plenty) => None,
            (None, Stock::Exhausted) => Some(Failure::stock_out(&key.project, &key.zone)),
            (None, Stock::Refused) => {
                return Err(Failure::stock_out(&key.project, &key.zone).refusal());
            }
        };
        state.instances.insert(key.clone(), instance);
        let operation = state.begin(Kind::Insert, key, request);
        drop(state);
        let (gce, key) = (self.clone(), key.clone());
        let life = life::live(gce, key, number, operation, failure);
        self.0.place.spawn(life);
        self.shown(operation)
    }

    /// The operation of this number.
    fn shown(&self, number: u64) -> Answer {
        let state = self.state();
        let found = state.operations().find(|one| one.number() == number);
        let found = found.ok_or_else(|| Refusal::not_found("the operation"))?;
        Ok(Json(found.view()))
    }
}
