//! Whether an object may be as it was sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::state::{Key, Kind};
use super::status::Refusal;
use crate::answer::{text, texts};

/// The longest value of a label, and name of it behind its prefix.
const LABEL: usize = 63;
/// The longest name of an object.
const NAME: usize = 253;

/// Refuses what the server would refuse, and what this emulator cannot do.
pub(super) fn object(key: &Key, body: &Value) -> Result<(), Refusal> {
    if !is_name(&key.name) {
        return Err(Refusal::invalid(
            key,
            "metadata.name",
            "no name of a DNS subdomain",
        ));
    }
    for (label, value) in texts(body, "/metadata/labels") {
        let name = label
            .rsplit_once('/')
            .map_or(label.as_str(), |(_, name)| name);
        if name.is_empty() || !is_label(name) || !is_label(&value) {
            return Err(Refusal::invalid(key, "metadata.labels", "no valid label"));
        }
    }
    match key.kind {
        Kind::Pod => pod(key, body),
        Kind::Secret => secret(key, body),
        Kind::Namespace | Kind::ResourceQuota => Ok(()),
    }
}

fn pod(key: &Key, body: &Value) -> Result<(), Refusal> {
    let containers = body.pointer("/spec/containers").and_then(Value::as_array);
    let containers = containers.map_or(&[][..], Vec::as_slice);
    let [container] = containers else {
        let why = "this emulator runs pods of just one container";
        return Err(Refusal::invalid(key, "spec.containers", why));
    };
    for field in ["/name", "/image"] {
        if text(container, field).is_empty() {
            let field = format!("spec.containers[0].{}", &field[1..]);
            return Err(Refusal::invalid(key, &field, "Required value"));
        }
    }
    if text(body, "/spec/restartPolicy") != "Never" {
        let why = "this emulator starts no container again: Never";
        return Err(Refusal::invalid(key, "spec.restartPolicy", why));
    }
    volumes(key, body)
}

fn volumes(key: &Key, body: &Value) -> Result<(), Refusal> {
    let volumes = body.pointer("/spec/volumes").and_then(Value::as_array);
    for volume in volumes.into_iter().flatten() {
        if volume.get("secret").is_none() && volume.get("emptyDir").is_none() {
            let why = "this emulator knows volumes of secrets and empty ones alone";
            return Err(Refusal::invalid(key, "spec.volumes", why));
        }
    }
    Ok(())
}

fn secret(key: &Key, body: &Value) -> Result<(), Refusal> {
    for (name, value) in texts(body, "/data") {
        if STANDARD.decode(value).is_err() {
            return Err(Refusal::invalid(key, &format!("data[{name}]"), "no base64"));
        }
    }
    Ok(())
}

/// A DNS subdomain, as RFC 1123 wants it.
fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !part.is_empty()
            && part.chars().all(inner)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    name.len() <= NAME && name.split('.').all(part)
}

/// Empty, or letters, digits, `-`, `_` and `.`, the first and the last a letter or digit.
fn is_label(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.len() <= LABEL
        && text.chars().all(inner)
        && edge(text.chars().next())
        && edge(text.chars().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_are_those_of_the_api() {
        for name in ["a", "linux-rn0123456789", "a.b-c"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "A", "a_b", "-a", "a..b", &"a".repeat(254)] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_label("") && is_label("Example_1.x"));
        assert!(!is_label("-x") && !is_label("a b") && !is_label(&"a".repeat(64)));
    }
}
