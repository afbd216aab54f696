//! `farm.toml`: hosts, builders, repositories, and the rules between them. Unknown keys, dangling names and
//! contradictions are refused with file, line and a suggestion. The keys are described in `docs/farm-toml.md`.

mod builder;
mod check;
mod duration;
mod go;
mod host;
mod parse;
mod pattern;
mod repository;
mod rule;
mod version;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{BuilderName, HostType, RepoName};

pub use builder::{Builder, Recipe, RecipeStep, StepTests};
pub use duration::{DurationError, parse_seconds};
pub use go::{Cross, Go};
pub use host::{Bootstrap, Canary, Clean, Container, Host, HostPool, Machines, Reverse, Vm};
pub use parse::{ConfigError, Problem};
pub use pattern::matches;
pub use repository::{Repository, Role, import_path};
pub use rule::{Compare, Facts, Policies, Rule, RuleError, Subject};
pub use version::{GoVersion, Line, VersionError};

/// A `farm.toml` that has passed every check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FarmConfig {
    /// The farm's name, for pages.
    pub name: String,
    /// What must hold of whatever any builder builds, before its own rules; none: nothing.
    #[serde(default)]
    pub builds: Option<Rule>,
    /// Rules that others call by name.
    #[serde(default)]
    pub policies: Policies,
    /// Kinds of machines.
    pub hosts: BTreeMap<HostType, Host>,
    /// Recipes on kinds of machines.
    pub builders: BTreeMap<BuilderName, Builder>,
    /// What is built.
    pub repositories: BTreeMap<RepoName, Repository>,
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
