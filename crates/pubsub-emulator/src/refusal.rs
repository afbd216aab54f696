//! Why a call was refused: the gRPC code, a message for the caller, and details for programs.
//!
//! Details are those of `google.rpc`: <https://cloud.google.com/apis/design/errors#error_details>.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The `domain` of the service's `google.rpc.ErrorInfo`.
const DOMAIN: &str = "pubsub.googleapis.com";

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    pub code: Code,
    pub message: String,
    pub detail: Option<Detail>,
}

/// What a program can read of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// `google.rpc.ErrorInfo`: a reason in capitals, and what belongs to it.
    Info {
        reason: String,
        metadata: HashMap<String, String>,
    },
    /// `google.rpc.BadRequest` with one violation: the path of a field, and what is wrong with it.
    Field { field: String, problem: String },
}

impl Refusal {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            detail: None,
        }
    }

    /// The caller's fault: the request can never succeed.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// As [`Refusal::invalid`], for one field of the request, named by its path.
    pub fn invalid_field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        let problem = problem.into();
        let detail = Detail::Field {
            field: field.into(),
            problem: problem.clone(),
        };
        Self {
            detail: Some(detail),
            ..Self::invalid(problem)
        }
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    pub fn exists(message: impl Into<String>) -> Self {
        Self::new(Code::AlreadyExists, message)
    }

    /// The request is well formed but does not fit the state of the resource.
    pub fn precondition(message: impl Into<String>) -> Self {
        Self::new(Code::FailedPrecondition, message)
    }

    /// A bound of the emulator was reached.
    pub fn exhausted(message: impl Into<String>) -> Self {
        Self::new(Code::ResourceExhausted, message)
    }

    /// May work later: clients try again.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message)
    }

    /// Something the service can and this emulator cannot.
    pub fn unsupported(what: &str) -> Self {
        Self::new(
            Code::Unimplemented,
            format!("this emulator does not support {what}"),
        )
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    pub fn shutting_down() -> Self {
        Self::unavailable("the emulator is shutting down")
    }

    /// Adds a `google.rpc.ErrorInfo` of the service's domain.
    pub fn with_info(
        self,
        reason: impl Into<String>,
        metadata: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let detail = Detail::Info {
            reason: reason.into(),
            metadata: metadata.into_iter().collect(),
        };
        Self {
            detail: Some(detail),
            ..self
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let Refusal {
            code,
            message,
            detail,
        } = refusal;
        match detail {
            None => Status::new(code, message),
            Some(Detail::Info { reason, metadata }) => Status::with_error_details(
                code,
                message,
                ErrorDetails::with_error_info(reason, DOMAIN, metadata),
            ),
            Some(Detail::Field { field, problem }) => Status::with_error_details(
                code,
                message,
                ErrorDetails::with_bad_request_violation(field, problem),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_readable_in_the_status() {
        let metadata = [("id-1".to_owned(), "PERMANENT".to_owned())];
        let status = Status::from(Refusal::invalid("no").with_info("WHY", metadata));
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("WHY", DOMAIN)
        );
        assert_eq!(info.metadata["id-1"], "PERMANENT");

        let status = Status::from(Refusal::invalid_field("topic.name", "too short"));
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "topic.name");
        assert_eq!(status.message(), "too short");
        assert!(Status::from(Refusal::not_found("x")).details().is_empty());
    }
}
