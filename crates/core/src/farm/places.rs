//! Builds by what they are of: a commit, then a builder.

use std::collections::{BTreeMap, HashMap};

use farm_model::id::{BuildId, BuilderName, CommitId};
use farm_model::record::Build;

/// Builds of one commit, by builder.
type OfCommit = BTreeMap<BuilderName, Vec<BuildId>>;

/// All builds in memory.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<CommitId, OfCommit>);

impl Places {
    pub(super) fn add(&mut self, build: &Build) {
        let commit = self.0.entry(build.key.commit.clone()).or_default();
        let builds = commit.entry(build.key.builder.clone()).or_default();
        if !builds.contains(&build.id) {
            builds.push(build.id.clone());
        }
    }

    pub(super) fn remove(&mut self, build: &Build) {
        let Some(commit) = self.0.get_mut(&build.key.commit) else {
            return;
        };
        if let Some(builds) = commit.get_mut(&build.key.builder) {
            builds.retain(|other| *other != build.id);
        }
        commit.retain(|_, builds| !builds.is_empty());
        if commit.is_empty() {
            self.0.remove(&build.key.commit);
        }
    }

    /// Of one builder at one commit, in the order in which they came.
    pub(super) fn at(&self, builder: &BuilderName, commit: &CommitId) -> &[BuildId] {
        let builds = self.0.get(commit).and_then(|of| of.get(builder));
        builds.map(Vec::as_slice).unwrap_or_default()
    }

    /// Of one commit, by builder.
    pub(super) fn of(&self, commit: &CommitId) -> impl Iterator<Item = &BuildId> {
        self.0
            .get(commit)
            .into_iter()
            .flatten()
            .flat_map(|(_, of)| of)
    }
}
