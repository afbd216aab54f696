//! Records of machines, written by an operator and read by hubs.

use std::collections::BTreeMap;

use farm_model::Timestamp;
use farm_model::id::MachineName;
use farm_model::machine::MachineRecord;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{Error, ObjectMeta, PutMode, UpdateVersion};

use crate::key::Key;
use crate::view::{text, version};
use crate::{Bucket, BucketError, PutView};

/// Of one record, in bytes.
const LARGEST: u64 = 64 << 10;
/// Records read at once.
const AT_ONCE: usize = 16;

/// A record as it lies in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMachine {
    /// The record.
    pub record: MachineRecord,
    /// What it is now; another after each write. None where the store has no versions.
    pub version: Option<String>,
}

/// Changes whenever the record does. Opaque, but for when that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineMark {
    text: String,
    changed: Timestamp,
}

impl MachineMark {
    /// When the record was last written, by the store's clock, to the second.
    #[must_use]
    pub fn changed(&self) -> Timestamp {
        self.changed
    }
}

impl Bucket {
    /// The record of the machine of that name, if there is one.
    ///
    /// # Errors
    /// [`BucketError`]; also when it does not read.
    pub async fn get_machine(
        &self,
        name: &MachineName,
    ) -> Result<Option<StoredMachine>, BucketError> {
        let key = machine_key(name)?;
        let Some(found) = self.get(&key).await? else {
            return Ok(None);
        };
        let ObjectMeta { e_tag, version, .. } = found.meta.clone();
        let bytes = self.read(&key, found, LARGEST).await?;
        let record = serde_json::from_slice(&bytes).map_err(|error| BucketError::Damaged {
            key: key.to_string(),
            reason: error.to_string(),
        })?;
        Ok(Some(StoredMachine {
            record,
            version: text(UpdateVersion { e_tag, version }).filter(|_| self.has_versions()),
        }))
    }

    /// Writes a record: over the one that was read (`known`), or where there is none. A folder has no versions: there the
    /// last writer of two that change the same record wins.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn put_machine(
        &self,
        record: &MachineRecord,
        known: Option<&StoredMachine>,
    ) -> Result<PutView, BucketError> {
        let key = machine_key(&record.name)?;
        let bytes = serde_json::to_vec(record).map_err(|error| BucketError::Damaged {
            key: key.to_string(),
            reason: error.to_string(),
        })?;
        let mode = match known {
            None => PutMode::Create,
            Some(StoredMachine {
                version: Some(known),
                ..
            }) => PutMode::Update(version(known)),
            Some(_) => PutMode::Overwrite,
        };
        match self.put(&key, bytes.into(), mode).await {
            Ok(result) if self.has_versions() => Ok(PutView::Written(text(result.into()))),
            Ok(_) => Ok(PutView::Written(None)),
            Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => Ok(PutView::Changed),
            // Somebody removed what was to be changed.
            Err(Error::NotFound { .. }) if known.is_some() => Ok(PutView::Changed),
            Err(error) => Err(self.failed("write", &key, error)),
        }
    }

    /// Every machine that has a record, with a mark of how it is now: one cheap question however many there are.
    ///
    /// # Errors
    /// [`BucketError`]; also when there are more than `limit`.
    pub async fn machine_marks(
        &self,
        limit: usize,
    ) -> Result<BTreeMap<MachineName, MachineMark>, BucketError> {
        let found = self.list_all(&prefix()?, limit).await?;
        let marks = found.into_iter().filter_map(|(file, meta)| {
            let name = file.strip_suffix(".json")?.parse().ok()?;
            let ObjectMeta {
                e_tag,
                version,
                size,
                last_modified,
                ..
            } = meta;
            let text = format!("{e_tag:?} {version:?} {size} {last_modified}");
            let changed = Timestamp::from_second(last_modified.timestamp()).ok()?;
            Some((name, MachineMark { text, changed }))
        });
        Ok(marks.collect())
    }

    /// Removes a record. From then on any right key of that name is as good as that of a machine without one.
    ///
    /// # Errors
    /// [`BucketError`]; that there is none is none.
    pub async fn remove_machine(&self, name: &MachineName) -> Result<(), BucketError> {
        self.remove(&machine_key(name)?).await
    }

    /// All records, by name.
    ///
    /// # Errors
    /// [`BucketError`]; also when there are more than `limit`, or one does not read.
    pub async fn list_machines(&self, limit: usize) -> Result<Vec<MachineRecord>, BucketError> {
        let names = self.machine_marks(limit).await?.into_keys();
        let reads = names.map(|name| async move { self.get_machine(&name).await });
        let found: Vec<Option<StoredMachine>> =
            stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        Ok(found
            .into_iter()
            .flatten()
            .map(|found| found.record)
            .collect())
    }
}

fn prefix() -> Result<Key, BucketError> {
    Key::new("machines")
}

fn machine_key(name: &MachineName) -> Result<Key, BucketError> {
    Key::new(&format!("machines/{name}.json"))
}
