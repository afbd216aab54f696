//! Request bodies: JSON whatever the content type says, as the service takes it.

use axum::body::Bytes;
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;

/// Parses a body; an empty one is `{}`.
pub(super) fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let text: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(text)
        .map_err(|error| Refusal::invalid(format!("Invalid JSON payload received: {error}")))
}

/// The paths of an `updateMask`, which JSON joins with commas.
pub(super) fn paths(mask: &str) -> Vec<String> {
    mask.split(',')
        .map(str::trim)
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect()
}
