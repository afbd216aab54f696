//! Bodies as Go's decoder reads them: keys in any case, unknown ones ignored, what is missing is empty.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::y2019::envelope::Refusal;

/// An object whose fields are named in lower case.
///
/// # Errors
/// It is no such object.
pub(super) fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let bad = |error: serde_json::Error| Refusal::bad(error.to_string());
    let map: Map<String, Value> = serde_json::from_slice(body).map_err(bad)?;
    let there = map.into_iter().filter(|(_, value)| !value.is_null());
    let lower = there.map(|(key, value)| (key.to_ascii_lowercase(), value));
    serde_json::from_value(Value::Object(lower.collect())).map_err(bad)
}
