//! Read models: the JSON documents the coordinator writes to `views/…` and functions read. Every document says when
//! it was made.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

mod answer;
mod breakages;
mod budget;
mod builder;
mod commit;
mod grid;
mod pools;
mod queue;
mod status;
mod test;

use crate::config;
use crate::id::{
    AttemptKey, BuildId, BuilderName, CommitId, HostType, JobName, MachineId, MachineName, RepoName,
};
use crate::kept::{Asked, Flake};
use crate::message::activity::Hint;
use crate::reason::{Reason, SetAside};
use crate::record::{Build, CommitInfo, Run};

pub use answer::{
    AboutAnswer, BuilderSummary, BuildersAnswer, Change, DiffAnswer, DocumentAge, Few, Head,
    MachinesAnswer, Problem, QueuesAnswer, TestAnswer,
};
pub use breakages::{Breakage, BreakagesView, Mended};
pub use budget::{Budget, Span, Spent};
pub use builder::{BuilderRun, BuilderView};
pub use commit::{BuildLine, CommitView, SetView};
pub use grid::{Cell, Failure, GridRow, GridView, SHEET_ROWS, sheet_of};
pub use pools::{OrderLine, PoolsView};
pub use queue::{QueueEntry, QueueMachines, QueueView};
pub use status::{
    CommitTimes, CoordinatorStatus, DeadStatus, FarmStatus, HubStatus, IntakeStatus, MachineCounts,
    OrderCounts, QueueStatus, Role, StatusView, SubscriptionStatus, SweepStatus, SweptArea,
};
pub use test::{TestFailure, TestLine, TestsView};

/// Keys of view documents below `views/`.
pub mod key {
    use sha2::{Digest, Sha256};

    use crate::id::{BuildId, BuilderName, CommitId, HostType, RepoName};

    /// [`super::FarmView`].
    pub const FARM: &str = "farm.json";
    /// [`super::FeedView`].
    pub const FEED: &str = "feed.json";
    /// [`super::StatusView`].
    pub const STATUS: &str = "status.json";
    /// [`super::FlakesView`].
    pub const FLAKES: &str = "flakes.json";
    /// [`super::AuditView`].
    pub const AUDIT: &str = "audit.json";
    /// [`super::PoolsView`].
    pub const POOLS: &str = "pools.json";

    /// [`super::GridView`] of one branch.
    #[must_use]
    pub fn grid(repo: &RepoName, branch: &str) -> String {
        format!("grid/{repo}/-/{}.json", plain(branch))
    }

    /// [`super::GridView`] of one sheet of a branch.
    #[must_use]
    pub fn sheet(repo: &RepoName, branch: &str, sheet: u64) -> String {
        format!("sheet/{repo}/-/{}/{sheet}.json", plain(branch))
    }

    /// [`super::BreakagesView`] of one branch.
    #[must_use]
    pub fn breakages(repo: &RepoName, branch: &str) -> String {
        format!("breakages/{repo}/-/{}.json", plain(branch))
    }

    /// [`super::TestsView`] of one branch.
    #[must_use]
    pub fn tests(repo: &RepoName, branch: &str) -> String {
        format!("tests/{repo}/-/{}.json", plain(branch))
    }

    /// [`super::CommitView`] of one commit.
    #[must_use]
    pub fn commit(repo: &RepoName, commit: &CommitId) -> String {
        format!("commit/{repo}/-/{commit}.json")
    }

    /// [`super::BuilderView`] of one builder.
    #[must_use]
    pub fn builder(name: &BuilderName) -> String {
        format!("builder/{name}.json")
    }

    /// [`super::SetView`] of one try set.
    #[must_use]
    pub fn set(name: &str) -> String {
        format!("set/{}.json", plain(name))
    }

    /// [`super::QueueView`] of one host type.
    #[must_use]
    pub fn queue(host: &HostType) -> String {
        format!("queue/{host}.json")
    }

    /// [`super::BuildView`] of one build.
    #[must_use]
    pub fn build(id: &BuildId) -> String {
        format!("build/{id}.json")
    }

    /// Of a branch's part of a key, in bytes: stores refuse longer names.
    const LONGEST: usize = 120;

    /// Branch names may hold bytes that object names should not: those become `=xx`. Of a name that gets too long so, the
    /// rest becomes `=-` and a hash of the whole.
    fn plain(text: &str) -> String {
        let keep = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let plain: String = text
            .bytes()
            .map(|b| {
                if keep(&b) {
                    char::from(b).to_string()
                } else {
                    format!("={b:02x}")
                }
            })
            .collect();
        if plain.len() <= LONGEST {
            return plain;
        }
        let hash = hex::encode(Sha256::digest(text.as_bytes()));
        format!("{}=-{}", &plain[..LONGEST - 34], &hash[..32])
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_branch_of_any_name_has_a_key_of_its_own() {
            assert_eq!(plain("release/1.2"), "release=2f1=2e2");
            let long = |last: &str| plain(&format!("{}{last}", "ä/".repeat(200)));
            assert_eq!(long("a").len(), LONGEST);
            assert_ne!(long("a"), long("b"));
        }
    }
}

/// `farm.json`: the front page's document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FarmView {
    /// When it was made.
    pub made: Timestamp,
    /// The farm's name.
    pub name: String,
    /// Its repositories.
    pub repositories: Vec<RepositoryView>,
    /// Machines connected, by id.
    pub machines: Vec<MachineView>,
    /// Open builds, oldest first, at most 500.
    pub open: Vec<OpenBuildView>,
    /// How many are open in all.
    pub open_count: usize,
    /// Machines with an owner that are away, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub away: Vec<AwayView>,
    /// What an operator should know: a broken `farm.toml`, a source that cannot be read, dead letters.
    pub troubles: Vec<String>,
}

/// A repository and its branches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RepositoryView {
    /// Its name.
    pub name: RepoName,
    /// Default branch first.
    pub branches: Vec<String>,
    /// What it is to others.
    #[serde(default)]
    pub role: config::Role,
    /// What its packages' import paths begin with, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_path: Option<String>,
}

impl RepositoryView {
    /// What its packages' import paths begin with.
    #[must_use]
    pub fn import_path(&self) -> String {
        config::import_path(&self.name, self.import_path.as_deref())
    }
}

impl FarmView {
    /// The repository that others are built against; or else the first.
    #[must_use]
    pub fn main(&self) -> Option<&RepositoryView> {
        let mut all = self.repositories.iter();
        let main = all.find(|repo| repo.role == config::Role::Main);
        main.or_else(|| self.repositories.first())
    }
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineView {
    /// Its id.
    pub machine: MachineId,
    /// Its host type.
    pub host_type: HostType,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy: Option<AttemptKey>,
    /// When its hub last spoke of it.
    pub seen: Timestamp,
    /// Whether it can be leased; none of a coordinator that does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<MachineStanding>,
    /// Why it is not used, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<SetAside>,
}

/// Whether a machine can be leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineStanding {
    /// It can.
    Idle,
    /// It was leased, or its hub says that it works.
    Busy,
    /// Its hub keeps it for the next job of a run.
    Held,
    /// It has yet to prove itself with a known job.
    Unproved,
    /// Its hub would not take work for it, and has not spoken of it since.
    Suspect,
    /// Its hub takes no new work.
    HubDraining,
    /// It is not used, as somebody asked.
    Drained,
    /// It is not used, as the farm decided.
    Aside,
}

/// A machine that is away. Whose it is, is no business of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwayView {
    /// Its name.
    pub name: MachineName,
    /// Since when.
    pub since: Timestamp,
}

/// A build that is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenBuildView {
    /// The build.
    pub build: BuildId,
    /// Its run.
    pub run: u32,
    /// Its builder.
    pub builder: BuilderName,
    /// Its repository.
    pub repo: RepoName,
    /// Its commit.
    pub commit: CommitId,
    /// Queued or running.
    pub status: Status,
    /// Why it waits, or where it runs: one line.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}

/// The state of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Wanted, not leased.
    Queued,
    /// Leased.
    Running,
    /// Green.
    Ok,
    /// Red.
    Failed,
    /// Infrastructure trouble, after the limit of losses.
    Lost,
}

impl Status {
    /// `queued`, `running`, `ok`, `failed`, `lost`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }
}

/// What is expected of an open build, if all jobs take as long as they usually do and nothing else comes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// When its next job begins; none where one is under way, or no machine could take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// How long its jobs take, one after the other as they need each other.
    pub seconds: f64,
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.seconds {
            seconds if seconds < 90.0 => write!(f, "usually takes {seconds:.0} s")?,
            seconds => write!(f, "usually takes {:.0} min", seconds / 60.0)?,
        }
        match self.start {
            Some(start) => write!(
                f,
                "; expected to begin at {}",
                start.strftime("%H:%M:%S UTC")
            ),
            None => Ok(()),
        }
    }
}

/// `build/<id>.json`: everything about one build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildView {
    /// When it was made.
    pub made: Timestamp,
    /// The build.
    pub build: Build,
    /// The commit, where it is still known.
    pub commit: Option<CommitInfo>,
    /// State of the newest run.
    pub status: Status,
    /// Why it waits, or where it runs; empty once it is over.
    pub why: String,
    /// The same as data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What is expected of it; none once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// How long each job of its newest run usually takes, in seconds, by the job's name; those of which nothing is known
    /// are not there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub usual: BTreeMap<JobName, f64>,
    /// What the newest run has spent of its objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// The commit's place on the branch; none where it was not planned from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Every run, oldest first.
    pub runs: Vec<Run>,
}

/// `feed.json`: the events `pubsubhelper` serves, oldest first (spec pubsubhelper 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedView {
    /// When it was made.
    pub made: Timestamp,
    /// Strictly increasing in time.
    pub events: Vec<FeedEvent>,
}

/// `flakes.json`: tests that both passed and failed on the same inputs, those seen last first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlakesView {
    /// When it was made.
    pub made: Timestamp,
    /// At most 1,000.
    pub flakes: Vec<Flake>,
    /// How many are known in all.
    pub count: usize,
}

/// `audit.json`: what people asked for, newest first, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditView {
    /// When it was made.
    pub made: Timestamp,
    /// At most 500; earlier ones are in the history.
    pub asked: Vec<Asked>,
}

/// One event of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedEvent {
    /// Its stamp, and the cursor of readers.
    pub time: Timestamp,
    /// What happened.
    pub hint: Hint,
}
