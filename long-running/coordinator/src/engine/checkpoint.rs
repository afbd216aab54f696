//! From where a replay may start: all that the leader began with, at its start or when it began anew.

use std::io::{Read, Write};

use anyhow::Context;
use farm_model::Timestamp;
use farm_store::Epoch;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::log::Stamp;
use super::mind::Origin;

/// The largest checkpoint, unpacked.
const LARGEST: u64 = 4 << 30;

/// Where a checkpoint stands: behind so many decisions of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The leader's.
    pub epoch: i64,
    /// Decisions that it had made.
    pub after: u64,
}

/// A checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checkpoint {
    #[serde(flatten)]
    stamp: Stamp,
    epoch: i64,
    after: u64,
    origin: Origin,
}

impl Checkpoint {
    pub(super) fn new(epoch: Epoch, after: u64, origin: Origin) -> Self {
        Self {
            stamp: Stamp::own(),
            epoch: epoch.number(),
            after,
            origin,
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            epoch: self.epoch,
            after: self.after,
        }
    }

    pub(super) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    pub(super) fn origin(self) -> Origin {
        self.origin
    }

    /// Its name in the bucket, which sorts by age.
    pub(super) fn name(&self) -> Name {
        Name {
            place: self.place(),
            second: self.origin.at.as_second(),
        }
    }

    /// As it lies in the bucket: gzipped JSON.
    pub(super) fn pack(&self) -> anyhow::Result<Vec<u8>> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&serde_json::to_vec(self)?)?;
        Ok(packed.finish()?)
    }

    /// From the bucket.
    ///
    /// # Errors
    /// It is damaged.
    pub(super) fn unpack(bytes: &[u8]) -> anyhow::Result<Unpacked> {
        let mut text = Vec::new();
        GzDecoder::new(bytes)
            .take(LARGEST)
            .read_to_end(&mut text)
            .context("a checkpoint cannot be unpacked")?;
        // Looked at first: another version's may look otherwise in all the rest.
        let stamp: Stamp = serde_json::from_slice(&text).context("a checkpoint without version")?;
        if stamp != Stamp::own() {
            return Ok(Unpacked::Other(stamp));
        }
        let own = serde_json::from_slice(&text).context("a checkpoint is damaged")?;
        Ok(Unpacked::Own(Box::new(own)))
    }
}

/// A checkpoint from the bucket.
pub(super) enum Unpacked {
    /// Of this version.
    Own(Box<Checkpoint>),
    /// Of another, which has to replay it.
    Other(Stamp),
}

/// What a checkpoint's name tells without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// Where it stands.
    pub(super) place: Place,
    /// When it was made.
    second: i64,
}

impl Name {
    /// `0000000003-000000001200-1795651200.json.gz`.
    pub(super) fn text(self) -> String {
        let Place { epoch, after } = self.place;
        format!("{epoch:010}-{after:012}-{}.json.gz", self.second)
    }

    /// None if it is not the name of a checkpoint.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_suffix(".json.gz")?.splitn(3, '-');
        let mut next = || parts.next();
        Some(Self {
            place: Place {
                epoch: next()?.parse().ok()?,
                after: next()?.parse().ok()?,
            },
            second: next()?.parse().ok()?,
        })
    }

    /// When it was made, to the second.
    pub(super) fn at(self) -> Timestamp {
        Timestamp::from_second(self.second).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
