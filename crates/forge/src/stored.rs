//! Deliveries as the webhooks stored them.

use farm_model::message::activity::Hint;
use serde_json::Value;

use crate::{PayloadError, gerrit, github};

/// The header that says what a delivery of GitHub's is.
pub const GITHUB_EVENT: &str = "x-github-event";

/// What a stored delivery of `source` claims; none where the farm has no use for it. `headers` are those that were kept.
///
/// # Errors
/// It is of no source that is known, or cannot be read.
pub fn hint(source: &str, headers: &Value, body: &[u8]) -> Result<Option<Hint>, StoredError> {
    match source {
        "github" => {
            let event = headers[GITHUB_EVENT].as_str().ok_or(StoredError::NoEvent)?;
            Ok(github::parse(event, body)?.map(Hint::Github))
        }
        "gerrit" => Ok(gerrit::parse(body)?.map(Hint::Gerrit)),
        other => Err(StoredError::Source(other.to_owned())),
    }
}

/// Why a stored delivery cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// Its body.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// GitHub's header was not kept.
    #[error("it has no {GITHUB_EVENT}")]
    NoEvent,
    /// Nobody knows how to read those.
    #[error("{0:?} is no source of deliveries")]
    Source(String),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_stored_says_what_the_webhook_read() {
        let body = br#"{"ref":"refs/heads/main","repository":{"full_name":"golang/go"}}"#;
        let found = hint("github", &json!({"x-github-event": "push"}), body);
        assert_eq!(found.unwrap().unwrap().outside_name(), "golang/go");
        let ping = hint("github", &json!({"x-github-event": "ping"}), b"{}");
        assert_eq!(ping.unwrap(), None);
        let gerrit = br#"{"type":"ref-updated","refUpdate":{"project":"go","refName":"refs/heads/master","newRev":"a"}}"#;
        let found = hint("gerrit", &Value::Null, gerrit).unwrap();
        assert_eq!(found.unwrap().source(), "gerrit");
        for (source, body) in [("github", &b"{}"[..]), ("gerrit", b"x"), ("mail", b"{}")] {
            assert!(hint(source, &json!({}), body).is_err(), "{source}");
        }
    }
}
