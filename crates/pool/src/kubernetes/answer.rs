//! What a cluster's API says.

use std::collections::BTreeMap;

use farm_core::pool::{CreateError, Found, Mark};
use farm_model::Timestamp;
use farm_model::order::NotMade;
use serde::Deserialize;

use crate::http::Answer;
use crate::{DELETE_AT, FARM};

/// A page of pods.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    pub(super) items: Vec<Pod>,
    #[serde(default)]
    metadata: PageMetadata,
}

#[derive(Debug, Default, Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

impl Page {
    /// How to ask for the next one, if there is one.
    pub(super) fn next(self) -> Option<String> {
        Some(self.metadata.next).filter(|next| !next.is_empty())
    }
}

/// A pod, as far as we look at it.
#[derive(Debug, Deserialize)]
pub(super) struct Pod {
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    namespace: String,
    uid: String,
    creation_timestamp: Timestamp,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    phase: String,
}

impl Pod {
    /// Whether it is that farm's.
    pub(super) fn is_of(&self, farm: &str) -> bool {
        self.metadata.labels.get(FARM).is_some_and(|of| of == farm)
    }

    /// Tells it from another one of the same name.
    pub(super) fn uid(&self) -> &str {
        &self.metadata.uid
    }

    /// What a pool says of it; nothing of what a farm would never name so.
    pub(super) fn found(&self, farm: &str) -> Option<Found> {
        let Metadata {
            name,
            namespace,
            creation_timestamp,
            annotations,
            ..
        } = &self.metadata;
        let until = annotations.get(DELETE_AT).and_then(|at| at.parse().ok());
        Some(Found {
            name: name.parse().ok()?,
            place: namespace.clone(),
            since: *creation_timestamp,
            mark: match self.is_of(farm) {
                true => Mark::Ours,
                false => Mark::Foreign,
            },
            until: until.and_then(|at| Timestamp::from_second(at).ok()),
            ended: matches!(self.status.phase.as_str(), "Succeeded" | "Failed"),
        })
    }
}

/// Why something was not made.
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
}

/// Why a pod was not made. A namespace's quota is a 403 as missing rights are, and only its text tells ("Resource Quotas").
pub(super) fn refusal(answer: &Answer) -> CreateError {
    let said = answer.json::<Refusal>().unwrap_or_default().message;
    let cause = match answer.status.as_u16() {
        403 if said.contains("exceeded quota") => NotMade::Quota,
        // Two writers of one quota, or a namespace that has just been made.
        409 => NotMade::Passing,
        _ if answer.is_passing() => NotMade::Passing,
        _ => NotMade::Refused,
    };
    let reason = match said.is_empty() {
        true => answer.shown(),
        false => said,
    };
    CreateError { cause, reason }
}
