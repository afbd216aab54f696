//! Topics and subscriptions on disk: one small file, written beside and renamed into place.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use prost::Message;

use super::folder::OpenError;
use super::segment::sync_folder;
use crate::names::{SubscriptionName, TopicName};
use crate::proto::{Subscription, Topic};

const FILE: &str = "catalog";
/// The last byte is the version of the format.
const MAGIC: [u8; 8] = *b"FARMPSC\x01";

/// A subscription's identity: a name that is deleted and made again is another subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SubscriptionId(pub u64);

/// All topics and subscriptions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Catalog {
    pub next_id: u64,
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
        Some(catalog)
    }
}

fn write(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}
