//! What a farm has stored: its state and its bucket, for commands that read both themselves.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use coordinator::{StateArg, StateUrl};
use farm_bucket::{Bucket, folder_url};
use farm_store::Store;

/// Where both are.
#[derive(Debug, Clone, clap::Args)]
pub struct StoredArgs {
    /// Folder of a farm that `farm up` runs
    #[arg(long, value_name = "DIR", default_value = ".farm", conflicts_with_all = ["state", "bucket"])]
    data: PathBuf,
    /// The coordinator's state: sqlite:FILE or postgres://… A password belongs into the environment
    #[arg(
        long,
        value_name = "URL",
        env = "FARM_STATE",
        hide_env_values = true,
        requires = "bucket"
    )]
    state: Option<StateArg>,
    /// The farm's bucket: file:///DIR, gs://NAME or s3://NAME
    #[arg(long, value_name = "URL", env = "FARM_BUCKET", requires = "state")]
    bucket: Option<String>,
}

impl StoredArgs {
    /// Opens both, the state for reading only. Neither is made.
    ///
    /// # Errors
    /// One of them is not there, or cannot be read.
    pub async fn open(&self) -> anyhow::Result<(Box<dyn Store>, Bucket)> {
        let (state, bucket) = self.places()?;
        let store =
            tokio::task::spawn_blocking(move || farm_store::open_for_reading(&state)).await??;
        if let Some(folder) = missing_folder(&bucket) {
            bail!(
                "there is no bucket in {}: give the one that the coordinator has",
                folder.display()
            );
        }
        Ok((store, Bucket::open(&bucket)?))
    }

    /// The state and the bucket.
    fn places(&self) -> anyhow::Result<(StateUrl, String)> {
        if let (Some(state), Some(bucket)) = (&self.state, &self.bucket) {
            return Ok((state.url()?, bucket.clone()));
        }
        let file = self.data.join("coordinator").join("state.db");
        if !file.is_file() {
            let file = file.display();
            bail!(
                "there is no {file}: give --data with the folder of a farm, or --state and --bucket"
            );
        }
        let bucket = std::path::absolute(self.data.join("bucket"))
            .context("the working directory cannot be read")?;
        Ok((StateUrl::Sqlite(file), folder_url(&bucket)?))
    }
}

/// The folder of a bucket, where that is one and is not there: opening it would make it.
fn missing_folder(bucket: &str) -> Option<PathBuf> {
    let url = reqwest::Url::parse(bucket).ok()?;
    let folder = (url.scheme() == "file").then(|| url.to_file_path().ok())??;
    (!Path::new(&folder).is_dir()).then_some(folder)
}
