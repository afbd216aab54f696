//! Which farm is meant: the one in this folder, or one whose bucket and key are given.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use farm_bucket::{Bucket, BucketError, PutView, StoredMachine, folder_url};
use farm_model::id::MachineName;
use farm_model::machine::MachineRecord;
use farm_wire::keys::MasterKey;
use tokio::time::timeout;

/// Where `farm up` keeps its data, if nothing else was said.
pub const FOLDER: &str = ".farm";
/// For one answer of the bucket.
const LIMIT: Duration = Duration::from_secs(30);
/// The most machines that are listed.
const MAX: usize = 10_000;

/// Where records lie.
#[derive(Debug, Clone, clap::Args)]
pub struct PlaceArgs {
    /// The farm's bucket: file:///DIR, gs://NAME or s3://NAME [default: that of the data folder]
    #[arg(long, value_name = "URL", env = "FARM_BUCKET")]
    bucket: Option<String>,
    /// The data folder of `farm up`, of no use beside --bucket [default: .farm]
    #[arg(long, value_name = "DIR", env = "FARM_DATA")]
    data: Option<PathBuf>,
}

/// What keys are made of.
#[derive(Debug, Clone, clap::Args)]
pub struct KeyArgs {
    /// File of the master key, the same that the hubs have [default: that of the data folder]
    #[arg(long, value_name = "FILE", env = "FARM_MACHINE_KEY_FILE")]
    machine_key_file: Option<PathBuf>,
}

impl PlaceArgs {
    /// The data folder, where it is of use: nothing of it goes with another farm's bucket.
    pub fn folder(&self) -> Option<&Path> {
        match (&self.data, &self.bucket) {
            (_, Some(_)) => None,
            (Some(folder), None) => Some(folder),
            (None, None) => Some(Path::new(FOLDER)),
        }
    }

    /// The records.
    ///
    /// # Errors
    /// There is no farm here, or its bucket cannot be used.
    pub fn open(&self) -> anyhow::Result<Records> {
        let url = match &self.bucket {
            Some(url) => url.clone(),
            None => self.local()?,
        };
        Ok(Records(Bucket::open(&url)?))
    }

    fn local(&self) -> anyhow::Result<String> {
        let folder = self.folder().unwrap_or(Path::new(FOLDER));
        let bucket = folder.join("bucket");
        // It is not made: in the wrong folder that would be a second farm that nobody looks at.
        let bucket = bucket.canonicalize().with_context(|| {
            format!(
                "there is no farm in {}: start `farm up` here, name its folder with --data, or give --bucket and --machine-key-file",
                folder.display()
            )
        })?;
        Ok(folder_url(&bucket)?)
    }
}

impl KeyArgs {
    /// The master key.
    ///
    /// # Errors
    /// It is not said where it is, or cannot be read.
    pub fn read(&self, place: &PlaceArgs) -> anyhow::Result<MasterKey> {
        let path = match (&self.machine_key_file, place.folder()) {
            (Some(path), _) => path.clone(),
            (None, Some(folder)) => folder.join("secrets").join("machine-key"),
            (None, None) => bail!(
                "--bucket needs --machine-key-file: the master key that the hubs of that farm have"
            ),
        };
        let secret = std::fs::read(&path)
            .with_context(|| format!("cannot read the master key in {}", path.display()))?;
        MasterKey::new(&secret)
            .with_context(|| format!("the master key in {} is no use", path.display()))
    }
}

/// The farm's records of machines.
pub struct Records(Bucket);

impl Records {
    /// A machine's, if it has one.
    ///
    /// # Errors
    /// The bucket does not answer.
    pub async fn get(&self, name: &MachineName) -> anyhow::Result<Option<StoredMachine>> {
        within(self.0.get_machine(name)).await
    }

    /// The one of a machine that must have one.
    ///
    /// # Errors
    /// It has none, or the bucket does not answer.
    pub async fn known(&self, name: &MachineName) -> anyhow::Result<StoredMachine> {
        let known = self.get(name).await?;
        known.with_context(|| {
            format!("no machine {name} is recorded: `farm machine list` shows those that are")
        })
    }

    /// All of them.
    ///
    /// # Errors
    /// The bucket does not answer, or there are too many.
    pub async fn all(&self) -> anyhow::Result<Vec<MachineRecord>> {
        within(self.0.list_machines(MAX)).await
    }

    /// Writes a record over the one that was `known`.
    ///
    /// # Errors
    /// Somebody else changed it meanwhile, or the bucket does not take it.
    pub async fn put(
        &self,
        record: &MachineRecord,
        known: Option<&StoredMachine>,
    ) -> anyhow::Result<()> {
        match within(self.0.put_machine(record, known)).await? {
            PutView::Written(_) => Ok(()),
            PutView::Changed => bail!(
                "somebody else has just changed {}: look with `farm machine list`, and try again",
                record.name
            ),
        }
    }
}

async fn within<T>(answer: impl Future<Output = Result<T, BucketError>>) -> anyhow::Result<T> {
    let answer = timeout(LIMIT, answer).await;
    Ok(answer
        .with_context(|| format!("the bucket does not answer within {} s", LIMIT.as_secs()))??)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data folder in the environment is that of another farm.
    #[test]
    fn a_bucket_never_goes_with_the_master_key_of_the_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = folder.path().join("secrets");
        std::fs::create_dir(&secrets).unwrap();
        std::fs::write(secrets.join("machine-key"), "a master key of this farm").unwrap();
        let place = |bucket: Option<&str>| PlaceArgs {
            bucket: bucket.map(str::to_owned),
            data: Some(folder.path().to_owned()),
        };
        let key = |file: Option<PathBuf>| KeyArgs {
            machine_key_file: file,
        };
        assert!(key(None).read(&place(None)).is_ok());
        let refused = key(None).read(&place(Some("gs://other"))).map(drop);
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains("--bucket needs --machine-key-file"),
            "{refused}"
        );
        let named = key(Some(secrets.join("machine-key")));
        assert!(named.read(&place(Some("gs://other"))).is_ok());
    }
}
