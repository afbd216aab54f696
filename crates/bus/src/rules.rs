//! What an event must keep to, whichever queue carries it: in the end a function may receive it as HTTP headers.

use farm_model::event::{Event, MAX_EVENT_BYTES};

use crate::error::PublishError;

/// The limit on one attribute's value: Pub/Sub's (<https://cloud.google.com/pubsub/quotas#resource_limits>), which is the
/// lowest.
pub(crate) const MAX_VALUE: usize = 1024;
/// Pub/Sub takes 100 attributes; some are left for what dead letters add.
pub(crate) const MAX_ATTRIBUTES: usize = 90;

/// Whether `event` may be published to `topic`.
///
/// # Errors
/// [`PublishError::Never`]: it is too large, or has a text that no attribute or header can carry.
pub(crate) fn check(topic: &str, event: &Event) -> Result<(), PublishError> {
    fits(event).map_err(|reason| never(topic, &event.id, reason))
}

pub(crate) fn never(topic: &str, id: &str, reason: impl Into<String>) -> PublishError {
    PublishError::Never {
        id: id.to_owned(),
        topic: topic.to_owned(),
        reason: reason.into(),
    }
}

/// Its attributes by their names in CloudEvents.
pub(crate) fn named(event: &Event) -> impl Iterator<Item = (&str, String)> {
    let fixed = [
        ("specversion", "1.0".to_owned()),
        ("id", event.id.clone()),
        ("source", event.source.clone()),
        ("type", event.kind.clone()),
        ("time", event.time.to_string()),
    ];
    let extensions = event.extensions.iter();
    fixed
        .into_iter()
        .chain(extensions.map(|(name, value)| (name.as_str(), value.clone())))
}

fn fits(event: &Event) -> Result<(), String> {
    if event.size() > MAX_EVENT_BYTES {
        return Err(format!(
            "it takes {} bytes, and {MAX_EVENT_BYTES} are allowed: put the data in a blob and refer to it",
            event.size()
        ));
    }
    if event.extensions.len() + 6 > MAX_ATTRIBUTES {
        return Err(format!("it has {} extensions", event.extensions.len()));
    }
    for name in event.extensions.keys() {
        check_name(name)?;
    }
    named(event).try_for_each(|(name, value)| check_value(name, &value))
}

/// <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#naming-conventions>
fn check_name(name: &str) -> Result<(), String> {
    const RESERVED: [&str; 7] = [
        "specversion",
        "id",
        "source",
        "type",
        "time",
        "data",
        "datacontenttype",
    ];
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if name.is_empty() || name.len() > 200 || !name.bytes().all(fits) {
        return Err(format!(
            "the extension {name:?} is not named in lower-case letters and digits"
        ));
    }
    if RESERVED.contains(&name) {
        return Err(format!("{name} is no name for an extension"));
    }
    Ok(())
}

fn check_value(name: &str, value: &str) -> Result<(), String> {
    if value.is_empty() || value.len() > MAX_VALUE {
        return Err(format!(
            "{name} has {} bytes; 1 to {MAX_VALUE} fit",
            value.len()
        ));
    }
    if !value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Err(format!("{name} has characters that no header can carry"));
    }
    Ok(())
}
