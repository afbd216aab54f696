//! `[builders]`: recipes on kinds of machines.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::go::Go;
use super::rule::Rule;
use crate::id::HostType;
use crate::message::work::{StepSpec, TestFormat};

/// A recipe on a kind of machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Builder {
    /// Where it runs.
    pub host: HostType,
    /// For people.
    pub description: String,
    /// For people: what is odd about it.
    #[serde(default)]
    pub notes: String,
    /// What a machine must have beyond its host type.
    #[serde(default)]
    pub labels: BTreeSet<String>,
    /// Environment of every step.
    pub env: BTreeMap<String, String>,
    /// The whole attempt's limit in seconds.
    pub timeout_seconds: u64,
    /// What is kept of a log, in bytes.
    pub log_limit_bytes: u64,
    /// How often an attempt may be lost before the run is.
    pub max_losses: u32,
    /// How many machines a job may bring down before that is taken for the code's fault; `None`: as the farm has it.
    #[serde(default)]
    pub max_killed: Option<u32>,
    /// How many of its post-submit builds may run at the same time.
    #[serde(default)]
    pub max_at_once: Option<u32>,
    /// What it builds of the repositories that have it; none: all.
    #[serde(default)]
    pub builds: Option<Rule>,
    /// Of which changes it is asked before they are submitted; none: of none.
    #[serde(default)]
    pub tries: Option<Rule>,
    /// Whether it builds nothing else.
    #[serde(default)]
    pub try_only: bool,
    /// Whether a test that failed is run once more, alone.
    #[serde(default = "yes")]
    pub rerun_failed: bool,
    /// Whether commits between a green and a red one are built until the culprit is known.
    #[serde(default = "yes")]
    pub culprit: bool,
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
        steps: Vec<RecipeStep>,
        /// What can be split over machines.
        #[serde(default)]
        tests: Option<StepTests>,
    },
    /// Makes a Go toolchain and tests it, or a repository with it.
    Go(Go),
}

/// A command of a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeStep {
    /// The command.
    #[serde(flatten)]
    pub spec: StepSpec,
    /// How it says what came of each test, where it runs tests.
    #[serde(default)]
    pub format: Option<TestFormat>,
    /// Files that say it instead, below the step's folder.
    #[serde(default)]
    pub report: Option<String>,
}

/// Tests that one command lists and another runs, split over machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTests {
    /// Prints what can be tested, words or lines.
    pub list: StepSpec,
    /// Runs what is appended to its arguments.
    pub run: StepSpec,
    /// Over how many machines at most.
    pub shards: u32,
    /// How long a shard should take at least, in seconds: fewer tests make fewer shards.
    pub target_seconds: u64,
    /// How it says what came of each test.
    pub format: TestFormat,
    /// Files that say it instead, below the command's folder.
    #[serde(default)]
    pub report: Option<String>,
    /// Whether shards begin with what the steps made, kept as an archive; otherwise each does the steps again.
    pub keep: bool,
}
