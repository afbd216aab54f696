//! What `farm up` builds: the sample, or the user's repository, which is only read.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use coordinator::{ConfigFrom, Overlay};
use farm_forge::git;
use farm_model::config::FarmConfig;
use farm_model::id::{HostType, RepoName};

use super::folder::Folder;
use super::sample;

/// What is built, by which `farm.toml`.
#[derive(Debug)]
pub struct Target {
    /// The repository's name in the farm.
    pub name: RepoName,
    /// Where git reads it.
    pub path: PathBuf,
    /// Its common git folder, which is watched.
    pub git_dir: PathBuf,
    /// Commits wanted from each head, if that was said.
    pub history: Option<u32>,
    /// Where `farm.toml` comes from.
    pub config: ConfigFrom,
    /// Host types that builders need.
    pub hosts: Vec<HostType>,
}

impl Target {
    /// The sample, made at the first use.
    ///
    /// # Errors
    /// git is missing, or the folder cannot be written.
    pub async fn sample(folder: &Folder, history: Option<u32>) -> anyhow::Result<Self> {
        let path = folder.root().join("sample");
        let made = path.clone();
        tokio::task::spawn_blocking(move || sample::make(&made)).await??;
        Self::repository(&path, None, history.or(Some(sample::HISTORY))).await
    }

    /// A repository of the user, with its own or the operator's `farm.toml`.
    ///
    /// # Errors
    /// There is no repository, or no valid `farm.toml`.
    pub async fn repository(
        path: &Path,
        config: Option<&Path>,
        history: Option<u32>,
    ) -> anyhow::Result<Self> {
        let path = path
            .canonicalize()
            .with_context(|| format!("there is no repository at {}", path.display()))?;
        let git_dir = git::common_dir(&path)
            .await
            .with_context(|| format!("{} is not usable", path.display()))?;
        let (label, text) = match config {
            Some(file) => {
                let text = tokio::fs::read_to_string(file).await;
                (
                    file.display().to_string(),
                    text.with_context(|| format!("cannot read {}", file.display()))?,
                )
            }
            None => ("farm.toml".to_owned(), own_config(&path).await?),
        };
        let parsed = FarmConfig::parse(&label, &text)?;
        let name = name_of(&parsed, &path)?;
        let hosts: std::collections::BTreeSet<HostType> = parsed
            .builders
            .values()
            .map(|builder| builder.host.clone())
            .collect();
        let config = match config {
            Some(file) => ConfigFrom::File(file.to_owned()),
            None => ConfigFrom::Repository(name.clone()),
        };
        Ok(Self {
            name,
            path,
            git_dir,
            history,
            config,
            hosts: hosts.into_iter().collect(),
        })
    }

    /// The name in webhooks.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("local/{}", self.name.as_str().replace('/', "-"))
    }

    /// What the coordinator is told about it.
    #[must_use]
    pub fn overlay(&self) -> Overlay {
        Overlay {
            name: self.name.clone(),
            url: self.path.display().to_string(),
            github: Some(self.full_name()),
            history: self.history,
        }
    }
}

/// `farm.toml` of the default branch's head.
async fn own_config(path: &Path) -> anyhow::Result<String> {
    if let Some(text) = git::show(path, "HEAD", "farm.toml").await? {
        return Ok(text);
    }
    let uncommitted = path.join("farm.toml").exists();
    let dir = path.display();
    if uncommitted {
        bail!(
            "{dir} has a farm.toml that is not committed: commit it, or pass it with --config {dir}/farm.toml"
        );
    }
    bail!(
        "{dir} has no farm.toml: `farm init {dir} --write` suggests one from what it finds; then commit it"
    )
}

/// The repository that the file leaves without a url is this one; else the folder gives the name.
fn name_of(config: &FarmConfig, path: &Path) -> anyhow::Result<RepoName> {
    let mut open = config
        .repositories
        .iter()
        .filter(|(_, repository)| repository.url.is_none());
    if let (Some((name, _)), None) = (open.next(), open.next()) {
        return Ok(name.clone());
    }
    let folder = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let plain: String = folder
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect();
    plain.trim_matches('-').parse().with_context(|| {
        format!("cannot name the repository after its folder {folder:?}: add [repositories.NAME] to farm.toml")
    })
}
