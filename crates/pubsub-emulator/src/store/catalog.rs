//! Topics, subscriptions, snapshots and schemas on disk: one small file, written beside and renamed into place.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use prost::Message;

use super::folder::OpenError;
use super::segment::sync_folder;
use crate::clock::Moment;
use crate::names::{SnapshotName, SubscriptionName, TopicName};
use crate::proto::{Schema, Snapshot, Subscription, Topic};
use crate::schema::Registry;

const FILE: &str = "catalog";
/// The last byte is the version of the format.
const MAGIC: [u8; 8] = *b"FARMPSC\x01";

/// A subscription's identity: a name that is deleted and made again is another subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SubscriptionId(pub u64);

/// Whatever keeps messages: a subscription, a topic that retains them, a snapshot. All share one
/// row of numbers, so that the log says with one list who has a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HolderId(pub u64);

impl From<SubscriptionId> for HolderId {
    fn from(id: SubscriptionId) -> Self {
        Self(id.0)
    }
}

/// A snapshot, with what its configuration on the wire does not say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SnapshotRecord {
    pub id: HolderId,
    pub config: Snapshot,
    /// The filter of the subscription that it was made of.
    pub filter: String,
    /// The first sequence number after its making.
    pub cut: u64,
}

impl SnapshotRecord {
    /// When it goes.
    pub fn expires(&self) -> Option<Moment> {
        self.config.expire_time.as_ref().map(Moment::from_proto)
    }
}

/// All topics, subscriptions, snapshots and schemas.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Catalog {
    pub next_id: u64,
    /// The topics that retain messages themselves.
    pub retaining: BTreeMap<TopicName, HolderId>,
    pub snapshots: BTreeMap<SnapshotName, SnapshotRecord>,
    pub schemas: Registry,
    pub topics: BTreeMap<TopicName, Topic>,
    pub subscriptions: BTreeMap<SubscriptionName, (SubscriptionId, Subscription)>,
}

#[derive(Clone, PartialEq, Message)]
struct OnDisk {
    #[prost(uint64, tag = "1")]
    next_id: u64,
    #[prost(message, repeated, tag = "2")]
    topics: Vec<Topic>,
    #[prost(message, repeated, tag = "3")]
    subscriptions: Vec<SubscriptionOnDisk>,
    #[prost(message, repeated, tag = "10")]
    retaining: Vec<RetainingOnDisk>,
    #[prost(message, repeated, tag = "11")]
    snapshots: Vec<SnapshotOnDisk>,
    #[prost(message, repeated, tag = "20")]
    schema_revisions: Vec<Schema>,
}

#[derive(Clone, PartialEq, Message)]
struct RetainingOnDisk {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, tag = "2")]
    topic: String,
}

#[derive(Clone, PartialEq, Message)]
struct SnapshotOnDisk {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(message, optional, tag = "2")]
    config: Option<Snapshot>,
    #[prost(string, tag = "3")]
    filter: String,
    #[prost(uint64, tag = "4")]
    cut: u64,
}

#[derive(Clone, PartialEq, Message)]
struct SubscriptionOnDisk {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(message, optional, tag = "2")]
    config: Option<Subscription>,
}

impl Catalog {
    /// Reads the catalog of a data folder; an empty one if there is none yet.
    pub fn load(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(OpenError::io(folder, error)),
        };
        Self::decode(&bytes).ok_or_else(|| OpenError::Unreadable {
            folder: folder.to_owned(),
            what: format!("a damaged or newer {}", path.display()),
        })
    }

    /// Replaces the catalog of a data folder, durably.
    pub fn save(&self, folder: &Path) -> io::Result<()> {
        let path = folder.join(FILE);
        let beside = folder.join("catalog.new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&beside)?;
        write(&mut file, &self.encode())?;
        std::fs::rename(&beside, &path)?;
        sync_folder(&path)
    }

    fn encode(&self) -> Vec<u8> {
        let body = OnDisk {
            next_id: self.next_id,
            topics: self.topics.values().cloned().collect(),
            subscriptions: self
                .subscriptions
                .values()
                .map(|(id, config)| SubscriptionOnDisk {
                    id: id.0,
                    config: Some(config.clone()),
                })
                .collect(),
            retaining: self
                .retaining
                .iter()
                .map(|(topic, id)| RetainingOnDisk {
                    id: id.0,
                    topic: topic.as_str().to_owned(),
                })
                .collect(),
            snapshots: self.snapshots.values().map(SnapshotOnDisk::from).collect(),
            schema_revisions: self.schemas.all_revisions(),
        }
        .encode_to_vec();
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (crc, body) = rest.split_at_checked(4)?;
        if u32::from_le_bytes(crc.try_into().ok()?) != crc32fast::hash(body) {
            return None;
        }
        let stored = OnDisk::decode(body).ok()?;
        let mut catalog = Self {
            next_id: stored.next_id,
            schemas: Registry::from_revisions(stored.schema_revisions).ok()?,
            ..Self::default()
        };
        for topic in stored.topics {
            catalog
                .topics
                .insert(TopicName::parse(&topic.name).ok()?, topic);
        }
        for SubscriptionOnDisk { id, config } in stored.subscriptions {
            let config = config?;
            let name = SubscriptionName::parse(&config.name).ok()?;
            catalog
                .subscriptions
                .insert(name, (SubscriptionId(id), config));
        }
        for RetainingOnDisk { id, topic } in stored.retaining {
            let topic = TopicName::parse(&topic).ok()?;
            catalog.retaining.insert(topic, HolderId(id));
        }
        for stored in stored.snapshots {
            let record = stored.into_record()?;
            let name = SnapshotName::parse(&record.config.name).ok()?;
            catalog.snapshots.insert(name, record);
        }
        Some(catalog)
    }

    /// A number that no holder has had.
    pub fn new_holder(&mut self) -> HolderId {
        self.next_id += 1;
        HolderId(self.next_id)
    }

    /// Everybody who keeps messages.
    pub fn holders(&self) -> impl Iterator<Item = HolderId> + '_ {
        let subscriptions = self.subscriptions.values().map(|(id, _)| (*id).into());
        let topics = self.retaining.values().copied();
        let snapshots = self.snapshots.values().map(|record| record.id);
        subscriptions.chain(topics).chain(snapshots)
    }

    /// Makes `retaining` what the topics' settings say.
    pub fn settle_retention(&mut self) {
        let topics = std::mem::take(&mut self.topics);
        let retains = |name: &TopicName| {
            let topic = topics.get(name);
            topic.is_some_and(|topic| topic.message_retention_duration.is_some())
        };
        self.retaining.retain(|name, _| retains(name));
        for name in topics.keys().filter(|name| retains(name)) {
            if !self.retaining.contains_key(name) {
                let id = self.new_holder();
                self.retaining.insert(name.clone(), id);
            }
        }
        self.topics = topics;
    }
}

impl From<&SnapshotRecord> for SnapshotOnDisk {
    fn from(record: &SnapshotRecord) -> Self {
        Self {
            id: record.id.0,
            config: Some(record.config.clone()),
            filter: record.filter.clone(),
            cut: record.cut,
        }
    }
}

impl SnapshotOnDisk {
    fn into_record(self) -> Option<SnapshotRecord> {
        Some(SnapshotRecord {
            id: HolderId(self.id),
            config: self.config?,
            filter: self.filter,
            cut: self.cut,
        })
    }
}

fn write(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}
