//! What stands before a topic with a schema: messages that fit pass, and carry which revision they
//! fitted.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Definition, Registry};
use crate::names::DELETED_SCHEMA;
use crate::proto::{Encoding, PubsubMessage, Schema, SchemaSettings};
use crate::refusal::Refusal;

/// Parsed definitions that are kept; with more of them in use all are parsed anew.
const MOST_KEPT: usize = 512;

/// Checks messages. Parses a definition once, at the first message.
#[derive(Debug, Default)]
pub(crate) struct Guard(Mutex<HashMap<Key, Arc<Definition>>>);

/// A revision of a schema; with its time, since a schema may be deleted and made again.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    name: String,
    revision: String,
    seconds: i64,
    nanos: i32,
}

impl Guard {
    /// Checks all messages before it marks any.
    ///
    /// # Errors
    /// `NOT_FOUND` if the schema was deleted; `INVALID_ARGUMENT` for the first message that fits
    /// none of the allowed revisions, in the service's words and with its details.
    pub fn check(
        &self,
        registry: &Registry,
        settings: &SchemaSettings,
        messages: &mut [PubsubMessage],
    ) -> Result<(), Refusal> {
        if settings.schema == DELETED_SCHEMA {
            return Err(Refusal::not_found(
                "The schema of the topic was deleted: set another, or none.",
            ));
        }
        let encoding = settings.encoding();
        let allowed = registry.allowed(settings)?;
        let mut marks = Vec::with_capacity(messages.len());
        for message in messages.iter() {
            marks.push(self.fitting(&allowed, encoding, &message.data)?);
        }
        for (message, revision) in messages.iter_mut().zip(marks) {
            mark(message, settings, &revision);
        }
        Ok(())
    }

    /// The newest revision that fits.
    fn fitting(
        &self,
        allowed: &[&Schema],
        encoding: Encoding,
        data: &[u8],
    ) -> Result<String, Refusal> {
        let mut refusal = Refusal::internal("a schema without revisions");
        for schema in allowed {
            let definition = self.definition(schema)?;
            match definition.check(data, encoding) {
                Ok(()) => return Ok(schema.revision_id.clone()),
                Err(problem) => refusal = unfit(schema, &definition.reason(encoding), &problem),
            }
        }
        Err(refusal)
    }

    fn definition(&self, schema: &Schema) -> Result<Arc<Definition>, Refusal> {
        let time = schema.revision_create_time.unwrap_or_default();
        let key = Key {
            name: schema.name.clone(),
            revision: schema.revision_id.clone(),
            seconds: time.seconds,
            nanos: time.nanos,
        };
        if let Some(known) = self.0.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let parsed = Arc::new(Definition::parse(schema)?);
        let mut kept = self.0.lock();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&parsed));
        Ok(parsed)
    }
}

/// <https://cloud.google.com/pubsub/docs/schemas#schema-attributes>.
fn mark(message: &mut PubsubMessage, settings: &SchemaSettings, revision: &str) {
    let encoding = settings.encoding().as_str_name();
    for (key, value) in [
        ("googclient_schemaencoding", encoding),
        ("googclient_schemaname", &settings.schema),
        ("googclient_schemarevisionid", revision),
    ] {
        message.attributes.insert(key.to_owned(), value.to_owned());
    }
}

fn unfit(last: &Schema, reason: &str, problem: &str) -> Refusal {
    const MESSAGE: &str = "Message failed schema validation";
    let revisions = format!(
        "Could not validate message with any schema revision for schema: {}, last checked \
         revision: revision_id={} failed with status: {problem}.",
        last.name, last.revision_id
    );
    Refusal::invalid(format!("Invalid data in message: {MESSAGE}.")).with_info(
        reason,
        [
            ("message".to_owned(), MESSAGE.to_owned()),
            ("revisionInfo".to_owned(), revisions),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::super::Stamp;
    use super::*;
    use crate::names::SchemaName;
    use crate::proto::schema::Type;
    use crate::refusal::Detail;

    const NAME: &str = "projects/p/schemas/abc";

    fn registry(fields: &[&str]) -> Registry {
        let revisions = fields.iter().zip(0..).map(|(field, number)| Schema {
            name: NAME.to_owned(),
            r#type: Type::Avro.into(),
            revision_id: format!("0000000{number}"),
            definition: format!(
                r#"{{"type":"record","name":"R","fields":[{{"name":"{field}","type":"int"}}]}}"#
            ),
            ..Schema::default()
        });
        Registry::from_revisions(revisions.collect()).unwrap()
    }

    fn settings() -> SchemaSettings {
        SchemaSettings {
            schema: NAME.to_owned(),
            encoding: Encoding::Json.into(),
            ..SchemaSettings::default()
        }
    }

    fn message(data: &'static str) -> PubsubMessage {
        PubsubMessage {
            data: data.into(),
            ..PubsubMessage::default()
        }
    }

    #[test]
    fn a_message_is_marked_with_the_newest_revision_that_fits() {
        let (guard, registry) = (Guard::default(), registry(&["x", "y"]));
        let mut messages = [message("{\"y\":1}"), message("{\"x\":1}")];
        guard.check(&registry, &settings(), &mut messages).unwrap();
        let revision = |m: &PubsubMessage| m.attributes["googclient_schemarevisionid"].clone();
        assert_eq!(messages.each_ref().map(revision), ["00000001", "00000000"]);
        assert_eq!(messages[0].attributes["googclient_schemaname"], NAME);
        assert_eq!(messages[0].attributes["googclient_schemaencoding"], "JSON");
    }

    #[test]
    fn one_that_fits_none_is_refused_and_nothing_is_marked() {
        let (guard, registry) = (Guard::default(), registry(&["x", "y"]));
        let mut messages = [message("{\"y\":1}"), message("{\"z\":1}")];
        let refusal = guard
            .check(&registry, &settings(), &mut messages)
            .unwrap_err();
        assert_eq!(refusal.code, tonic::Code::InvalidArgument);
        let Some(Detail::Info { reason, metadata }) = refusal.detail else {
            panic!("no reason");
        };
        assert_eq!(reason, "INVALID_JSON_AVRO_MESSAGE");
        assert!(metadata["revisionInfo"].contains("revision_id=00000000"));
        assert!(messages[0].attributes.is_empty());
    }

    #[test]
    fn a_deleted_schema_is_said() {
        let mut settings = settings();
        settings.schema = DELETED_SCHEMA.to_owned();
        let refusal = Guard::default()
            .check(&Registry::default(), &settings, &mut [message("{}")])
            .unwrap_err();
        assert_eq!(refusal.code, tonic::Code::NotFound);
    }

    #[test]
    fn a_schema_made_again_is_parsed_again() {
        let guard = Guard::default();
        let mut all = Registry::default();
        let name = SchemaName::parse(NAME).unwrap();
        for (field, seconds) in [("x", 1), ("y", 2)] {
            let _ = all.delete(&name);
            let mut schema = registry(&[field]).all_revisions().remove(0);
            schema.revision_id.clear();
            let time = prost_types::Timestamp { seconds, nanos: 0 };
            let stamp = Stamp { number: 7, time };
            all.create(name.clone(), schema, stamp).unwrap();
            let fits = if field == "x" {
                "{\"x\":1}"
            } else {
                "{\"y\":1}"
            };
            guard
                .check(&all, &settings(), &mut [message(fits)])
                .unwrap();
        }
    }
}
