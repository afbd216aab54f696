//! Sources and configuration: what is wanted follows from what was read.

use std::collections::BTreeSet;

use jiff::Timestamp;

use farm_model::config::FarmConfig;
use farm_model::id::RepoName;
use farm_model::kept::Snapshot;
use farm_model::record::Branch;

use super::Farm;
use crate::effects::{Effects, ViewKey};
use crate::fact::Observation;
use crate::plan::{Seen, Wanted, made, plan};

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
        let moved = before
            .is_none_or(|known| known.commits != branch.commits || known.default != branch.default);
        if moved {
            effects.dirty.insert(ViewKey::Farm);
            effects.dirty.insert(ViewKey::Grid {
                repo: branch.repo.clone(),
                branch: branch.name.clone(),
            });
            effects.branches.push(branch.clone());
        }
        if moved {
            self.want_all(&branch, now, effects);
        }
        if let Some(before) = self.branches.insert(key, branch.clone()) {
            self.supersede(&before, &branch, now, effects);
        }
    }

    /// What a branch wants built.
    pub(super) fn wanted_by(&self, branch: &Branch) -> Vec<Wanted> {
        plan(&self.seen(), branch)
    }

    fn want_all(&mut self, branch: &Branch, now: Timestamp, effects: &mut Effects) {
        for wanted in self.wanted_by(branch) {
            self.want(&wanted, "push", now, effects);
        }
    }

    /// A builder has made a commit of a main repository: what it builds with that need not wait any more.
    pub(super) fn want_with(&mut self, snapshot: &Snapshot, now: Timestamp, effects: &mut Effects) {
        for wanted in made(&self.seen(), snapshot) {
            let cause = format!("{} was made", snapshot.repo);
            self.want(&wanted, &cause, now, effects);
        }
    }

    fn seen(&self) -> Seen<'_> {
        Seen {
            config: &self.config,
            branches: &self.branches,
            book: &self.book,
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
        self.config = config;
        effects.dirty.insert(ViewKey::Farm);
        self.requeue_all(now, effects);
        let branches: Vec<Branch> = self.branches.values().cloned().collect();
        for branch in branches {
            effects.dirty.insert(ViewKey::Grid {
                repo: branch.repo.clone(),
                branch: branch.name.clone(),
            });
            if self.config.repositories.contains_key(&branch.repo) {
                self.want_all(&branch, now, effects);
            }
        }
    }

    /// The names of all repositories to be read.
    pub fn repositories(&self) -> impl Iterator<Item = &RepoName> {
        self.config.repositories.keys()
    }
}
