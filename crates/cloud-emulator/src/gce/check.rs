//! Whether an instance may be as it is asked for.

use serde_json::Value;

use super::error::Refusal;
use super::instance::Key;
use crate::answer::{Object, text, texts};

/// The longest name, label and value of a label.
const LONGEST: usize = 63;

/// Refuses what the service would refuse. `images` as in [`super::Options`].
pub(super) fn instance(body: &Object, key: &Key, images: &[String]) -> Result<(), Refusal> {
    if !is_name(&key.name) {
        return Err(wrong("name", &key.name));
    }
    machine_type(body, key)?;
    labels(body)?;
    if list(body, "networkInterfaces").is_empty() {
        return Err(Refusal::required("networkInterfaces"));
    }
    let disks = list(body, "disks");
    let Some(boot) = disks.iter().find(|disk| disk["boot"] == true) else {
        return Err(Refusal::required("disks"));
    };
    image(text(boot, "/initializeParams/sourceImage"), images)
}

/// All of its labels.
pub(super) fn labels(body: &Object) -> Result<(), Refusal> {
    let labels = body.get("labels").unwrap_or(&Value::Null);
    for (key, value) in texts(labels, "") {
        if !key.starts_with(|c: char| c.is_ascii_lowercase()) || !is_label(&key) {
            return Err(wrong("labels", &key));
        }
        if !is_label(&value) {
            return Err(wrong("labels", &value));
        }
    }
    Ok(())
}

fn machine_type(body: &Object, key: &Key) -> Result<(), Refusal> {
    let Some(given) = body.get("machineType").and_then(Value::as_str) else {
        return Err(Refusal::required("machineType"));
    };
    let place = format!("zones/{}/machineTypes/", key.zone);
    let name = given.split_once(&place).map(|(_, name)| name);
    if name.is_none_or(|name| name.is_empty() || name.contains('/')) {
        return Err(wrong("machineType", given));
    }
    Ok(())
}

fn image(given: &str, images: &[String]) -> Result<(), Refusal> {
    if given.is_empty() {
        return Err(Refusal::required("disks[0].initializeParams.sourceImage"));
    }
    let name = given.rsplit_once('/').map_or(given, |(_, name)| name);
    if images.is_empty() || images.iter().any(|image| image == name) {
        return Ok(());
    }
    Err(Refusal::not_found(given))
}

fn list<'a>(body: &'a Object, field: &str) -> &'a [Value] {
    let list = body.get(field).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

fn wrong(field: &str, value: &str) -> Refusal {
    Refusal::invalid(format!(
        "Invalid value for field 'resource.{field}': '{value}'."
    ))
}

/// As RFC 1035 wants it.
fn is_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= LONGEST
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(inner)
        && !name.ends_with('-')
}

fn is_label(text: &str) -> bool {
    let allowed = |c: char| c.is_lowercase() || c.is_numeric() || c == '-' || c == '_';
    text.chars().count() <= LONGEST && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_rfc_1035() {
        for name in ["a", "linux-rn0123456789", &"a".repeat(63)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "1a", "A", "a_b", "a-", &"a".repeat(64)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
