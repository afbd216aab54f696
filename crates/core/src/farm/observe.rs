//! Sources and configuration: what is wanted follows from what was read.

use std::collections::BTreeSet;

use jiff::Timestamp;

use farm_model::config::FarmConfig;
use farm_model::id::{BuildId, RepoName};
use farm_model::kept::Snapshot;
use farm_model::record::Branch;

use super::Farm;
use super::number::{note_numbers, numbered};
use crate::effects::{Effects, ViewKey};
use crate::fact::Observation;
use crate::page::GRID_ROWS;
use crate::page::at::{detail, note};
use crate::plan::{Seen, made, plan};

impl Farm {
    /// A repository was read: branches move, new commits want builds, vanished branches go.
    pub(super) fn observe(
        &mut self,
        observation: Observation,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Observation {
            repo,
            branches,
            at,
            trace,
        } = observation;
        let known = |(owner, _): &&(RepoName, String)| *owner == repo;
        if branches.is_empty() && self.branches.keys().any(|key| known(&key)) {
            // More likely a source that is being made anew than one that was emptied.
            let text = "it has no branches now; what was known of it stays".to_owned();
            return self.trouble(format!("source {repo}"), Some(text), effects);
        }
        self.trace_of_cause = trace;
        let seen: BTreeSet<&str> = branches.iter().map(|branch| branch.name.as_str()).collect();
        let vanished: Vec<_> = self
            .branches
            .keys()
            .filter(|(owner, name)| *owner == repo && !seen.contains(name.as_str()))
            .cloned()
            .collect();
        for key in vanished {
            // The record stays in the store; an observation newer than it decides what is shown.
            if let Some(mut branch) = self.branches.remove(&key) {
                self.supersede_all(&branch, now, effects);
                note_rewritten(&branch, now, effects);
                branch.commits.clear();
                branch.observed = at;
                effects.branches.push(branch);
                effects.dirty.insert(ViewKey::Farm);
            }
        }
        for branch in branches {
            self.observe_branch(branch, now, effects);
        }
        self.trace_of_cause = None;
    }

    fn observe_branch(&mut self, branch: Branch, now: Timestamp, effects: &mut Effects) {
        let key = (branch.repo.clone(), branch.name.clone());
        let before = self.branches.get(&key);
        if before.is_some_and(|known| known.observed > branch.observed) {
            effects.ignored += 1;
            return;
        }
        let branch = numbered(before, branch);
        let moved = before
            .is_none_or(|known| known.commits != branch.commits || known.default != branch.default);
        if moved {
            effects.dirty.insert(ViewKey::Farm);
            effects.dirty.insert(ViewKey::Grid {
                repo: branch.repo.clone(),
                branch: branch.name.clone(),
            });
            effects.branches.push(branch.clone());
            note_numbers(before, &branch, effects);
            let count = before
                .and_then(|before| on_top(before, &branch))
                .filter(|count| !self.has_builds(&branch, *count));
            note_moved(count, &branch, now, effects);
            self.want_all(&branch, false, now, effects);
            self.note_branch(&branch);
        }
        if let Some(before) = self.branches.insert(key, branch.clone()) {
            self.supersede(&before, &branch, now, effects);
        }
    }

    /// What a branch wants; with `again` also what it wanted when it was last read.
    fn want_all(&mut self, branch: &Branch, again: bool, now: Timestamp, effects: &mut Effects) {
        for wanted in plan(&self.seen(again), branch) {
            self.want(&wanted, "push", now, effects);
        }
    }

    /// Whether one of the first `count` commits was on this branch, and built, before.
    fn has_builds(&self, branch: &Branch, count: usize) -> bool {
        let of_branch = |id: &BuildId| {
            self.builds.get(id).is_some_and(|build| {
                build.key.branch == branch.name && build.key.repo == branch.repo
            })
        };
        let new = &branch.commits[..count];
        self.config.builders.keys().any(|builder| {
            new.iter().any(|commit| {
                let builds = self.by_commit.at(builder, &commit.id);
                builds.iter().any(of_branch)
            })
        })
    }

    /// A builder has made a commit of a main repository: what it builds with that need not wait any more.
    pub(super) fn want_with(&mut self, snapshot: &Snapshot, now: Timestamp, effects: &mut Effects) {
        for wanted in made(&self.seen(true), snapshot) {
            let cause = format!("{} was made", snapshot.repo);
            self.want(&wanted, &cause, now, effects);
        }
    }

    pub(super) fn seen(&self, again: bool) -> Seen<'_> {
        Seen {
            config: &self.config,
            branches: &self.branches,
            book: &self.book,
            again,
        }
    }

    /// A new `farm.toml`: what its recipes want is planned over the branches as known.
    pub(super) fn configure(
        &mut self,
        digest: String,
        config: FarmConfig,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        if digest == self.digest && config == self.config {
            return;
        }
        self.digest = digest;
        if config == self.config {
            // A comment was changed.
            return;
        }
        let before = std::mem::replace(&mut self.config, config);
        effects.note(now, note::CONFIGURED, &[("digest", self.digest.clone())]);
        effects.dirty.insert(ViewKey::Farm);
        for builder in before.builders.keys().chain(self.config.builders.keys()) {
            let builder = builder.clone();
            effects.dirty.insert(ViewKey::Builder { builder });
        }
        self.try_refused(now, effects);
        self.lanes_changed();
        self.requeue_all(now, effects);
        let branches: Vec<Branch> = self.branches.values().cloned().collect();
        for branch in branches {
            effects.dirty.insert(ViewKey::Grid {
                repo: branch.repo.clone(),
                branch: branch.name.clone(),
            });
            if self.config.repositories.contains_key(&branch.repo) {
                self.want_all(&branch, true, now, effects);
                self.note_branch(&branch);
            }
        }
    }

    /// The names of all repositories to be read.
    pub fn repositories(&self) -> impl Iterator<Item = &RepoName> {
        self.config.repositories.keys()
    }
}

/// Says in history which commits a branch has got on top.
fn note_moved(count: Option<usize>, branch: &Branch, now: Timestamp, effects: &mut Effects) {
    let Some(count) = count else {
        return note_rewritten(branch, now, effects);
    };
    let total = branch.total.to_string();
    let new = &branch.commits[..count.min(GRID_ROWS)];
    // Records have text keys only, so their serialisation does not fail.
    let new = serde_json::to_string(new).unwrap_or_default();
    let of = [
        (detail::REPO, branch.repo.to_string()),
        (detail::BRANCH, branch.name.clone()),
        (detail::COMMITS, new),
        (detail::TOTAL, total),
    ];
    effects.note(now, note::MOVED, &of);
}

fn note_rewritten(branch: &Branch, now: Timestamp, effects: &mut Effects) {
    let of = [
        (detail::REPO, branch.repo.to_string()),
        (detail::BRANCH, branch.name.clone()),
    ];
    effects.note(now, note::REWRITTEN, &of);
}

/// How many commits `after` has on top of `before`; none if that is not all that has changed.
fn on_top(before: &Branch, after: &Branch) -> Option<usize> {
    let head = before.head()?;
    let count = after.commits.iter().position(|commit| commit == head)?;
    let same = std::iter::zip(&after.commits[count..], &before.commits).all(|(a, b)| a == b);
    let deeper = after.commits.len() > before.commits.len() + count;
    (same && !deeper && before.default == after.default).then_some(count)
}
