//! Protocol Buffers: one message type in one file, without imports.

use prost_reflect::{Cardinality, DeserializeOptions, DynamicMessage, MessageDescriptor, Value};
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
}
