//! What the coordinator knows and stores: repositories as observed, builds, runs, jobs, attempts (design 4).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::{
    AttemptKey, BuildId, BuilderName, CommitId, HostType, HubId, HubSession, JobName, MachineId,
    MachineName, RepoName,
};
use crate::message::progress::{AttemptReport, Outcome};
use crate::trace::TraceParent;

/// A machine that belongs to somebody, as the coordinator knows it: so that its owner is told once when it is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedMachine {
    /// The name it registers with, on whichever hub.
    pub name: MachineName,
    /// Whom to tell; nobody any more where there is none.
    pub owner: Option<String>,
    /// What it is.
    pub host_type: HostType,
    /// The hub that it came to last.
    pub hub: HubId,
    /// Where it is not connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<Away>,
}

/// The absence of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Away {
    /// Since when, by the coordinator's clock.
    pub since: Timestamp,
    /// Whether its owner has been told.
    pub told: bool,
}

/// A commit as git tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitInfo {
    /// Its id.
    pub id: CommitId,
    /// First parent first.
    pub parents: Vec<CommitId>,
    /// Author's name.
    pub author: String,
    /// Author's address.
    pub email: String,
    /// Committer time.
    pub time: Timestamp,
    /// First line of the message.
    pub subject: String,
}

/// A branch as last read at the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// The repository.
    pub repo: RepoName,
    /// Short name: `main`.
    pub name: String,
    /// Whether it is the repository's default branch.
    pub default: bool,
    /// Newest first, following first parents, at most [`Branch::KEPT`].
    pub commits: Vec<CommitInfo>,
    /// How many of its commits the farm has seen: the next will have this number. Nothing that a source tells: 0 in a
    /// reading, and in records of before commits had numbers.
    #[serde(default)]
    pub total: u64,
    /// When it was read.
    pub observed: Timestamp,
}

impl Branch {
    /// How many commits of a branch are kept, and so shown.
    pub const KEPT: usize = 100;

    /// The branch's newest commit.
    #[must_use]
    pub fn head(&self) -> Option<&CommitInfo> {
        self.commits.first()
    }

    /// The number of the commit that lies `behind` its head: its place on the branch, counted from 0 for the oldest that
    /// the farm has seen. None in a branch without numbers.
    #[must_use]
    pub fn number_at(&self, behind: usize) -> Option<u64> {
        self.total.checked_sub(behind as u64 + 1)
    }

    /// The number of a commit that it holds.
    #[must_use]
    pub fn number_of(&self, commit: &CommitId) -> Option<u64> {
        let behind = self.commits.iter().position(|of| of.id == *commit)?;
        self.number_at(behind)
    }
}

/// Commits of a branch by their numbers, as they are kept for good. What was there under these numbers is replaced, and
/// what was there from `total` on goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    /// The repository.
    pub repo: RepoName,
    /// The branch.
    pub branch: String,
    /// The number of the first of them.
    pub first: u64,
    /// Oldest first.
    pub commits: Vec<CommitInfo>,
    /// As [`Branch::total`].
    pub total: u64,
}

/// Post-submit or a try: part of a build's identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildKind {
    /// Of a commit that is on a branch.
    PostSubmit,
    /// Of a change that is not, in the named try set.
    Try {
        /// The try set.
        set: String,
    },
    /// Of a commit that came out well elsewhere, to see whether a machine does what others do.
    Canary {
        /// What the machine's trust hangs on.
        identity: String,
    },
}

impl BuildKind {
    /// `post-submit`, `try` or `canary`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::PostSubmit => "post-submit",
            Self::Try { .. } => "try",
            Self::Canary { .. } => "canary",
        }
    }
}

/// Exactly what makes a build the same build.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BuildKey {
    /// The builder.
    pub builder: BuilderName,
    /// The repository.
    pub repo: RepoName,
    /// The commit.
    pub commit: CommitId,
    /// The branch.
    pub branch: String,
    /// Post-submit or try.
    pub kind: BuildKind,
    /// The commit of the main repository that a sub-repository is built against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
}

/// A commit of the main repository, of which a sub-repository is built with what that made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Against {
    /// The main repository.
    pub repo: RepoName,
    /// Its commit.
    pub commit: CommitId,
    /// The branch it was seen on.
    pub branch: String,
}

impl BuildKey {
    /// The build's id: a hash of the key, so that wanting a build twice is wanting it once.
    #[must_use]
    pub fn id(&self) -> BuildId {
        let set = match &self.kind {
            BuildKind::PostSubmit => "",
            BuildKind::Try { set } => set,
            BuildKind::Canary { identity } => identity,
        };
        let mut parts = vec![
            self.builder.as_str(),
            self.repo.as_str(),
            self.commit.as_str(),
            &self.branch,
            self.kind.as_str(),
            set,
        ];
        if let Some(against) = &self.against {
            parts.extend([
                against.repo.as_str(),
                against.commit.as_str(),
                &against.branch,
            ]);
        }
        // A length before each part: no two keys run into the same bytes.
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let text = hex::encode(&hash.finalize()[..16]);
        match text.parse() {
            Ok(id) => id,
            Err(_) => unreachable!("32 hex digits are a build id"),
        }
    }
}

/// A build that is wanted. Its results are in its runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The hash of `key`.
    pub id: BuildId,
    /// What is built.
    pub key: BuildKey,
    /// When it was first wanted.
    pub wanted: Timestamp,
    /// How many commits behind its head it lay when it was first wanted: 0 for a tip.
    #[serde(default)]
    pub behind: u32,
    /// Its commit's number on its branch when it was first wanted; none where it was not wanted of a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// The newest run's number, from 1.
    pub run: u32,
}

/// One run of a build: the first, or what clear and retry opened. It records one outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The build.
    pub build: BuildId,
    /// From 1.
    pub number: u32,
    /// When it was opened.
    pub opened: Timestamp,
    /// Who or what opened it: `push`, `clear by user:gopher`.
    pub cause: String,
    /// Its jobs: a graph by their needs.
    pub jobs: Vec<Job>,
    /// The trace that its cause belongs to: W3C `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceParent>,
    /// Once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Ok, failed, or lost: after the limit of losses, or because nobody wants it any more.
    pub outcome: Outcome,
    /// One line for people; empty when ok.
    pub reason: String,
    /// When it was decided.
    pub at: Timestamp,
    /// Whether that was because its branch had the commit no more: it is wanted again with the branch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
}

/// A job: what one machine does in one go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name in the run.
    pub name: JobName,
    /// Jobs of the run that must have come out well before it may begin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<JobName>,
    /// What of the recipe it does.
    #[serde(default)]
    pub part: Part,
    /// Where it stands.
    pub state: JobState,
    /// Every lease it had, in order; the last one is current while `state` is leased.
    pub attempts: Vec<Attempt>,
}

/// What of a builder's recipe a job does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "kebab-case")]
pub enum Part {
    /// Everything in one go.
    #[default]
    Whole,
    /// Everything up to the snapshot and the list of what can be tested: `make`.
    Setup,
    /// A shard of the tests.
    Tests {
        /// Of the list, in the order to run.
        units: Vec<String>,
    },
    /// What failed, once more and alone, on the same snapshot: was it the code, or chance?
    Again {
        /// The failed units.
        units: Vec<String>,
    },
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum JobState {
    /// Jobs that it needs are not over.
    Blocked,
    /// A job that it needs did not come out well: it never begins.
    Dropped,
    /// It may be leased from `not_before` on.
    Waiting {
        /// The back-off after a loss.
        not_before: Timestamp,
    },
    /// Its last attempt is current.
    Leased,
    /// It is over.
    Done {
        /// With this.
        outcome: Outcome,
    },
}

/// One lease of one job to one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// The hub told to run it.
    pub hub: HubId,
    /// The machine leased.
    pub machine: MachineId,
    /// When it was leased.
    pub leased: Timestamp,
    /// Not to be started after this.
    pub start_by: Timestamp,
    /// Where it stands.
    pub state: AttemptState,
    /// Highest progress number seen.
    pub last_seq: u64,
    /// The attempt of the same run whose work dir it goes on in, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<AttemptKey>,
    /// When its machine's report last mentioned it. Kept in memory only: a new leader hears it again.
    #[serde(skip)]
    pub mentioned: Option<Timestamp>,
}

/// The life of an attempt as the coordinator has heard of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum AttemptState {
    /// Told to the hub, nothing heard yet.
    Offered,
    /// The hub has it.
    Running {
        /// The hub's life in which it runs.
        session: HubSession,
        /// The step it is at, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// When the hub accepted it.
        since: Timestamp,
    },
    /// It ended.
    Finished {
        /// When we heard.
        at: Timestamp,
        /// With this report.
        report: AttemptReport,
    },
    /// The hub did not take it, or nobody heard of it again.
    Gone {
        /// When it was given up.
        at: Timestamp,
        /// Why, for people.
        reason: String,
        /// What became of it, which decides whether it counts as a loss.
        how: Gone,
    },
}

/// How an attempt went without a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gone {
    /// Its hub did not take it, or not in time: counts against nobody.
    Refused,
    /// Its hub was started anew, mostly by somebody who stopped the farm: a few of these are one loss, since a build may
    /// be what brings its hub down.
    Restarted,
    /// Nobody speaks of it any more: a loss.
    Silent,
    /// It was not wanted any more: counts against nobody.
    Cancelled,
}

impl Run {
    /// The key of attempt `number` of `job`.
    #[must_use]
    pub fn attempt_key(&self, job: &JobName, number: u32) -> AttemptKey {
        AttemptKey {
            build: self.build.clone(),
            run: self.number,
            job: job.clone(),
            attempt: number,
        }
    }

    /// When its first attempt was leased.
    #[must_use]
    pub fn began(&self) -> Option<Timestamp> {
        let attempts = self.jobs.iter().flat_map(|job| &job.attempts);
        attempts.map(|attempt| attempt.leased).min()
    }

    /// Attempts over all jobs.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.jobs.iter().map(|job| job.attempts.len()).sum()
    }
}

/// A document of one line in `history/<hour>.jsonl`: something changed for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// When.
    pub at: Timestamp,
    /// The build; none where it is about something else: a command, a machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildId>,
    /// Its run; 0 without a build.
    #[serde(default)]
    pub run: u32,
    /// `wanted`, `leased`, `running`, `ok`, `failed`, `lost`, …
    pub to: String,
    /// Details: machine, attempt, reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, String>,
}
