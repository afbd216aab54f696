//! What the payloads of both forges have in common.

use serde_json::Value;

/// Of a name or ref taken from a payload, in bytes: more is nobody's name.
const LONGEST: usize = 1000;

/// Why a delivery cannot be read. It never can: the sender's fault.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// The body is not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// It is an HTML form, GitHub's other choice.
    #[error("the body is a form: set the webhook's content type to application/json")]
    Form,
    /// A member that such an event always has is missing or of another type.
    #[error("the {event} event has no {member}")]
    Missing {
        /// The event.
        event: String,
        /// The member: `repository.full_name`.
        member: &'static str,
    },
}

impl PayloadError {
    pub(crate) fn missing(event: &str, member: &'static str) -> Self {
        let event = event.chars().take(80).collect();
        Self::Missing { event, member }
    }
}

/// The body as a JSON object.
pub(crate) fn object(body: &[u8]) -> Result<Value, PayloadError> {
    if body.starts_with(b"payload=") {
        return Err(PayloadError::Form);
    }
    let value: Value = serde_json::from_slice(body).map_err(PayloadError::NotJson)?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(PayloadError::NotJson(serde::de::Error::custom(
            "an object was expected",
        )))
    }
}

/// Text at a JSON pointer: not empty, not too long, on one line.
pub(crate) fn text(value: &Value, pointer: &str) -> Option<String> {
    let text = value.pointer(pointer)?.as_str()?;
    let plain = !text.is_empty() && text.len() <= LONGEST && !text.contains(char::is_control);
    plain.then(|| text.to_owned())
}

/// A number at a JSON pointer, or one in quotes; 0 is none.
pub(crate) fn number(value: &Value, pointer: &str) -> Option<u64> {
    let found = value.pointer(pointer)?;
    let number = found.as_u64().or_else(|| found.as_str()?.parse().ok())?;
    (number != 0).then_some(number)
}
