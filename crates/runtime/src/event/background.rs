//! Events in the form that functions of the first generation were called with ("background events"), as CloudEvents. How each
//! service's are mapped: <https://github.com/GoogleCloudPlatform/functions-framework-conformance/blob/main/docs/mapping.md>.

use farm_model::event::Event;
use serde::Deserialize;
use serde_json::Value;

use super::attributes::{self, Attributes};
use super::structured::Members;

/// The type of the event that a message was published.
pub(super) const PUBLISHED: &str = "google.cloud.pubsub.topic.v1.messagePublished";

/// Whose events they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Analytics,
    Auth,
    Database,
    Firestore,
    PubSub,
    RemoteConfig,
    Storage,
}

impl Service {
    fn host(self) -> &'static str {
        match self {
            Self::Analytics => "firebaseanalytics.googleapis.com",
            Self::Auth => "firebaseauth.googleapis.com",
            Self::Database => "firebasedatabase.googleapis.com",
            Self::Firestore => "firestore.googleapis.com",
            Self::PubSub => "pubsub.googleapis.com",
            Self::RemoteConfig => "firebaseremoteconfig.googleapis.com",
            Self::Storage => "storage.googleapis.com",
        }
    }
}

/// Type of a background event, whose it is, and its type as a CloudEvent. Not here: `providers/cloud.storage/eventTypes/
/// object.change`, which was one name for four events.
#[rustfmt::skip]
const TYPES: [(&str, Service, &str); 18] = [
    ("google.pubsub.topic.publish", Service::PubSub, PUBLISHED),
    ("providers/cloud.pubsub/eventTypes/topic.publish", Service::PubSub, PUBLISHED),
    ("google.storage.object.finalize", Service::Storage, "google.cloud.storage.object.v1.finalized"),
    ("google.storage.object.delete", Service::Storage, "google.cloud.storage.object.v1.deleted"),
    ("google.storage.object.archive", Service::Storage, "google.cloud.storage.object.v1.archived"),
    ("google.storage.object.metadataUpdate", Service::Storage, "google.cloud.storage.object.v1.metadataUpdated"),
    ("providers/cloud.firestore/eventTypes/document.write", Service::Firestore, "google.cloud.firestore.document.v1.written"),
    ("providers/cloud.firestore/eventTypes/document.create", Service::Firestore, "google.cloud.firestore.document.v1.created"),
    ("providers/cloud.firestore/eventTypes/document.update", Service::Firestore, "google.cloud.firestore.document.v1.updated"),
    ("providers/cloud.firestore/eventTypes/document.delete", Service::Firestore, "google.cloud.firestore.document.v1.deleted"),
    ("providers/firebase.auth/eventTypes/user.create", Service::Auth, "google.firebase.auth.user.v1.created"),
    ("providers/firebase.auth/eventTypes/user.delete", Service::Auth, "google.firebase.auth.user.v1.deleted"),
    ("providers/firebase.remoteConfig/remoteconfig.update", Service::RemoteConfig, "google.firebase.remoteconfig.remoteConfig.v1.updated"),
    ("providers/google.firebase.analytics/eventTypes/event.log", Service::Analytics, "google.firebase.analytics.log.v1.written"),
    ("providers/google.firebase.database/eventTypes/ref.create", Service::Database, "google.firebase.database.ref.v1.created"),
    ("providers/google.firebase.database/eventTypes/ref.write", Service::Database, "google.firebase.database.ref.v1.written"),
    ("providers/google.firebase.database/eventTypes/ref.update", Service::Database, "google.firebase.database.ref.v1.updated"),
    ("providers/google.firebase.database/eventTypes/ref.delete", Service::Database, "google.firebase.database.ref.v1.deleted"),
];

/// What stands in `context`, or beside the data.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    event_id: Option<String>,
    event_type: Option<String>,
    timestamp: Option<String>,
    resource: Option<Resource>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Resource {
    Name(String),
    Whole { name: String },
}

impl Resource {
    fn into_name(self) -> String {
        match self {
            Self::Name(name) | Self::Whole { name } => name,
        }
    }
}

impl Context {
    fn or(self, other: Self) -> Self {
        Self {
            event_id: self.event_id.or(other.event_id),
            event_type: self.event_type.or(other.event_type),
            timestamp: self.timestamp.or(other.timestamp),
            resource: self.resource.or(other.resource),
        }
    }
}

/// Whether an object with these members is such an event.
pub(super) fn is_one(members: &Members) -> bool {
    members.contains_key("context") || members.contains_key("eventType")
}

/// The event in `body`, which has `members`.
///
/// # Errors
/// What is missing, wrong or not known, for the sender.
pub(super) fn read(body: &str, members: &Members) -> Result<Event, String> {
    let wrong = |error: serde_json::Error| format!("no background event: {error}");
    let beside: Context = serde_json::from_str(body).map_err(wrong)?;
    let context = members.get("context").map(|text| text.get());
    let context: Context = context
        .map_or(Ok(Context::default()), serde_json::from_str)
        .map_err(wrong)?;
    let context = context.or(beside);
    let (service, kind) = known(context.event_type.as_deref())?;
    let resource = context.resource.map(Resource::into_name);
    let resource = resource.ok_or("the background event has no resource")?;
    let data = members
        .get("data")
        .ok_or("the background event has no data")?
        .get();
    let parts = Parts {
        resource: &resource,
        data,
        members,
    };
    let (name, subject) = parts.named(service)?;
    let given = [
        ("specversion", Some("1.0".to_owned())),
        ("source", Some(format!("//{}/{name}", service.host()))),
        ("type", Some(kind.to_owned())),
        ("subject", subject),
        ("id", context.event_id.clone()),
        ("time", context.timestamp.clone()),
    ];
    let given = given
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let attributes: Attributes = given.collect();
    let data = parts.data(service, context.event_id, context.timestamp)?;
    attributes::event(attributes, data)
}

fn known(kind: Option<&str>) -> Result<(Service, &'static str), String> {
    let kind = kind.ok_or("the background event has no eventType")?;
    let found = TYPES.iter().find(|(name, ..)| *name == kind);
    let (_, service, kind) = found
        .ok_or_else(|| format!("there is no CloudEvent for background events of type {kind:?}"))?;
    Ok((*service, kind))
}

/// What the mapping of one service or the other looks at.
struct Parts<'a> {
    resource: &'a str,
    /// JSON.
    data: &'a str,
    members: &'a Members,
}

impl Parts<'_> {
    /// The resource that the event came from, and what in it the event is about.
    fn named(&self, service: Service) -> Result<(String, Option<String>), String> {
        let whole = self.resource.to_owned();
        match service {
            Service::PubSub | Service::RemoteConfig => Ok((whole, None)),
            Service::Auth => Ok((whole, Some(format!("users/{}", self.text("/uid")?)))),
            Service::Firestore => self.cut("documents").map(about),
            Service::Storage => {
                let (bucket, object) = self.cut("objects")?;
                Ok(about((bucket, without_generation(object))))
            }
            Service::Database => self.reference(),
            Service::Analytics => {
                let (project, event) = self.cut("events")?;
                let app = self.text("/userDim/appInfo/appId")?;
                Ok((format!("{project}/apps/{app}"), Some(event.to_owned())))
            }
        }
    }

    /// The resource's name before the first `/what/`, and the rest.
    fn cut(&self, what: &str) -> Result<(&str, &str), String> {
        let at = self.resource.find(&format!("/{what}/"));
        let at = at.ok_or_else(|| format!("the resource {:?} is none of {what}", self.resource))?;
        Ok((&self.resource[..at], &self.resource[at + 1..]))
    }

    /// `projects/_/instances/I/refs/R` lies where the event's `domain` says: before its first dot, but for the oldest one.
    fn reference(&self) -> Result<(String, Option<String>), String> {
        let (instance, reference) = self.cut("refs")?;
        let domain = self.members.get("domain");
        let domain = domain.and_then(|text| serde_json::from_str::<String>(text.get()).ok());
        let domain = domain.ok_or("the background event of a database has no domain")?;
        let place = match domain.as_str() {
            "firebaseio.com" => "us-central1",
            other => other.split('.').next().unwrap_or_default(),
        };
        let placed = instance.replacen("/instances/", &format!("/locations/{place}/instances/"), 1);
        Ok((placed, Some(reference.to_owned())))
    }

    /// The text at `pointer` in the data (RFC 6901).
    fn text(&self, pointer: &str) -> Result<String, String> {
        let data: Value = serde_json::from_str(self.data).unwrap_or_default();
        let text = data.pointer(pointer).and_then(Value::as_str);
        let text = text
            .ok_or_else(|| format!("the data of the background event has no text at {pointer}"))?;
        Ok(text.to_owned())
    }

    /// The data, as JSON.
    fn data(
        &self,
        service: Service,
        id: Option<String>,
        time: Option<String>,
    ) -> Result<String, String> {
        let changed = match service {
            Service::PubSub => self.message(id, time),
            Service::Auth => self.user(),
            _ => return Ok(self.data.to_owned()),
        };
        changed.map_err(|error| format!("the data of the background event is no object: {error}"))
    }

    /// A message has its id and time in the context there, and in itself here.
    fn message(&self, id: Option<String>, time: Option<String>) -> serde_json::Result<String> {
        let mut message: Members = serde_json::from_str(self.data)?;
        for (name, value) in [("messageId", id), ("publishTime", time)] {
            if let Some(value) = value {
                message.insert(name.to_owned(), serde_json::value::to_raw_value(&value)?);
            }
        }
        serde_json::to_string(&std::collections::BTreeMap::from([("message", message)]))
    }

    /// Two times of a user have other names.
    fn user(&self) -> serde_json::Result<String> {
        let mut user: Members = serde_json::from_str(self.data)?;
        if let Some(text) = user.remove("metadata") {
            let mut times: Members = serde_json::from_str(text.get())?;
            for (old, new) in [
                ("createdAt", "createTime"),
                ("lastSignedInAt", "lastSignInTime"),
            ] {
                if let Some(time) = times.remove(old) {
                    times.insert(new.to_owned(), time);
                }
            }
            user.insert(
                "metadata".to_owned(),
                serde_json::value::to_raw_value(&times)?,
            );
        }
        serde_json::to_string(&user)
    }
}

fn about((source, subject): (&str, &str)) -> (String, Option<String>) {
    (source.to_owned(), Some(subject.to_owned()))
}

/// An object's name without `#1588778055917163`, which may follow it.
fn without_generation(object: &str) -> &str {
    match object.rsplit_once('#') {
        Some((name, number))
            if number.bytes().all(|b| b.is_ascii_digit()) && !number.is_empty() =>
        {
            name
        }
        _ => object,
    }
}
