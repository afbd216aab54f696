//! A bare repository in our data folder, through which a source is read. A local source lends it its objects and is
//! not copied; of a remote one it keeps what was fetched.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use farm_model::config::matches;
use farm_model::id::CommitId;
use farm_model::record::CommitInfo;
use tokio::sync::Mutex;

use super::archive::Archive;
use super::command::Git;
use super::error::GitError;
use super::heads::{self, Heads};
use super::objects::Objects;
use super::place::{Local, Place};
use super::{blob, log};

mod conversation;
mod fetch;
mod folder;

use fetch::Fetched;
use folder::Format;

/// Branches of one repository that are read at most.
const MOST_BRANCHES: usize = 1000;
/// How often a source that changes while it is read is read again.
const TRIES: usize = 3;

/// Reads one source. Clones share the folder and take turns where they write to it.
#[derive(Debug, Clone)]
pub struct Mirror(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    place: Place,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Once the folder is there: the form of its object names.
    made: Option<Format>,
    /// A local source, once it was found.
    local: Option<Local>,
    /// Branches as last read.
    known: HashMap<String, Known>,
    fetched: Fetched,
    /// While the source is busy.
    objects: Option<Objects>,
}

#[derive(Debug)]
struct Known {
    head: CommitId,
    depth: usize,
    commits: Vec<CommitInfo>,
}

/// What a source said at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Branches that match, the default one first, then by name.
    pub branches: Vec<ObservedBranch>,
}

/// A branch as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedBranch {
    /// Short name: `main`.
    pub name: String,
    /// Whether it is the repository's default branch.
    pub default: bool,
    /// Newest first, following first parents; at least one.
    pub commits: Vec<CommitInfo>,
}

impl Mirror {
    /// A mirror in the folder `dir`, which is made when it is first needed, of the repository at `url`, a path or URL.
    #[must_use]
    pub fn open(dir: impl Into<PathBuf>, url: &str) -> Self {
        let inner = Inner {
            dir: dir.into(),
            place: Place::of(url),
            state: Mutex::default(),
        };
        Self(Arc::new(inner))
    }

    /// The branches that match one of `patterns` (`*` is any run of characters; no pattern means the default branch)
    /// with their newest `depth` commits. A source that has not changed since the last time costs one short process.
    ///
    /// # Errors
    /// [`GitError`]: the source cannot be read.
    pub async fn observe(
        &self,
        patterns: &[String],
        depth: usize,
    ) -> Result<Observation, GitError> {
        let mut state = self.0.state.lock().await;
        let mut tries = 1;
        loop {
            match self.0.observe(&mut state, patterns, depth.max(1)).await {
                Err(GitError::NoCommit { .. } | GitError::Moved(_)) if tries < TRIES => tries += 1,
                Err(error) => {
                    // Whatever it was, it may be elsewhere when it comes back.
                    state.local = None;
                    state.objects = None;
                    return Err(error);
                }
                done => return done,
            }
        }
    }

    /// The text of `path` in the commit, none if there is no such file. What is not UTF-8 is replaced.
    ///
    /// # Errors
    /// [`GitError`]: the source does not have the commit, or cannot be read.
    pub async fn file(&self, commit: &CommitId, path: &str) -> Result<Option<String>, GitError> {
        if let Some(found) = self.0.known_file(commit, path).await {
            return Ok(found);
        }
        let git = self
            .0
            .git_with(commit, &format!("reading {path} of {commit}"))
            .await?;
        let found = blob::read(git, commit.as_str(), path).await?;
        if found.revision {
            Ok(found.text)
        } else {
            Err(self.0.no_commit(commit))
        }
    }

    /// The commit's tree as a tar: every file, also those that the repository keeps out of its release archives.
    ///
    /// # Errors
    /// [`GitError`]: the source cannot be read. That it lacks the commit may show only as an error of the first read.
    pub async fn archive(&self, commit: &CommitId) -> Result<Archive, GitError> {
        let git = self
            .0
            .git_with(commit, &format!("archiving {commit}"))
            .await?;
        // Of a tree git stamps the files with the present, of a commit with its own time. A build tool that kept its results
        // in the work dir (cargo, make) would take an older commit's files for built already.
        let tree = format!("{commit}^{{tree}}");
        Archive::start(git.args(["archive", "--format=tar", &tree]))
    }
}

impl Inner {
    async fn observe(
        &self,
        state: &mut State,
        patterns: &[String],
        depth: usize,
    ) -> Result<Observation, GitError> {
        let heads = self.heads(state).await?;
        let wanted = self.wanted(&heads, patterns)?;
        let new: Vec<_> = wanted
            .iter()
            .copied()
            .filter(|(name, head)| !state.knows(name, head, depth))
            .collect();
        match new.first() {
            Some((_, head)) => {
                self.make(state, Format::of(head)).await?;
                self.fetch_branches(state, &new, depth).await?;
            }
            // Nothing has happened since the last reading: no process waits for the next one.
            None => state.objects = None,
        }
        for (name, head) in new {
            let commits = match self.log_on(state, name, head, depth).await {
                Some(commits) => commits,
                None => self.log(state, head, depth).await?,
            };
            state.known.insert(
                name.clone(),
                Known {
                    head: head.clone(),
                    depth,
                    commits,
                },
            );
        }
        state
            .known
            .retain(|name, _| heads.branches.contains_key(name));
        let mut branches: Vec<_> = wanted
            .iter()
            .filter_map(|(name, _)| state.observed(name, &heads))
            .collect();
        branches.sort_by_key(|branch| !branch.default);
        Ok(Observation { branches })
    }

    async fn heads(&self, state: &mut State) -> Result<Heads, GitError> {
        match &self.place {
            Place::Local(path) => heads::of_local(state.found(path).await?).await,
            Place::Remote(url) => heads::of_remote(url).await,
        }
    }

    fn wanted<'h>(
        &self,
        heads: &'h Heads,
        patterns: &[String],
    ) -> Result<Vec<(&'h String, &'h CommitId)>, GitError> {
        let fits = |name: &str| match patterns {
            [] => heads.default.as_deref() == Some(name),
            some => some.iter().any(|pattern| matches(pattern, name)),
        };
        let wanted: Vec<_> = heads
            .branches
            .iter()
            .filter(|(name, _)| fits(name))
            .collect();
        if wanted.len() <= MOST_BRANCHES {
            return Ok(wanted);
        }
        Err(GitError::TooManyBranches {
            place: self.place.shown(),
            wanted: wanted.len(),
            limit: MOST_BRANCHES,
        })
    }

    async fn log(
        &self,
        state: &State,
        head: &CommitId,
        depth: usize,
    ) -> Result<Vec<CommitInfo>, GitError> {
        let what = format!("reading the commits of {}", self.place.shown());
        let count = format!("--max-count={depth}");
        let git = self.git(state, &what).args([
            "log",
            "-z",
            "--first-parent",
            "--encoding=UTF-8",
            &count,
        ]);
        let output = git.args([log::FORMAT, head.as_str(), "--"]).run().await;
        let output = output.map_err(|error| self.explain(head, error))?;
        let detail = "a log of another form".to_owned();
        log::parse(&output)
            .filter(|commits| !commits.is_empty())
            .ok_or(GitError::Unreadable { what, detail })
    }

    /// A git command that sees the commit, if it is to be had.
    async fn git_with(&self, commit: &CommitId, what: &str) -> Result<Git, GitError> {
        let mut state = self.state.lock().await;
        self.make(&mut state, Format::of(commit)).await?;
        match &self.place {
            Place::Local(path) => drop(state.found(path).await?),
            Place::Remote(url) => self.fetch_commit(&mut state, url, commit).await?,
        }
        Ok(self.git(&state, what))
    }

    /// A git command in the mirror, with a local source's objects in reach.
    fn git(&self, state: &State, what: &str) -> Git {
        let git = self.own(what);
        match &state.local {
            Some(local) => local.lend(git),
            None => git,
        }
    }

    /// A git command in the mirror alone.
    fn own(&self, what: &str) -> Git {
        let mut option = std::ffi::OsString::from("--git-dir=");
        option.push(&self.dir);
        Git::new(what).arg(option)
    }

    fn no_commit(&self, commit: &CommitId) -> GitError {
        GitError::NoCommit {
            place: self.place.shown(),
            commit: commit.clone(),
        }
    }

    fn explain(&self, commit: &CommitId, error: GitError) -> GitError {
        match error {
            GitError::Failed { detail, .. } if detail.contains("bad object") => {
                self.no_commit(commit)
            }
            other => other,
        }
    }
}

impl State {
    fn knows(&self, name: &str, head: &CommitId, depth: usize) -> bool {
        self.known
            .get(name)
            .is_some_and(|known| known.head == *head && known.depth == depth)
    }

    fn observed(&self, name: &String, heads: &Heads) -> Option<ObservedBranch> {
        let commits = self.known.get(name)?.commits.clone();
        Some(ObservedBranch {
            name: name.clone(),
            default: heads.default.as_ref() == Some(name),
            commits,
        })
    }

    async fn found(&mut self, path: &Path) -> Result<&Local, GitError> {
        let local = match self.local.take() {
            Some(local) => local,
            None => Local::find(path).await?,
        };
        Ok(self.local.insert(local))
    }
}
