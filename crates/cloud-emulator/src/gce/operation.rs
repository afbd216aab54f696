//! Operations: what a request set going.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use jiff::Timestamp;

use super::Gce;
use super::error::{Answer, Failure, Refusal};
use super::instance::{BASE, Key};
use super::list::{Asked, listed};
use crate::clock::now;

/// How long `wait` holds a request at most; the service may answer earlier than the two minutes that it documents, too.
const HOLD: Duration = Duration::from_secs(20);

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Insert,
    Delete,
    SetLabels,
    /// The cloud takes a spot machine back.
    Preempt,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Operation {
    number: u64,
    kind: Kind,
    key: Key,
    target: u64,
    /// The id that the request brought.
    request: Option<String>,
    begun: Timestamp,
    ended: Option<(Timestamp, Option<Failure>)>,
    /// Cancelled at its end.
    over: CancellationToken,
}

impl Operation {
    pub(super) fn begin(
        number: u64,
        kind: Kind,
        key: Key,
        target: u64,
        request: Option<String>,
    ) -> Self {
        Self {
            number,
            kind,
            key,
            target,
            request,
            begun: now(),
            ended: None,
            over: CancellationToken::new(),
        }
    }

    pub(super) fn finish(&mut self, failure: Option<Failure>) {
        self.ended = Some((now(), failure));
        self.over.cancel();
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether it is of the request of this id.
    pub(super) fn is_of(&self, request: &str, key: &Key) -> bool {
        self.request.as_deref() == Some(request) && self.key == *key
    }

    fn name(&self) -> String {
        format!("operation-{:08}", self.number)
    }

    fn is_in(&self, project: &str, zone: &str) -> bool {
        self.key.project == project && self.key.zone == zone
    }

    /// As the API shows it.
    pub(super) fn view(&self) -> Value {
        let Key { project, zone, .. } = &self.key;
        let zone = format!("{BASE}/projects/{project}/zones/{zone}");
        let name = self.name();
        let mut view = json!({
            "kind": "compute#operation",
            "id": self.number.to_string(),
            "name": name,
            "operationType": self.kind.name(),
            "zone": zone,
            "selfLink": format!("{zone}/operations/{name}"),
            "targetLink": format!("{BASE}/{}", self.key),
            "targetId": self.target.to_string(),
            "status": if self.ended.is_some() { "DONE" } else { "RUNNING" },
            "progress": if self.ended.is_some() { 100 } else { 0 },
            "insertTime": self.begun.to_string(),
            "startTime": self.begun.to_string(),
        });
        if let Some(request) = &self.request {
            view["clientOperationId"] = request.clone().into();
        }
        if let Some((at, failure)) = &self.ended {
            view["endTime"] = at.to_string().into();
            if let Some(failure) = failure {
                failure.write(&mut view);
            }
        }
        view
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Delete => "delete",
            Self::SetLabels => "setLabels",
            Self::Preempt => "compute.instances.preempted",
        }
    }
}

/// `GET …/operations/{operation}`.
pub(super) async fn get(
    State(gce): State<Gce>,
    Path((project, zone, name)): Path<(String, String, String)>,
) -> Answer {
    gce.operation(&project, &zone, &name).map(|(view, _)| view)
}

/// `POST …/operations/{operation}/wait`: as `get`, and answers when it is over, or after a while.
pub(super) async fn wait(
    State(gce): State<Gce>,
    Path((project, zone, name)): Path<(String, String, String)>,
) -> Answer {
    let (_, over) = gce.operation(&project, &zone, &name)?;
    let _holds_no_longer = tokio::time::timeout(HOLD, over.cancelled()).await;
    gce.operation(&project, &zone, &name).map(|(view, _)| view)
}

/// `GET …/operations`.
pub(super) async fn list(
    State(gce): State<Gce>,
    Path((project, zone)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Answer {
    let state = gce.state();
    state.zone(&project, &zone)?;
    let here = state.operations().filter(|one| one.is_in(&project, &zone));
    let all: Vec<_> = here.map(|one| (one.name(), one.view())).collect();
    let page = listed(all, &asked)?;
    Ok(Json(page.written("compute#operationList", Value::from)))
}

impl Gce {
    /// As it is, and what its end is heard by.
    fn operation(
        &self,
        project: &str,
        zone: &str,
        name: &str,
    ) -> Result<(Json<Value>, CancellationToken), Refusal> {
        let state = self.state();
        let mut here = state.operations().filter(|one| one.is_in(project, zone));
        let found = here.find(|one| one.name() == name);
        let found = found.ok_or_else(|| {
            Refusal::not_found(&format!(
                "projects/{project}/zones/{zone}/operations/{name}"
            ))
        })?;
        Ok((Json(found.view()), found.over.clone()))
    }
}
