//! Schemas: definitions that are really parsed, and messages that are really checked against them.
//!
//! Reference: <https://cloud.google.com/pubsub/docs/schemas>.

mod avro;
mod guard;
mod protobuf;
mod registry;

use avro::Avro;
use protobuf::Protobuf;

use crate::proto::schema::Type;
use crate::proto::{Encoding, Schema};
use crate::refusal::Refusal;
pub(crate) use guard::Guard;
pub(crate) use registry::{Reference, Registry, Stamp, Viewed};

/// Longest definition, in bytes: <https://cloud.google.com/pubsub/quotas#resource_limits>.
const LONGEST_DEFINITION: usize = 300_000;

/// A definition, ready to check messages.
#[derive(Debug)]
pub(crate) enum Definition {
    Avro(Avro),
    Protobuf(Protobuf),
}

impl Definition {
    /// # Errors
    /// `INVALID_ARGUMENT`, with what is wrong and where.
    pub fn parse(schema: &Schema) -> Result<Self, Refusal> {
        let text = &schema.definition;
        if text.len() > LONGEST_DEFINITION {
            return Err(unparsable(format!(
                "{} bytes: at most {LONGEST_DEFINITION}",
                text.len()
            )));
        }
        let parsed = match schema.r#type() {
            Type::Avro => Avro::parse(text).map(Self::Avro),
            Type::ProtocolBuffer => Protobuf::parse(text).map(Self::Protobuf),
            Type::Unspecified => {
                return Err(Refusal::invalid_field(
                    "schema.type",
                    "Invalid schema type: must be AVRO or PROTOCOL_BUFFER",
                ));
            }
        };
        parsed.map_err(unparsable)
    }

    /// Says what does not fit, if anything.
    pub fn check(&self, data: &[u8], encoding: Encoding) -> Result<(), String> {
        match (self, encoding) {
            (_, Encoding::Unspecified) => Err("no encoding given".to_owned()),
            (Self::Avro(avro), Encoding::Json) => avro.check_json(data),
            (Self::Avro(avro), Encoding::Binary) => avro.check_binary(data),
            (Self::Protobuf(protobuf), Encoding::Json) => protobuf.check_json(data),
            (Self::Protobuf(protobuf), Encoding::Binary) => protobuf.check_binary(data),
        }
    }

    /// Says why this cannot be the revision after `before`: what is written by either must be read
    /// by the other.
    ///
    /// Rules: <https://cloud.google.com/pubsub/docs/commit-schema-revision>.
    pub fn follows(&self, before: &Self) -> Result<(), String> {
        match (self, before) {
            (Self::Avro(this), Self::Avro(before)) => {
                this.can_read(before).and_then(|()| before.can_read(this))
            }
            (Self::Protobuf(this), Self::Protobuf(before)) => this.follows(before),
            _ => Err("the type of a schema cannot change".to_owned()),
        }
    }

    /// The `reason` of the service's error for a message that does not fit, such as
    /// `INVALID_BINARY_AVRO_MESSAGE`, which
    /// <https://github.com/googleapis/google-cloud-php/issues/6463> shows.
    pub fn reason(&self, encoding: Encoding) -> String {
        let kind = match self {
            Self::Avro(_) => "AVRO",
            Self::Protobuf(_) => "PROTO",
        };
        format!("INVALID_{}_{kind}_MESSAGE", encoding.as_str_name())
    }
}

fn unparsable(problem: String) -> Refusal {
    Refusal::invalid_field(
        "schema.definition",
        format!("Could not parse schema definition: {problem}"),
    )
}
