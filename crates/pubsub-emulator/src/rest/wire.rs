//! Messages between JSON and their types, by their descriptors: every field of the API is read and
//! written as proto3's JSON mapping says, with no second list of fields to keep.
//!
//! Mapping: <https://protobuf.dev/programming-guides/json/>. Both spellings of a name are read,
//! both alphabets of base64, enums by name and by number; unknown names are refused, as the service
//! does.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions,
};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use serde_json::Value;

use crate::refusal::Refusal;

const FILES: [(&str, &str); 6] = [
    ("export.proto", include_str!("wire/export.proto")),
    ("ingestion.proto", include_str!("wire/ingestion.proto")),
    ("schema.proto", include_str!("wire/schema.proto")),
    ("snapshot.proto", include_str!("wire/snapshot.proto")),
    (
        "subscription.proto",
        include_str!("wire/subscription.proto"),
    ),
    ("topic.proto", include_str!("wire/topic.proto")),
];

/// Made at the first call, so that a start without REST does not wait for it.
static POOL: LazyLock<Result<DescriptorPool, String>> =
    LazyLock::new(|| compile().map_err(|error| error.to_string()));

struct Ours;

impl FileResolver for Ours {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match FILES.iter().find(|(file, _)| *file == name) {
            Some((file, source)) => File::from_source(file, source),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

fn compile() -> Result<DescriptorPool, protox::Error> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Ours);
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    compiler.open_files(FILES.iter().map(|(file, _)| file))?;
    Ok(compiler.descriptor_pool())
}

/// The descriptor of a message by its full name.
pub(super) fn descriptor(name: &str) -> Result<MessageDescriptor, Refusal> {
    let pool = POOL.as_ref().map_err(Refusal::internal)?;
    pool.get_message_by_name(name)
        .ok_or_else(|| Refusal::internal(format!("no descriptor of {name}")))
}

/// How an answer spells enums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Enums {
    #[default]
    Names,
    Numbers,
}

/// # Errors
/// `INVALID_ARGUMENT` for JSON that is no such message.
pub(super) fn read<T: Message + Default>(
    descriptor: MessageDescriptor,
    json: Value,
) -> Result<T, Refusal> {
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let message = DynamicMessage::deserialize_with_options(descriptor, json, &options)
        .map_err(|error| bad_payload(error.to_string()))?;
    T::decode(message.encode_to_vec().as_slice())
        .map_err(|error| Refusal::internal(error.to_string()))
}

/// Fields with their default value are left out, as the service does.
pub(super) fn write<T: Message>(
    descriptor: MessageDescriptor,
    message: &T,
    enums: Enums,
) -> Result<Value, Refusal> {
    let bytes = message.encode_to_vec();
    let message = DynamicMessage::decode(descriptor, bytes.as_slice())
        .map_err(|error| Refusal::internal(error.to_string()))?;
    let options = SerializeOptions::new().use_enum_numbers(enums == Enums::Numbers);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|error| Refusal::internal(error.to_string()))
}

/// What the service says of a body that does not fit, with the same as a detail.
pub(super) fn bad_payload(problem: impl std::fmt::Display) -> Refusal {
    Refusal::invalid_field("", format!("Invalid JSON payload received. {problem}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::proto::{PubsubMessage, Subscription, Topic, subscription};

    fn of(name: &str) -> MessageDescriptor {
        descriptor(&format!("google.pubsub.v1.{name}")).unwrap()
    }

    #[test]
    fn both_spellings_and_both_alphabets_are_read() {
        for json in [
            json!({ "data": "-_8=", "orderingKey": "k" }),
            json!({ "data": "+/8", "ordering_key": "k" }),
        ] {
            let message: PubsubMessage = read(of("PubsubMessage"), json).unwrap();
            assert_eq!(&message.data[..], [0xfb, 0xff]);
            assert_eq!(message.ordering_key, "k");
        }
    }

    #[test]
    fn enums_are_names_or_numbers() {
        let config = Subscription {
            state: subscription::State::Active.into(),
            ..Subscription::default()
        };
        let named = write(of("Subscription"), &config, Enums::Names).unwrap();
        assert_eq!(named, json!({ "state": "ACTIVE" }));
        let numbered = write(of("Subscription"), &config, Enums::Numbers).unwrap();
        assert_eq!(numbered, json!({ "state": 1 }));
        for json in [named, numbered] {
            let back: Subscription = read(of("Subscription"), json).unwrap();
            assert_eq!(back, config);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (json, part) in [
            (json!({ "labelz": {} }), "labelz"),
            (json!({ "labels": [] }), "map"),
            (json!({ "messageRetentionDuration": "10" }), "duration"),
        ] {
            let refusal = read::<Topic>(of("Topic"), json).unwrap_err();
            assert!(refusal.message.contains(part), "{refusal}");
        }
    }
}
