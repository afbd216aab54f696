//! What Compute Engine says.

use farm_core::pool::{CreateError, Found, Mark};
use farm_model::Timestamp;
use farm_model::order::NotMade;
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::http::Answer;
use crate::{DELETE_AT, FARM};

/// A page of machines.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    #[serde(default)]
    pub(super) items: Vec<Instance>,
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

/// A machine, as far as we look at it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    name: String,
    status: String,
    creation_timestamp: Timestamp,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl Instance {
    /// Whether it is that farm's.
    pub(super) fn is_of(&self, farm: &str) -> bool {
        self.labels.get(FARM).is_some_and(|of| of == farm)
    }

    /// What a pool says of it; nothing of what a farm would never name so.
    pub(super) fn found(&self, zone: &str, farm: &str) -> Option<Found> {
        let until = self.labels.get(DELETE_AT).and_then(|at| at.parse().ok());
        Some(Found {
            name: self.name.parse().ok()?,
            place: zone.to_owned(),
            since: self.creation_timestamp,
            mark: match self.is_of(farm) {
                true => Mark::Ours,
                false => Mark::Foreign,
            },
            until: until.and_then(|at| Timestamp::from_second(at).ok()),
            // It shut itself down, or was taken back: its disk is still paid for. One that is being deleted is `STOPPING`.
            ended: matches!(self.status.as_str(), "TERMINATED" | "SUSPENDED"),
        })
    }
}

/// Something that takes a while.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    pub(super) name: String,
    pub(super) status: String,
    #[serde(default)]
    error: Option<Errors>,
    #[serde(default)]
    http_error_status_code: Option<u16>,
}

#[derive(Debug, Default, Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<Error>,
}

#[derive(Debug, Deserialize)]
struct Error {
    /// Of an operation.
    #[serde(default)]
    code: String,
    /// Of a request.
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

/// A request that was not done.
#[derive(Debug, Deserialize)]
struct Refusal {
    error: Errors,
}

impl Operation {
    /// Whether it came to a good end, or may yet.
    pub(super) fn outcome(self) -> Result<(), CreateError> {
        let errors = self.error.map(|error| error.errors).unwrap_or_default();
        match errors.into_iter().next() {
            None => Ok(()),
            Some(error) => {
                let passing = self.http_error_status_code.is_some_and(|code| code >= 500);
                Err(error.sorted(passing))
            }
        }
    }
}

/// Why a machine was not even begun.
pub(super) fn refusal(answer: &Answer) -> CreateError {
    let errors = answer.json::<Refusal>().map(|said| said.error.errors);
    match errors.unwrap_or_default().into_iter().next() {
        Some(error) => error.sorted(answer.is_passing()),
        None => CreateError {
            cause: match answer.is_passing() {
                true => NotMade::Passing,
                false => NotMade::Refused,
            },
            reason: answer.shown(),
        },
    }
}

impl Error {
    /// By what it is called ("Resource availability errors", "Troubleshooting VM creation" of Google's documentation), or
    /// else by the answer's status: whether that may pass.
    fn sorted(self, passing: bool) -> CreateError {
        let name = match self.code.is_empty() {
            true => self.reason,
            false => self.code,
        };
        let cause = match name.as_str() {
            "ZONE_RESOURCE_POOL_EXHAUSTED"
            | "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS"
            | "STOCKOUT"
            | "IP_SPACE_EXHAUSTED" => NotMade::StockOut,
            "QUOTA_EXCEEDED" | "quotaExceeded" | "limitExceeded" => NotMade::Quota,
            "rateLimitExceeded"
            | "userRateLimitExceeded"
            | "RESOURCE_OPERATION_RATE_EXCEEDED"
            | "RESOURCE_NOT_READY"
            | "resourceNotReady"
            | "INTERNAL_ERROR"
            | "SERVICE_UNAVAILABLE" => NotMade::Passing,
            _ if passing => NotMade::Passing,
            _ => NotMade::Refused,
        };
        let reason = format!("{name}: {}", self.message);
        CreateError { cause, reason }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::StatusCode;
    use serde_json::json;

    use super::*;

    fn operation(code: &str, status: u16) -> NotMade {
        let operation = json!({
            "name": "operation-1", "status": "DONE", "httpErrorStatusCode": status,
            "error": { "errors": [{ "code": code, "message": "said so" }] },
        });
        let operation: Operation = serde_json::from_value(operation).unwrap();
        operation.outcome().unwrap_err().cause
    }

    #[test]
    fn operations_that_fail_are_sorted_by_what_to_do() {
        use NotMade::{Passing, Quota, Refused, StockOut};
        for (code, status, cause) in [
            ("ZONE_RESOURCE_POOL_EXHAUSTED", 503, StockOut),
            ("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", 503, StockOut),
            ("QUOTA_EXCEEDED", 403, Quota),
            ("INTERNAL_ERROR", 500, Passing),
            ("SOMETHING_NEW", 503, Passing),
            ("RESOURCE_NOT_FOUND", 404, Refused),
            ("CONDITION_NOT_MET", 412, Refused),
        ] {
            assert_eq!(operation(code, status), cause, "{code}");
        }
        let running = json!({ "name": "operation-1", "status": "RUNNING" });
        let running: Operation = serde_json::from_value(running).unwrap();
        assert_eq!(running.outcome(), Ok(()));
    }

    fn refused(status: u16, body: &serde_json::Value) -> CreateError {
        refusal(&Answer {
            status: StatusCode::from_u16(status).unwrap(),
            body: Bytes::from(body.to_string()),
        })
    }

    #[test]
    fn requests_that_are_refused_are_sorted_by_what_to_do() {
        use NotMade::{Passing, Quota, Refused};
        let error = |reason: &str| json!({ "error": { "code": 403, "errors": [{ "reason": reason, "message": "m" }] } });
        for (status, body, cause) in [
            (403, error("rateLimitExceeded"), Passing),
            (403, error("quotaExceeded"), Quota),
            (403, error("forbidden"), Refused),
            (400, error("invalid"), Refused),
            (503, error("backendError"), Passing),
            (502, json!("a proxy"), Passing),
            (401, json!({}), Passing),
            (404, json!({}), Refused),
        ] {
            assert_eq!(refused(status, &body).cause, cause, "{status} {body}");
        }
        assert_eq!(refused(400, &error("invalid")).reason, "invalid: m");
    }

    #[test]
    fn a_machine_is_ours_by_its_label_alone() {
        let instance = |farm: &str, status: &str| -> Instance {
            serde_json::from_value(json!({
                "name": "m1", "status": status, "creationTimestamp": "2026-11-26T02:00:00.000-07:00",
                "labels": { FARM: farm, DELETE_AT: "4600" },
            }))
            .unwrap()
        };
        let found = instance("example", "RUNNING")
            .found("z", "example")
            .unwrap();
        assert_eq!((found.mark, found.ended), (Mark::Ours, false));
        assert_eq!(found.until, Some(Timestamp::from_second(4600).unwrap()));
        assert_eq!(found.since.to_string(), "2026-11-26T09:00:00Z");
        let other = instance("other", "TERMINATED")
            .found("z", "example")
            .unwrap();
        assert_eq!((other.mark, other.ended), (Mark::Foreign, true));
    }
}
