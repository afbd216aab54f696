//! `farm.toml`: hosts, builders, repositories. Unknown keys, dangling names and contradictions are refused with file,
//! line and a suggestion.

mod check;
mod duration;
mod parse;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{BuilderName, HostType, RepoName};
use crate::message::work::StepSpec;

pub use duration::{DurationError, parse_seconds};
pub use parse::{ConfigError, Problem};

/// A `farm.toml` that has passed every check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FarmConfig {
    /// The farm's name, for pages.
    pub name: String,
    /// Kinds of machines.
    pub hosts: BTreeMap<HostType, Host>,
    /// Recipes on kinds of machines.
    pub builders: BTreeMap<BuilderName, Builder>,
    /// What is built.
    pub repositories: BTreeMap<RepoName, Repository>,
}

/// A kind of machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// For people.
    pub description: String,
    /// What happens to a machine between attempts.
    pub clean: Clean,
    /// How many jobs may run on such machines at the same time, whatever the builder.
    #[serde(default)]
    pub max_at_once: Option<u32>,
    /// What an unknown machine has to build before it is trusted.
    #[serde(default)]
    pub canary: Option<Canary>,
}

/// A known job with a known outcome, before anything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Whose job it is.
    pub builder: BuilderName,
    /// How long a good outcome holds, in seconds.
    pub valid_seconds: u64,
}

/// What happens to a machine between attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clean {
    /// It is told to halt and comes back fresh.
    Halt,
    /// Its work dir is emptied.
    Wipe,
    /// Only the source is replaced; what else lies in the work dir stays.
    None,
}

/// A recipe on a kind of machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Builder {
    /// Where it runs.
    pub host: HostType,
    /// For people.
    pub description: String,
    /// What a machine must have beyond its host type.
    #[serde(default)]
    pub labels: BTreeSet<String>,
    /// How many of its post-submit builds may run at the same time.
    #[serde(default)]
    pub max_at_once: Option<u32>,
    /// Whether commits between a green and a red one are built until the culprit is known.
    #[serde(default = "yes")]
    pub culprit: bool,
    /// Environment of every step.
    pub env: BTreeMap<String, String>,
    /// The whole attempt's limit in seconds.
    pub timeout_seconds: u64,
    /// What is kept of a log, in bytes.
    pub log_limit_bytes: u64,
    /// How often an attempt may be lost before the run is.
    pub max_losses: u32,
    /// What it does.
    pub recipe: Recipe,
}

fn yes() -> bool {
    true
}

/// What a builder does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "recipe", rename_all = "kebab-case")]
pub enum Recipe {
    /// Commands, in order; the first failure ends it.
    Steps {
        /// At least one.
        steps: Vec<StepSpec>,
    },
}

/// Something to build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// What git reads: a path or URL. None where whoever starts the farm names it (`farm up --repo`).
    pub url: Option<String>,
    /// `owner/repo` in GitHub's events.
    pub github: Option<String>,
    /// The project in Gerrit's events.
    pub gerrit: Option<String>,
    /// Patterns of branches to build (`*` matches any run of characters); empty: the default branch.
    pub branches: Vec<String>,
    /// Which builders build it.
    pub builders: Vec<BuilderName>,
    /// How many commits from each head are wanted; 1 is the head only.
    pub history: u32,
    /// How many of its post-submit builds may run at the same time.
    #[serde(default)]
    pub max_at_once: Option<u32>,
}

impl FarmConfig {
    /// Parses and checks `text`, which came from `file` (for messages).
    ///
    /// # Errors
    /// [`ConfigError`] holds every problem found, each with line and, where there is one, a suggestion.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        parse::parse(file, text)
    }
}
