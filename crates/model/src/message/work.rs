//! `work`: the coordinator tells one hub what to do.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Clean;
use crate::event::{Message, Topic};
use crate::id::{AttemptKey, BlobId, BuilderName, CommitId, HubId, MachineId, RepoName};

/// Run one attempt of one job on one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunJob {
    /// The one hub that may take it.
    pub hub: HubId,
    /// The machine leased.
    pub machine: MachineId,
    /// Which attempt this is.
    pub attempt: AttemptKey,
    /// The builder, for the environment and for people.
    pub builder: BuilderName,
    /// What is built, for the environment and for people.
    pub source: SourceRef,
    /// The work dir must be as this attempt left it, for which the hub holds the machine: nothing is cleaned then, and
    /// what `steps` would place is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<AttemptKey>,
    /// Afterwards the machine is kept as it is for so long, for a job that continues this attempt; 0: it is not.
    #[serde(default)]
    pub hold_seconds: u64,
    /// What to do there, in order; the first failure ends it.
    pub steps: Vec<Step>,
    /// Environment of every step.
    pub env: BTreeMap<String, String>,
    /// Refuse it after this moment: another attempt has been made meanwhile.
    pub start_by: Timestamp,
    /// The whole attempt's limit in seconds.
    pub timeout_seconds: u64,
    /// What is kept of the log, in bytes; the rest is counted and dropped.
    pub log_limit_bytes: u64,
    /// What happens to the machine before the attempt.
    pub clean: Clean,
}

/// Where the source comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRef {
    /// The repository's name in the farm.
    pub repo: RepoName,
    /// What git fetches from: a path or URL.
    pub url: String,
    /// The commit.
    pub commit: CommitId,
    /// The branch it was seen on, for the environment.
    pub branch: String,
}

/// One thing that an attempt does. Paths are relative to the machine's work dir.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Step {
    /// Puts the tree of a commit into a folder. Left out where an attempt continues another.
    Source {
        /// What.
        source: SourceRef,
        /// Where to: `src`, `go`, `gopath/src/golang.org/x/net`.
        into: String,
    },
    /// Puts a kept archive into a folder. Left out where an attempt continues another.
    Restore {
        /// What an earlier [`Step::Keep`] made.
        snapshot: BlobId,
        /// Where to.
        into: String,
    },
    /// The machine loads a `.tar.gz` itself: a bootstrap toolchain. Left out where an attempt continues another.
    Fetch {
        /// Where from.
        url: String,
        /// Where to.
        into: String,
    },
    /// A small file.
    Write {
        /// Where to.
        path: String,
        /// What it holds.
        text: String,
        /// Unix permission bits.
        mode: u32,
    },
    /// A command.
    Run(StepSpec),
    /// A command whose output's words become [`AttemptReport::units`](crate::message::progress::AttemptReport::units).
    List(StepSpec),
    /// An archive of a folder becomes a blob: [`AttemptReport::snapshot`](crate::message::progress::AttemptReport::snapshot).
    Keep {
        /// The folder.
        dir: String,
        /// Removed before.
        remove: Vec<String>,
        /// The step's limit in seconds.
        timeout_seconds: u64,
    },
    /// Tests, in groups.
    Tests(Tests),
    /// Sources that what is tested depends on.
    Modules(Modules),
}

/// Units of a list of tests, run in groups: a command a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tests {
    /// The command, its limit that of one group. The group's units are appended to its arguments, and given as
    /// `FARM_TESTS`, one a line.
    pub command: StepSpec,
    /// The units of each command; one without units is the command as it stands.
    pub groups: Vec<Vec<String>>,
    /// How the output says what came of each test.
    pub format: TestFormat,
    /// Files that say it instead, below the command's folder: `build/*.xml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// Whether the first group that fails ends it.
    #[serde(default)]
    pub stop_at_first: bool,
}

/// How a test runner says what came of each test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestFormat {
    /// By its exit code alone.
    #[default]
    Exit,
    /// Go's text, of `go test` and `go tool dist test`.
    Go,
    /// Go's `-json`.
    GoJson,
    /// JUnit's XML.
    Junit,
    /// Rust's libtest.
    Libtest,
}

/// `golang.org/x` repositories that a sub-repository's packages import, put beside it (spec coordinator 5.8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modules {
    /// The command that lists the import paths of all dependencies, one a line.
    pub list: StepSpec,
    /// What import paths begin with, of the repository that is built itself: it is there.
    pub own: String,
    /// By what import paths begin with (`golang.org/x/text`): what to fetch.
    pub sources: BTreeMap<String, SourceRef>,
    /// The folder that import paths are relative to: `gopath/src`.
    pub into: String,
}

/// One command of a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpec {
    /// For people: `test`.
    pub name: String,
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// Folder below [`StepSpec::root`]; empty for that itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dir: String,
    /// Folder below the work dir; empty for the work dir itself.
    #[serde(default = "source_root")]
    pub root: String,
    /// Environment of this step, over the attempt's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The step's limit in seconds.
    pub timeout_seconds: u64,
}

/// Where recipes of steps have their source.
pub const SOURCE_ROOT: &str = "src";

fn source_root() -> String {
    SOURCE_ROOT.to_owned()
}

/// End an attempt that is no longer wanted, started or not. A hub remembers it for attempts that come later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelJob {
    /// The hub that was told to run it.
    pub hub: HubId,
    /// The attempt.
    pub attempt: AttemptKey,
    /// Why, for the log.
    pub reason: String,
}

impl Message for RunJob {
    const TYPE: &'static str = "farmhand.work.run.v1";
    const TOPIC: Topic = Topic::Work;
    fn hub(&self) -> Option<&HubId> {
        Some(&self.hub)
    }
}

impl Message for CancelJob {
    const TYPE: &'static str = "farmhand.work.cancel.v1";
    const TOPIC: Topic = Topic::Work;
    fn hub(&self) -> Option<&HubId> {
        Some(&self.hub)
    }
}
