//! Fetching from a remote source into the mirror.

use std::fmt::Write;
use std::time::Duration;

use farm_model::id::CommitId;
use sha2::{Digest, Sha256};

use super::{Inner, State};
use crate::git::error::GitError;
use crate::git::place::Place;

/// The first one may bring a large repository.
const FETCH: Duration = Duration::from_secs(15 * 60);
const TIDY: Duration = Duration::from_secs(10 * 60);
/// After so many fetches, small packs are joined. Nothing is ever pruned: a commit that a forced push removed may still
/// be waiting for its build.
const TIDY_EVERY: u32 = 200;
/// What was asked for by its name alone; overwritten by the next one.
const ASKED: &str = "refs/farm/asked";
/// All branches of a server that gives no commit by its name.
const ALL: &str = "+refs/heads/*:refs/farm/all/*";

/// What was fetched in this life of the process.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    count: u32,
    /// Newest of those that are known to be here.
    commit: Option<CommitId>,
}

impl Inner {
    /// Fetches the branches, if the source is a remote one.
    pub(super) async fn fetch_branches(
        &self,
        state: &mut State,
        new: &[(&String, &CommitId)],
        depth: usize,
    ) -> Result<(), GitError> {
        let Place::Remote(url) = &self.place else {
            return Ok(());
        };
        let refs: Vec<String> = new.iter().map(|(name, _)| refspec(name)).collect();
        self.fetch(state, url, &refs, depth).await
    }

    /// Fetches the commit unless it is here.
    pub(super) async fn fetch_commit(
        &self,
        state: &mut State,
        url: &str,
        commit: &CommitId,
    ) -> Result<(), GitError> {
        if state.fetched.commit.as_ref() == Some(commit) {
            return Ok(());
        }
        if !self.has(commit).await? {
            let by_name = self
                .fetch(state, url, &[format!("+{commit}:{ASKED}")], 1)
                .await;
            if by_name.is_err_and(|error| matches!(error, GitError::Failed { .. })) {
                self.fetch(state, url, &[ALL.to_owned()], usize::MAX)
                    .await?;
            }
            if !self.has(commit).await? {
                return Err(self.no_commit(commit));
            }
        }
        state.fetched.commit = Some(commit.clone());
        Ok(())
    }

    async fn has(&self, commit: &CommitId) -> Result<bool, GitError> {
        let git = self.own(&format!("looking for {commit}"));
        Ok(git
            .args(["cat-file", "-e", &format!("{commit}^{{commit}}")])
            .end()
            .await?
            .status
            .success())
    }

    /// `depth` counts for a mirror that is still empty; from then on git fetches what has been added.
    async fn fetch(
        &self,
        state: &mut State,
        url: &str,
        refs: &[String],
        depth: usize,
    ) -> Result<(), GitError> {
        let what = format!("fetching from {}", self.place.shown());
        let mut git = self
            .own(&what)
            .deadline(FETCH)
            .args(["fetch", "--quiet", "--no-tags", "--no-auto-gc"])
            .args([
                "--no-write-fetch-head",
                "--no-recurse-submodules",
                "--update-shallow",
                "--stdin",
            ]);
        if depth != usize::MAX && self.is_empty().await {
            git = git.arg(format!("--depth={depth}"));
        }
        if refs.iter().any(|spec| spec == ALL) {
            git = git.arg("--prune");
        }
        let fetched = git
            .args(["--", url])
            .stdin(refs.join("\n").into_bytes())
            .run()
            .await;
        fetched.map_err(|error| self.explain_fetch(error))?;
        state.fetched.count += 1;
        if state.fetched.count.is_multiple_of(TIDY_EVERY) {
            self.tidy().await;
        }
        Ok(())
    }

    fn explain_fetch(&self, error: GitError) -> GitError {
        match error {
            GitError::Failed { detail, .. } if detail.contains("couldn't find remote ref") => {
                GitError::Moved(self.place.shown())
            }
            other => other,
        }
    }

    async fn is_empty(&self) -> bool {
        !tokio::fs::try_exists(self.dir.join("refs/farm"))
            .await
            .unwrap_or(false)
            && !tokio::fs::try_exists(self.dir.join("packed-refs"))
                .await
                .unwrap_or(false)
    }

    /// Joins loose objects and small packs. Readers are not disturbed; a failure costs speed only.
    async fn tidy(&self) {
        let git = self.own("tidying a mirror").deadline(TIDY);
        let tasks = ["--task=loose-objects", "--task=incremental-repack"];
        if let Err(error) = git
            .args(["maintenance", "run", "--quiet"])
            .args(tasks)
            .run()
            .await
        {
            tracing::warn!(%error, mirror = %self.dir.display(), "cannot tidy");
        }
    }
}

/// The mirror's own name for a branch is a digest: `a` and `a/b` never stand in each other's way, and no name is too
/// long for a file.
fn refspec(branch: &str) -> String {
    let digest = Sha256::digest(branch.as_bytes());
    digest.iter().take(16).fold(
        format!("+refs/heads/{branch}:refs/farm/heads/"),
        |mut spec, byte| {
            // Writing to a string does not fail.
            let _ = write!(spec, "{byte:02x}");
            spec
        },
    )
}
