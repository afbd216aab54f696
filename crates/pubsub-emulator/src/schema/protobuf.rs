//! Protocol Buffers: one message type in one file, without imports.

use std::collections::HashSet;

use prost_reflect::{
    Cardinality, DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor,
    Value,
};
use protox::Compiler;
use protox::file::{File, FileResolver};

const FILE: &str = "schema.proto";
/// Deepest nesting of a definition: its parser descends.
const DEEPEST: usize = 64;

#[derive(Debug)]
pub(crate) struct Protobuf(MessageDescriptor);

/// Knows the one file alone.
struct OneFile(String);

impl FileResolver for OneFile {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match name {
            FILE => File::from_source(FILE, &self.0),
            other => Err(protox::Error::file_not_found(other)),
        }
    }
}

impl Protobuf {
    /// Says what is wrong with a definition that is none.
    pub fn parse(definition: &str) -> Result<Self, String> {
        check_depth(definition)?;
        let file = File::from_source(FILE, definition).map_err(|error| error.to_string())?;
        let file = file.file_descriptor_proto();
        if let Some(import) = file.dependency.first() {
            return Err(format!("imports are not supported: {import:?}"));
        }
        if file.message_type.len() != 1 || !file.enum_type.is_empty() {
            return Err("there must be one top-level message type, and no other type".to_owned());
        }
        let mut compiler = Compiler::with_file_resolver(OneFile(definition.to_owned()));
        compiler
            .open_file(FILE)
            .map_err(|error| error.to_string())?;
        let message = compiler
            .descriptor_pool()
            .get_file_by_name(FILE)
            .and_then(|file| file.messages().next());
        message.map(Self).ok_or_else(|| "no message".to_owned())
    }

    /// Says what does not fit.
    pub fn check_json(&self, data: &[u8]) -> Result<(), String> {
        let mut json = serde_json::Deserializer::from_slice(data);
        let options = DeserializeOptions::new().deny_unknown_fields(true);
        let message = DynamicMessage::deserialize_with_options(self.0.clone(), &mut json, &options)
            .map_err(|error| error.to_string())?;
        json.end().map_err(|error| error.to_string())?;
        check_required(&message)
    }

    /// Says what does not fit. Fields that the definition does not know are no fault, as always
    /// with this encoding.
    pub fn check_binary(&self, data: &[u8]) -> Result<(), String> {
        let message =
            DynamicMessage::decode(self.0.clone(), data).map_err(|error| error.to_string())?;
        check_required(&message)
    }
}

impl Protobuf {
    /// Says why a revision does not go with the one before: fields may come and go if they are not
    /// required, but what both have must be the same, enums with all their values.
    pub fn follows(&self, before: &Self) -> Result<(), String> {
        let mut pairs = vec![(before.0.clone(), self.0.clone())];
        let mut seen = HashSet::new();
        while let Some((old, new)) = pairs.pop() {
            if !seen.insert((old.full_name().to_owned(), new.full_name().to_owned())) {
                continue;
            }
            for (these, others) in [(&old, &new), (&new, &old)] {
                for field in these.fields() {
                    match others.get_field(field.number()) {
                        Some(other) => pairs.extend(same(&field, &other)?),
                        None if field.cardinality() == Cardinality::Required => {
                            return Err(format!("{} is required", field.full_name()));
                        }
                        None => {}
                    }
                }
            }
        }
        Ok(())
    }
}

/// Compares a field of two revisions. Returns their message types, if they have such.
fn same(
    one: &FieldDescriptor,
    other: &FieldDescriptor,
) -> Result<Option<(MessageDescriptor, MessageDescriptor)>, String> {
    let differs = || Err(format!("{} has changed", one.full_name()));
    if one.name() != other.name() || one.cardinality() != other.cardinality() {
        return differs();
    }
    match (one.kind(), other.kind()) {
        (Kind::Message(one), Kind::Message(other)) => Ok(Some((one, other))),
        (Kind::Enum(one), Kind::Enum(other)) => {
            let missing = one.values().find(|value| {
                let same = other.get_value_by_name(value.name());
                same.is_none_or(|same| same.number() != value.number())
            });
            match missing {
                Some(value) => Err(format!(
                    "{} = {} is missing in {}",
                    value.full_name(),
                    value.number(),
                    other.full_name()
                )),
                None => Ok(None),
            }
        }
        (one, other) if one == other => Ok(None),
        _ => differs(),
    }
}

/// Brackets in strings and comments count as well, which no sensible definition notices.
fn check_depth(definition: &str) -> Result<(), String> {
    let mut depth = 0usize;
    for byte in definition.bytes() {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(format!("nested deeper than {DEEPEST}"));
        }
    }
    Ok(())
}

/// `required` of proto2. The descent is as deep as the message, whose depth its reader bounds.
fn check_required(message: &DynamicMessage) -> Result<(), String> {
    use prost_reflect::ReflectMessage as _;
    let descriptor = message.descriptor();
    let missing = descriptor
        .fields()
        .find(|field| field.cardinality() == Cardinality::Required && !message.has_field(field));
    if let Some(field) = missing {
        return Err(format!("field {:?} is missing", field.full_name()));
    }
    message
        .fields()
        .try_for_each(|(_, value)| required_in(value))
}

fn required_in(value: &Value) -> Result<(), String> {
    match value {
        Value::Message(message) => check_required(message),
        Value::List(items) => items.iter().try_for_each(required_in),
        Value::Map(map) => map.values().try_for_each(required_in),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: &str = r#"
        syntax = "proto3";
        message Item {
          enum Kind { NONE = 0; BOOK = 1; }
          message Part { string name = 1; }
          string name = 1;
          int32 count = 2;
          Kind kind = 3;
          repeated Part parts = 4;
          optional Item next = 5;
        }"#;

    #[test]
    fn one_message_type_without_imports_is_taken() {
        Protobuf::parse(ITEM).unwrap();
        Protobuf::parse("message A { required int32 x = 1; }").unwrap();
        for (definition, part) in [
            ("message A {} message B {}", "one top-level"),
            ("message A {} enum B { X = 0; }", "one top-level"),
            ("", "one top-level"),
            (
                "import \"google/protobuf/any.proto\"; message A {}",
                "imports",
            ),
            ("message A { int32 x = ; }", "expected"),
            (
                "syntax = \"proto3\"; message A { Unknown x = 1; }",
                "Unknown",
            ),
        ] {
            let problem = Protobuf::parse(definition).expect_err(definition);
            assert!(problem.contains(part), "{definition}: {problem}");
        }
        let deep = "message A {".repeat(20_000);
        assert!(Protobuf::parse(&deep).unwrap_err().contains("deeper"));
    }

    #[test]
    fn json_messages_fit_or_not() {
        let item = Protobuf::parse(ITEM).unwrap();
        for (message, fits) in [
            ("{}", true),
            (
                r#"{"name": "a", "count": 3, "kind": "BOOK", "parts": [{"name": "p"}]}"#,
                true,
            ),
            (r#"{"kind": 1, "next": {"name": "b"}}"#, true),
            (r#"{"name": 3}"#, false),
            (r#"{"count": 3000000000}"#, false),
            (r#"{"unknown": 1}"#, false),
            (r#"{"kind": "FILM"}"#, false),
            ("{} {}", false),
            ("", false),
        ] {
            assert_eq!(
                item.check_json(message.as_bytes()).is_ok(),
                fits,
                "{message}"
            );
        }
        let deep = "{\"next\":".repeat(100_000);
        assert!(item.check_json(deep.as_bytes()).is_err());
    }

    #[test]
    fn binary_messages_fit_or_not() {
        let item = Protobuf::parse(ITEM).unwrap();
        for (message, fits) in [
            (&b""[..], true),
            (b"\x0a\x01a\x10\x03", true),
            // Field 15, which is unknown.
            (b"\x78\x01", true),
            (b"\x0a\x05a", false),
            (b"\x0a\x01\xff", false),
            (b"\x08\x01", false),
        ] {
            assert_eq!(item.check_binary(message).is_ok(), fits, "{message:?}");
        }
        let two = Protobuf::parse("message A { required int32 x = 1; }").unwrap();
        assert_eq!(two.check_binary(b"\x08\x01"), Ok(()));
        assert!(two.check_binary(b"").unwrap_err().contains("missing"));
    }

    #[test]
    fn revisions_are_compatible_where_what_both_have_is_the_same() {
        let before = Protobuf::parse(ITEM).unwrap();
        let revised = |from: &str, to: &str| {
            let revised = ITEM.replace(from, to);
            assert_ne!(revised, ITEM);
            Protobuf::parse(&revised).unwrap().follows(&before)
        };
        let count = "int32 count = 2;";
        assert_eq!(before.follows(&before), Ok(()));
        assert_eq!(revised(count, ""), Ok(()));
        assert_eq!(revised(count, "int32 count = 2; string more = 9;"), Ok(()));
        for (from, to) in [
            (count, "int64 count = 2;"),
            (count, "int32 number = 2;"),
            (count, "repeated int32 count = 2;"),
            ("BOOK = 1;", "BOOK = 1; FILM = 2;"),
            ("BOOK = 1;", ""),
            (
                "message Part { string name = 1; }",
                "message Part { int32 name = 1; }",
            ),
        ] {
            assert!(revised(from, to).is_err(), "{from} {to}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_definition_and_no_message_makes_it_panic(
            words in "(message |enum |oneof |A|[{}();=<>,.]|int32 |map<|repeated |optional |extend |group |reserved |option |\"|//|/\\*|[0-9]| ){0,24}",
            data in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
        ) {
            let _ = Protobuf::parse(&words);
            let _ = Protobuf::parse(&format!("message A {{ {words} }}"));
            let item = Protobuf::parse(ITEM).unwrap();
            let _ = item.check_binary(&data);
            let _ = item.check_json(&data);
        }
    }
}
