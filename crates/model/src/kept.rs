//! Small records that the coordinator keeps by kind and key, all of them in memory: what was learned, and what people or
//! the farm itself decided about builders and machines.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{AttemptKey, BlobId, BuilderName, CommandId, CommitId, MachineName, RepoName};
use crate::message::command::Ask;
use crate::message::progress::Outcome;
use crate::order::OrderStand;
use crate::view::{Breakage, OrderLine};

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kept", rename_all = "kebab-case")]
pub enum Kept {
    /// What `make` made.
    Snapshot(Snapshot),
    /// How long something takes.
    Timing(Timing),
    /// A test that both passes and fails.
    Flake(Flake),
    /// A builder of which nothing is leased.
    Pause(Pause),
    /// A machine that is not used, as somebody asked.
    Drain(Drain),
    /// A machine that is not used, as the farm decided.
    Aside(Aside),
    /// Whether an identity is trusted with work.
    Admission(Admission),
    /// Who broke it.
    Culprit(Culprit),
    /// A commit that turned a builder red.
    Breakage(Broken),
    /// What somebody asked for.
    Asked(Asked),
    /// A count.
    Count(Count),
    /// A machine that the farm has made for it.
    Order(Ordered),
}

/// What a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptKind {
    /// [`Snapshot`].
    Snapshot,
    /// [`Timing`].
    Timing,
    /// [`Flake`].
    Flake,
    /// [`Pause`].
    Pause,
    /// [`Drain`].
    Drain,
    /// [`Aside`].
    Aside,
    /// [`Admission`].
    Admission,
    /// [`Culprit`].
    Culprit,
    /// [`Broken`].
    Breakage,
    /// [`Asked`].
    Asked,
    /// [`Count`].
    Count,
    /// [`Ordered`].
    Order,
}

/// What a record is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeptKey {
    /// Its kind.
    pub kind: KeptKind,
    /// Unique in its kind: names with `/` between them.
    pub key: String,
}

/// An archive of what a builder made of a commit of a main repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The builder.
    pub builder: BuilderName,
    /// The repository.
    pub repo: RepoName,
    /// The commit.
    pub commit: CommitId,
    /// Whose word it rests on: what a try made never feeds post-submit builds.
    pub trust: Trust,
    /// Where it is.
    pub blob: BlobId,
    /// When it was made.
    pub at: Timestamp,
}

/// Whose code has had a hand in something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Commits that are on a branch.
    PostSubmit,
    /// A change that is not, in this try set.
    Try(String),
}

/// How long something took lately when it came out well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// On this builder.
    pub builder: BuilderName,
    /// A job's name without its number, or a unit of tests.
    pub what: Timed,
    /// Milliseconds, oldest first, at most [`Timing::KEPT`].
    pub lately: Vec<u64>,
    /// When it was last seen.
    pub at: Timestamp,
}

/// What takes its time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timed {
    /// An attempt of a job, by the job's name without its number: `make`, `tests`, `steps`.
    Job(String),
    /// A unit of tests.
    Unit(String),
}

impl Timing {
    /// How many are kept.
    pub const KEPT: usize = 9;

    /// The median in milliseconds; none before the first.
    #[must_use]
    pub fn median(&self) -> Option<u64> {
        let mut sorted = self.lately.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    /// Notes one more.
    pub fn note(&mut self, milliseconds: u64, at: Timestamp) {
        self.lately.push(milliseconds);
        let excess = self.lately.len().saturating_sub(Self::KEPT);
        self.lately.drain(..excess);
        self.at = at;
    }
}

/// A test that has both passed and failed on the same inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flake {
    /// On this builder.
    pub builder: BuilderName,
    /// Of this repository.
    pub repo: RepoName,
    /// The unit of tests.
    pub unit: String,
    /// The test inside; empty for the unit as a whole.
    pub name: String,
    /// How often it failed and then passed.
    pub flaked: u32,
    /// How often its unit has been run since it was first seen to flake.
    pub ran: u32,
    /// When it was first seen to.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// Where that is to be read.
    pub evidence: AttemptKey,
}

/// A builder of which nothing is leased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The builder.
    pub builder: BuilderName,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub actor: String,
    /// Since when.
    pub at: Timestamp,
}

/// A machine that is not used, as somebody asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// The machine.
    pub machine: MachineName,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub actor: String,
    /// Since when.
    pub at: Timestamp,
}

/// A machine that is not used, as the farm decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// The machine.
    pub machine: MachineName,
    /// Why, for people.
    pub reason: String,
    /// The attempts that speak against it.
    pub evidence: Vec<AttemptKey>,
    /// Since when.
    pub at: Timestamp,
    /// When it is tried again; never without somebody's word where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// How often it has been set aside.
    pub times: u32,
}

/// Whether an identity (key, host type, image, agent) is trusted with work, after a job of which the outcome was known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The identity.
    pub identity: String,
    /// The machine that had it.
    pub machine: MachineName,
    /// What came of the known job.
    pub outcome: Outcome,
    /// Where that is to be read.
    pub evidence: AttemptKey,
    /// When.
    pub at: Timestamp,
    /// How long it is good for.
    pub until: Timestamp,
}

/// Which commit turned a builder red on a branch, as far as its builds tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Culprit {
    /// The builder.
    pub builder: BuilderName,
    /// The repository.
    pub repo: RepoName,
    /// The branch.
    pub branch: String,
    /// The newest green commit before it.
    pub green: CommitId,
    /// Likeliest first. One is certain; of more, all but the first were lost or failed by known flakes alone.
    pub suspects: Vec<CommitId>,
    /// When it was found.
    pub at: Timestamp,
}

/// A commit that turned a builder red, and what of it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// What is known of it.
    pub breakage: Breakage,
    /// What people know of it.
    pub told: Told,
}

/// How much of a breakage was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// Nothing yet: what else is found within a while is told with it.
    Waits,
    /// Nothing, for good: it was mended before, or was no news when it was found.
    Never,
    /// That it is broken.
    Broken {
        /// In which part, from 1, of what is told of the commit.
        part: u32,
    },
    /// That it was broken, and that it is mended.
    Mended {
        /// In which part of what is told of the commit it was broken.
        part: u32,
        /// In which part it was mended.
        mended: u32,
    },
}

impl Told {
    /// The part in which it was told to be broken.
    #[must_use]
    pub fn broken_in(self) -> Option<u32> {
        match self {
            Self::Waits | Self::Never => None,
            Self::Broken { part } | Self::Mended { part, .. } => Some(part),
        }
    }

    /// The part in which it was told to be mended.
    #[must_use]
    pub fn mended_in(self) -> Option<u32> {
        match self {
            Self::Mended { mended, .. } => Some(mended),
            _ => None,
        }
    }
}

impl Broken {
    /// What the keys of a branch's breakages begin with. No name of a repository or a branch holds `:`.
    #[must_use]
    pub fn of_branch(repo: &RepoName, branch: &str) -> String {
        format!("{repo}:{branch}:")
    }

    /// What the keys of those of one commit begin with.
    #[must_use]
    pub fn of_commit(repo: &RepoName, branch: &str, commit: &CommitId) -> String {
        format!("{}{commit}/", Self::of_branch(repo, branch))
    }

    /// The key of what a commit did to a builder.
    #[must_use]
    pub fn key(builder: &BuilderName, repo: &RepoName, branch: &str, commit: &CommitId) -> String {
        format!("{}{builder}", Self::of_commit(repo, branch, commit))
    }
}

/// What somebody asked for, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The command.
    pub id: CommandId,
    /// Who was authenticated.
    pub actor: String,
    /// What.
    pub ask: Ask,
    /// When it was taken in.
    pub at: Timestamp,
    /// What it did, for people: `opened run 2 of 3 builds`, `nothing: the build is open`.
    pub effect: String,
}

/// A count that goes on over restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Of what: `intake/github/2027-01-15/effective`.
    pub of: String,
    /// So many.
    pub count: u64,
}

/// A machine that the farm has made for it. It is struck out when the machine is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// What was ordered, and how that stands.
    #[serde(flatten)]
    pub line: OrderLine,
    /// How often it could not be made, since a machine of its host type last was.
    pub failures: u32,
}

impl Ordered {
    /// Whether it could not be made, and it is not known yet whether it can be now.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        let unmade = matches!(
            self.line.stand,
            OrderStand::Wanted | OrderStand::Waits { .. }
        );
        unmade && self.failures > 0
    }
}

impl Kept {
    /// What it is found by.
    #[must_use]
    pub fn key(&self) -> KeptKey {
        let (kind, key) = match self {
            Self::Snapshot(of) => (
                KeptKind::Snapshot,
                Snapshot::key(&of.builder, &of.repo, &of.commit, &of.trust),
            ),
            Self::Timing(of) => return KeptKey::timing(&of.builder, &of.what),
            Self::Flake(of) => (
                KeptKind::Flake,
                format!("{}/{}/{}/{}", of.builder, of.repo, of.unit, of.name),
            ),
            Self::Pause(of) => (KeptKind::Pause, of.builder.to_string()),
            Self::Drain(of) => (KeptKind::Drain, of.machine.to_string()),
            Self::Aside(of) => (KeptKind::Aside, of.machine.to_string()),
            Self::Admission(of) => (KeptKind::Admission, of.identity.clone()),
            Self::Culprit(of) => (
                KeptKind::Culprit,
                format!("{}/{}/{}", of.builder, of.repo, of.branch),
            ),
            Self::Breakage(Broken { breakage: of, .. }) => (
                KeptKind::Breakage,
                Broken::key(&of.builder, &of.repo, &of.branch, &of.commit),
            ),
            Self::Asked(of) => (KeptKind::Asked, of.id.to_string()),
            Self::Count(of) => (KeptKind::Count, of.of.clone()),
            Self::Order(of) => (KeptKind::Order, of.line.order.machine.to_string()),
        };
        KeptKey { kind, key }
    }
}

impl Snapshot {
    /// The key of the snapshot of a commit.
    #[must_use]
    pub fn key(builder: &BuilderName, repo: &RepoName, commit: &CommitId, trust: &Trust) -> String {
        match trust {
            Trust::PostSubmit => format!("{builder}/{repo}/{commit}"),
            Trust::Try(set) => format!("{builder}/{repo}/{commit}/{set}"),
        }
    }
}

impl KeptKey {
    /// The key of a [`Timing`].
    #[must_use]
    pub fn timing(builder: &BuilderName, what: &Timed) -> Self {
        let key = match what {
            Timed::Job(name) => format!("{builder}/job/{name}"),
            Timed::Unit(name) => format!("{builder}/unit/{name}"),
        };
        Self {
            kind: KeptKind::Timing,
            key,
        }
    }
}

impl KeptKind {
    /// As it stands in the database: `snapshot`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Timing => "timing",
            Self::Flake => "flake",
            Self::Pause => "pause",
            Self::Drain => "drain",
            Self::Aside => "aside",
            Self::Admission => "admission",
            Self::Culprit => "culprit",
            Self::Breakage => "breakage",
            Self::Asked => "asked",
            Self::Count => "count",
            Self::Order => "order",
        }
    }
}

impl fmt::Display for KeptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_durations_are_kept_and_one_odd_one_does_not_count() {
        let mut timing = Timing {
            builder: "linux".parse().unwrap(),
            what: Timed::Unit("go_test:fmt".to_owned()),
            lately: Vec::new(),
            at: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(timing.median(), None);
        for milliseconds in [10, 10, 11, 9, 10, 10, 10, 90_000, 10, 10, 12] {
            timing.note(milliseconds, Timestamp::UNIX_EPOCH);
        }
        assert_eq!(timing.lately.len(), Timing::KEPT);
        assert_eq!(timing.median(), Some(10));
    }

    #[test]
    fn what_a_try_made_has_another_key() {
        let key = |trust| {
            Snapshot::key(
                &"linux".parse().unwrap(),
                &"go".parse().unwrap(),
                &"a".repeat(40).parse().unwrap(),
                &trust,
            )
        };
        assert_ne!(key(Trust::PostSubmit), key(Trust::Try("s".to_owned())));
    }
}
