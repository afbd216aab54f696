//! The secrets of a local farm.

use std::path::{Path, PathBuf};

use anyhow::Context;
use farm_bus::BusUrl;
use farm_runtime::Ids;

use super::folder::Folder;

/// The farm's secrets, made at its first start, by their files.
pub(super) struct Secrets {
    pub(super) github: PathBuf,
    gerrit: PathBuf,
    tokens: PathBuf,
    pub(super) machines: PathBuf,
}

impl Secrets {
    pub(super) fn make(folder: &Folder, ids: &Ids) -> anyhow::Result<Self> {
        Ok(Self {
            github: folder.secret("github-webhook", ids)?,
            gerrit: folder.secret("gerrit-webhook", ids)?,
            tokens: folder.secret("token-key", ids)?,
            machines: folder.secret("machine-key", ids)?,
        })
    }

    /// What the functions may be given. Secrets are named by their files: an environment can be looked at.
    pub(super) fn settings(&self, bus: &BusUrl, bucket: &str) -> Vec<(String, String)> {
        let file = |path: &Path| format!("@{}", path.display());
        let all = [
            ("FARM_BUS", bus.to_string()),
            ("FARM_BUCKET", bucket.to_owned()),
            ("GITHUB_WEBHOOK_SECRET", file(&self.github)),
            ("GERRIT_WEBHOOK_SECRET", file(&self.gerrit)),
            ("FARM_TOKEN_KEY", file(&self.tokens)),
            ("FARM_MACHINE_KEY", file(&self.machines)),
        ];
        all.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }
}

pub(super) fn read_secret(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the secret {}", path.display()))
}
