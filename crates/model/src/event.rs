//! The envelope of everything that crosses a queue: a CloudEvent 1.0 with JSON data (design 2).

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The largest event that may be published, envelope and data, in bytes. What is larger is a blob reference.
pub const MAX_EVENT_BYTES: usize = 128 * 1024;

/// The five topics: five trust boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// Something may have happened outside: a hint.
    Activity,
    /// Someone authenticated asks for something.
    Commands,
    /// The coordinator tells one hub what to do.
    Work,
    /// Hubs tell what became of it.
    Progress,
    /// The coordinator announces what is durable.
    Results,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Activity,
        Self::Commands,
        Self::Work,
        Self::Progress,
        Self::Results,
    ];

    /// The topic's name on every queue.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Commands => "commands",
            Self::Work => "work",
            Self::Progress => "progress",
            Self::Results => "results",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A payload that has a topic and a versioned CloudEvents type of its own.
pub trait Message: Serialize + DeserializeOwned {
    /// The CloudEvents `type`, `farmhand.build.finished.v1`.
    const TYPE: &'static str;
    /// Where it is published.
    const TOPIC: Topic;
    /// The hub it is for, where it is for one: becomes the extension `farmhub`, which hub subscriptions filter on.
    fn hub(&self) -> Option<&crate::id::HubId> {
        None
    }
}

/// The CloudEvents extension that names the hub a `work` event is for.
pub const HUB_EXTENSION: &str = "farmhub";

/// One CloudEvent. `data` is JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Unique per source; the key of de-duplication.
    pub id: String,
    /// Who says it, a URI reference such as `/hub/h1`.
    pub source: String,
    /// Versioned type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it was said.
    pub time: Timestamp,
    /// Extensions: `farmhub`, `traceparent`. Names are lower-case letters and digits.
    pub extensions: BTreeMap<String, String>,
    /// JSON.
    pub data: String,
}

/// Why an event does not carry the message wanted.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It is of another type; the consumer should drop it.
    #[error("event {id} is a {found}, not a {wanted}")]
    OtherType {
        /// The event.
        id: String,
        /// Its type.
        found: String,
        /// What was asked for.
        wanted: &'static str,
    },
    /// Its data does not fit the type: never to be tried again.
    #[error("event {id} of type {kind} does not parse: {error}")]
    BadData {
        /// The event.
        id: String,
        /// Its type.
        kind: String,
        /// The parser's words.
        error: serde_json::Error,
    },
}

impl Event {
    /// An event that carries `message`.
    ///
    /// # Errors
    /// Only when the message's own serialisation fails, as it does for maps with keys that are not text.
    pub fn of<M: Message>(
        id: String,
        source: &str,
        time: Timestamp,
        message: &M,
    ) -> Result<Self, serde_json::Error> {
        let extensions = message
            .hub()
            .map(|hub| (HUB_EXTENSION.to_owned(), hub.to_string()))
            .into_iter()
            .collect();
        let data = serde_json::to_string(message)?;
        Ok(Self {
            id,
            source: source.to_owned(),
            kind: M::TYPE.to_owned(),
            time,
            extensions,
            data,
        })
    }

    /// The message inside.
    ///
    /// # Errors
    /// [`DecodeError`], sorted by what the consumer should do.
    pub fn decode<M: Message>(&self) -> Result<M, DecodeError> {
        if self.kind != M::TYPE {
            return Err(DecodeError::OtherType {
                id: self.id.clone(),
                found: self.kind.clone(),
                wanted: M::TYPE,
            });
        }
        serde_json::from_str(&self.data).map_err(|error| DecodeError::BadData {
            id: self.id.clone(),
            kind: self.kind.clone(),
            error,
        })
    }

    /// How much of [`MAX_EVENT_BYTES`] it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        let extensions: usize = self
            .extensions
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        self.id.len() + self.source.len() + self.kind.len() + extensions + self.data.len() + 128
    }
}
