//! Query parameters: fields of the request, and those that every method of Google's APIs knows.
//!
//! Reference: <https://cloud.google.com/apis/docs/system-parameters>.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use super::select::Selection;
use super::wire::Enums;
use crate::refusal::Refusal;

/// Parameters of the transport that mean nothing here: there is nobody to bill or to identify.
const IGNORED: [&str; 12] = [
    ".xgafv",
    "access_token",
    "apiVersion",
    "callback",
    "key",
    "oauth_token",
    "quotaUser",
    "unique",
    "uploadType",
    "upload_protocol",
    "userIp",
    "userProject",
];

/// How the answer is to look.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Style {
    pub enums: Enums,
    /// On one line; the service's own default is to indent.
    pub compact: bool,
    /// All fields without one.
    pub fields: Option<Selection>,
}

/// Sorts a query string's pairs into the answer's style and the request's fields.
pub(super) fn sort(
    pairs: Vec<(String, String)>,
) -> Result<(Style, Vec<(String, String)>), Refusal> {
    let mut style = Style::default();
    let mut fields = Vec::new();
    for (name, value) in pairs {
        match name.strip_prefix('$').unwrap_or(&name) {
            "alt" => style.enums = alt(&value)?,
            "prettyPrint" | "pp" => style.compact = !flag(&name, &value)?,
            "fields" => style.fields = Some(Selection::parse(&value)?),
            ignored if IGNORED.contains(&ignored) => {}
            _ => fields.push((name, value)),
        }
    }
    Ok((style, fields))
}

fn alt(value: &str) -> Result<Enums, Refusal> {
    match value {
        "json" => Ok(Enums::Names),
        "json;enum-encoding=int" => Ok(Enums::Numbers),
        "proto" | "media" => Err(Refusal::unsupported(&format!(
            "answers in the form alt={value}: use alt=json, or gRPC"
        ))),
        _ => Err(Refusal::invalid_field(
            "alt",
            format!("Invalid value at 'alt': {value:?}; use \"json\""),
        )),
    }
}

fn flag(name: &str, value: &str) -> Result<bool, Refusal> {
    match value {
        "true" | "1" | "" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Refusal::invalid_field(
            name,
            format!("Invalid value at '{name}': {value:?}; use true or false"),
        )),
    }
}

/// Sets the field at a dotted path, in either spelling, of a message in JSON.
pub(super) fn bind(
    object: &mut Map<String, Value>,
    message: &MessageDescriptor,
    path: &str,
    text: String,
) -> Result<(), Refusal> {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let field = message
        .get_field_by_name(first)
        .or_else(|| message.get_field_by_json_name(first))
        .ok_or_else(|| unknown(path))?;
    let key = if object.contains_key(field.name()) {
        field.name()
    } else {
        field.json_name()
    };
    match (rest, field.kind()) {
        (Some(rest), Kind::Message(inner)) => {
            let slot = object.entry(key).or_insert_with(|| Map::new().into());
            let slot = slot.as_object_mut().ok_or_else(|| unknown(path))?;
            bind(slot, &inner, rest, text)
        }
        (Some(_), _) => Err(unknown(path)),
        (None, _) => set(object, key, &field, text),
    }
}

fn set(
    object: &mut Map<String, Value>,
    key: &str,
    field: &FieldDescriptor,
    text: String,
) -> Result<(), Refusal> {
    let value = match field.kind() {
        Kind::Bool => flag(key, &text)?.into(),
        Kind::Enum(_) => text.parse::<i32>().map_or(Value::String(text), Value::from),
        _ => Value::String(text),
    };
    if !field.is_list() {
        object.insert(key.to_owned(), value);
    } else if let Some(list) = object
        .entry(key)
        .or_insert_with(|| Vec::<Value>::new().into())
        .as_array_mut()
    {
        list.push(value);
    }
    Ok(())
}

fn unknown(path: &str) -> Refusal {
    let problem = format!(
        "Invalid JSON payload received. Unknown name \"{path}\": Cannot bind query parameter. \
         Field '{path}' could not be found in request message."
    );
    Refusal::invalid_field("", problem)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rest::wire;

    fn bound(message: &str, path: &str, text: &str) -> Result<Value, Refusal> {
        let mut object = Map::new();
        bind(
            &mut object,
            &wire::descriptor(message)?,
            path,
            text.to_owned(),
        )?;
        Ok(object.into())
    }

    #[test]
    fn fields_are_set_by_path_in_either_spelling() {
        for (message, path, text, expected) in [
            (
                "ListTopicsRequest",
                "pageSize",
                "3",
                json!({ "pageSize": "3" }),
            ),
            (
                "ListTopicsRequest",
                "page_size",
                "3",
                json!({ "pageSize": "3" }),
            ),
            (
                "UpdateTopicRequest",
                "topic.name",
                "x",
                json!({ "topic": { "name": "x" } }),
            ),
            (
                "GetSchemaRequest",
                "view",
                "BASIC",
                json!({ "view": "BASIC" }),
            ),
            ("GetSchemaRequest", "view", "1", json!({ "view": 1 })),
        ] {
            let name = format!("google.pubsub.v1.{message}");
            assert_eq!(bound(&name, path, text).unwrap(), expected, "{path}");
        }
        assert!(bound("google.pubsub.v1.GetTopicRequest", "size", "3").is_err());
        assert!(bound("google.pubsub.v1.GetTopicRequest", "topic.x", "3").is_err());
    }

    #[test]
    fn system_parameters_shape_the_answer() {
        let pairs = |text: &[(&str, &str)]| {
            let own = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
            text.iter().map(own).collect::<Vec<_>>()
        };
        let (style, fields) = sort(pairs(&[
            ("$alt", "json;enum-encoding=int"),
            ("prettyPrint", "false"),
            ("key", "secret"),
            ("pageSize", "2"),
        ]))
        .unwrap();
        assert_eq!((style.enums, style.compact), (Enums::Numbers, true));
        assert_eq!(fields, pairs(&[("pageSize", "2")]));
        for bad in [
            ("alt", "proto"),
            ("alt", "xml"),
            ("prettyPrint", "yes"),
            ("fields", "a(b"),
        ] {
            assert!(sort(pairs(&[bad])).is_err(), "{bad:?}");
        }
    }
}
