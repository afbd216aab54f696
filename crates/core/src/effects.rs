//! What a decision changes: everything here is committed in one transaction before any of it is told.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use farm_model::event::{Event, Message, Topic};
use farm_model::id::{BuildId, BuilderName, CommitId, HostType, MachineName, RepoName};
use farm_model::kept::{Kept, KeptKey};
use farm_model::record::{Branch, Build, BuildKind, Numbered, OwnedMachine, Run, Transition};
use farm_model::trace::TraceParent;
use farm_model::view::{FeedEvent, Status, key};

use crate::farm::current_attempt;
use crate::page::at::detail;

/// The source of every event the coordinator publishes.
pub const SOURCE: &str = "/coordinator";

/// A read model that is out of date.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "view", rename_all = "kebab-case")]
pub enum ViewKey {
    /// The front page's.
    Farm,
    /// `pubsubhelper`'s.
    Feed,
    /// Operators'.
    Status,
    /// Tests that fail by chance.
    Flakes,
    /// What people asked for.
    Audit,
    /// The machines that are ordered.
    Pools,
    /// One branch's grid.
    Grid {
        /// The repository.
        repo: RepoName,
        /// The branch.
        branch: String,
    },
    /// What broke on one branch.
    Breakages {
        /// The repository.
        repo: RepoName,
        /// The branch.
        branch: String,
    },
    /// Thirty commits of a branch, for ever.
    Sheet {
        /// The repository.
        repo: RepoName,
        /// The branch.
        branch: String,
        /// Which of its sheets.
        sheet: u64,
    },
    /// No document of its own: all those of a sheet's commits, and of their builds, when everything is written anew.
    Below {
        /// The repository.
        repo: RepoName,
        /// The branch.
        branch: String,
        /// The sheet.
        sheet: u64,
    },
    /// One commit's.
    Commit {
        /// The repository.
        repo: RepoName,
        /// The commit.
        commit: CommitId,
    },
    /// One try set's.
    Set {
        /// The repository.
        repo: RepoName,
        /// The commit that is tried.
        commit: CommitId,
        /// Its name.
        set: String,
    },
    /// One builder's.
    Builder {
        /// The builder.
        builder: BuilderName,
    },
    /// The tests that failed on a branch.
    Tests {
        /// The repository.
        repo: RepoName,
        /// The branch.
        branch: String,
    },
    /// The queue of a host type.
    Queue {
        /// The host type.
        host: HostType,
    },
    /// One build's.
    Build {
        /// The build.
        id: BuildId,
    },
}

impl ViewKey {
    /// The try set's that a build belongs to.
    #[must_use]
    pub fn of_set(build: &Build) -> Option<Self> {
        let BuildKind::Try { set } = &build.key.kind else {
            return None;
        };
        Some(Self::Set {
            repo: build.key.repo.clone(),
            commit: build.key.commit.clone(),
            set: set.clone(),
        })
    }

    /// Where the document lies below `views/`.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Farm => key::FARM.to_owned(),
            Self::Feed => key::FEED.to_owned(),
            Self::Status => key::STATUS.to_owned(),
            Self::Flakes => key::FLAKES.to_owned(),
            Self::Audit => key::AUDIT.to_owned(),
            Self::Pools => key::POOLS.to_owned(),
            Self::Grid { repo, branch } => key::grid(repo, branch),
            Self::Breakages { repo, branch } => key::breakages(repo, branch),
            Self::Sheet {
                repo,
                branch,
                sheet,
            } => key::sheet(repo, branch, *sheet),
            Self::Below {
                repo,
                branch,
                sheet,
            } => format!("{}.below", key::sheet(repo, branch, *sheet)),
            Self::Commit { repo, commit } => key::commit(repo, commit),
            Self::Set { set, .. } => key::set(set),
            Self::Builder { builder } => key::builder(builder),
            Self::Tests { repo, branch } => key::tests(repo, branch),
            Self::Queue { host } => key::queue(host),
            Self::Build { id } => key::build(id),
        }
    }
}

/// Changed records and things to be told.
#[derive(Debug, Default)]
pub struct Effects {
    /// Branches that moved.
    pub branches: Vec<Branch>,
    /// Commits that have got numbers.
    pub numbers: Vec<Numbered>,
    /// Builds to write.
    pub builds: BTreeMap<BuildId, Build>,
    /// Runs to write.
    pub runs: BTreeMap<(BuildId, u32), Run>,
    /// Events for the outbox, in order.
    pub outbox: Vec<(Topic, Event)>,
    /// De-duplication keys that are used up.
    pub inbox: Vec<(String, Timestamp)>,
    /// Lines of history.
    pub history: Vec<Transition>,
    /// Feed events.
    pub feed: Vec<FeedEvent>,
    /// Machines with an owner to write.
    pub owned: BTreeMap<MachineName, OwnedMachine>,
    /// Small records to write, and those to strike out.
    pub kept: BTreeMap<KeptKey, Option<Kept>>,
    /// Read models that are out of date.
    pub dirty: BTreeSet<ViewKey>,
    /// Messages that changed nothing: repeated, stale or unknown.
    pub ignored: u64,
    /// The moment of the decision.
    pub(crate) now: Timestamp,
}

impl Effects {
    /// Whether nothing has to be stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.branches.is_empty()
            && self.numbers.is_empty()
            && self.builds.is_empty()
            && self.runs.is_empty()
            && self.outbox.is_empty()
            && self.inbox.is_empty()
            && self.history.is_empty()
            && self.feed.is_empty()
            && self.owned.is_empty()
            && self.kept.is_empty()
            && self.dirty.is_empty()
    }

    /// Puts `message` into the outbox under a stable id.
    pub(crate) fn tell<M: Message>(&mut self, id: String, at: Timestamp, message: &M) {
        self.tell_traced(id, at, message, None);
    }

    /// The same as a part of a trace (W3C `traceparent`).
    pub(crate) fn tell_traced<M: Message>(
        &mut self,
        id: String,
        at: Timestamp,
        message: &M,
        trace: Option<&TraceParent>,
    ) {
        // Our own messages have text keys only, so their serialisation does not fail.
        if let Ok(event) = Event::of(id, SOURCE, at, message) {
            self.outbox.push((M::TOPIC, event.in_trace(trace)));
        }
    }

    pub(crate) fn transition(
        &mut self,
        at: Timestamp,
        run: &Run,
        to: &str,
        detail: &[(&str, String)],
    ) {
        let detail = detail
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        self.history.push(Transition {
            at,
            build: Some(run.build.clone()),
            run: run.number,
            to: to.to_owned(),
            detail,
        });
    }

    /// A line of history that is not about a build.
    pub(crate) fn note(&mut self, at: Timestamp, to: &str, detail: &[(&str, String)]) {
        let detail = detail
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        self.history.push(Transition {
            at,
            build: None,
            run: 0,
            to: to.to_owned(),
            detail,
        });
    }

    /// Says on the last line about `run`, or on one of its own, how that stands now: what the past's pages show of it.
    pub(crate) fn stands(&mut self, run: &Run, status: Status, since: Timestamp) {
        let mut lines = self.history.iter_mut().rev();
        let of_run = |line: &&mut Transition| {
            line.build.as_ref() == Some(&run.build) && line.run == run.number
        };
        if lines.find(of_run).is_none() {
            self.transition(self.now, run, status.as_str(), &[]);
        }
        let mut lines = self.history.iter_mut().rev();
        if let Some(line) = lines.find(of_run) {
            let mut say = |name: &str, value: String| line.detail.insert(name.to_owned(), value);
            say(detail::STATUS, status.as_str().to_owned());
            say(detail::SINCE, since.to_string());
            if let Some(attempt) = current_attempt(run) {
                say(detail::ON, attempt.machine.to_string());
            }
        }
    }
}
