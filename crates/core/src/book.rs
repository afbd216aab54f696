//! The small records of [`farm_model::kept`], in memory as a whole. What changes goes into the effects with it.

use std::collections::BTreeMap;

use farm_model::id::{BuilderName, CommitId, MachineName, RepoName};
use farm_model::kept::{
    Aside, Drain, Flake, Kept, KeptKey, KeptKind, Ordered, Pause, Snapshot, Timed, Timing, Trust,
};

use crate::effects::Effects;

/// All of them, by kind and key.
#[derive(Debug, Default)]
pub struct Book(BTreeMap<KeptKey, Kept>);

impl Book {
    /// As they were saved.
    #[must_use]
    pub fn new(saved: Vec<Kept>) -> Self {
        Self(saved.into_iter().map(|kept| (kept.key(), kept)).collect())
    }

    /// Writes one, in memory and for the store.
    pub fn put(&mut self, kept: Kept, effects: &mut Effects) {
        effects.kept.insert(kept.key(), Some(kept.clone()));
        self.0.insert(kept.key(), kept);
    }

    /// Strikes one out; none if there was none.
    pub fn take(&mut self, key: &KeptKey, effects: &mut Effects) -> Option<Kept> {
        let kept = self.0.remove(key)?;
        effects.kept.insert(key.clone(), None);
        Some(kept)
    }

    /// One record.
    #[must_use]
    pub fn get(&self, kind: KeptKind, key: &str) -> Option<&Kept> {
        self.0.get(&KeptKey {
            kind,
            key: key.to_owned(),
        })
    }

    /// All of them, by kind and key.
    pub fn all(&self) -> impl Iterator<Item = &Kept> {
        self.0.values()
    }

    /// All of a kind, by key.
    pub fn of(&self, kind: KeptKind) -> impl Iterator<Item = &Kept> {
        let first = KeptKey {
            kind,
            key: String::new(),
        };
        self.0
            .range(first..)
            .take_while(move |(key, _)| key.kind == kind)
            .map(|(_, kept)| kept)
    }

    /// Those of a kind whose key begins with `prefix`, by key.
    pub fn under<'a>(&'a self, kind: KeptKind, prefix: &'a str) -> impl Iterator<Item = &'a Kept> {
        let first = KeptKey {
            kind,
            key: prefix.to_owned(),
        };
        self.0
            .range(first..)
            .take_while(move |(key, _)| key.kind == kind && key.key.starts_with(prefix))
            .map(|(_, kept)| kept)
    }

    /// How many there are of a kind.
    #[must_use]
    pub fn count(&self, kind: KeptKind) -> usize {
        self.of(kind).count()
    }

    /// What `make` made of a commit, as far as `trust` may rest on it: a try may use what post-submit builds made.
    #[must_use]
    pub fn snapshot(
        &self,
        builder: &BuilderName,
        repo: &RepoName,
        commit: &CommitId,
        trust: &Trust,
    ) -> Option<&Snapshot> {
        let of = |trust: &Trust| {
            let key = Snapshot::key(builder, repo, commit, trust);
            match self.get(KeptKind::Snapshot, &key) {
                Some(Kept::Snapshot(snapshot)) => Some(snapshot),
                _ => None,
            }
        };
        of(&Trust::PostSubmit).or_else(|| of(trust))
    }

    /// How long something takes.
    #[must_use]
    pub fn timing(&self, builder: &BuilderName, what: &Timed) -> Option<&Timing> {
        match self.0.get(&KeptKey::timing(builder, what)) {
            Some(Kept::Timing(timing)) => Some(timing),
            _ => None,
        }
    }

    /// Why nothing of a builder is leased.
    #[must_use]
    pub fn pause(&self, builder: &BuilderName) -> Option<&Pause> {
        match self.get(KeptKind::Pause, builder.as_str()) {
            Some(Kept::Pause(pause)) => Some(pause),
            _ => None,
        }
    }

    /// Who asked that a machine is not used.
    #[must_use]
    pub fn drain(&self, machine: &MachineName) -> Option<&Drain> {
        match self.get(KeptKind::Drain, machine.as_str()) {
            Some(Kept::Drain(drain)) => Some(drain),
            _ => None,
        }
    }

    /// Why the farm itself does not use a machine.
    #[must_use]
    pub fn aside(&self, machine: &MachineName) -> Option<&Aside> {
        match self.get(KeptKind::Aside, machine.as_str()) {
            Some(Kept::Aside(aside)) => Some(aside),
            _ => None,
        }
    }

    /// A machine that the farm has made for it.
    #[must_use]
    pub fn order(&self, machine: &MachineName) -> Option<&Ordered> {
        match self.get(KeptKind::Order, machine.as_str()) {
            Some(Kept::Order(ordered)) => Some(ordered),
            _ => None,
        }
    }

    /// What is known of a test that both passes and fails.
    #[must_use]
    pub fn flake(
        &self,
        builder: &BuilderName,
        repo: &RepoName,
        unit: &str,
        name: &str,
    ) -> Option<&Flake> {
        match self.get(KeptKind::Flake, &format!("{builder}/{repo}/{unit}/{name}")) {
            Some(Kept::Flake(flake)) => Some(flake),
            _ => None,
        }
    }
}
