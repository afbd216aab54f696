//! What is over and no longer shown leaves the memory; the store keeps it. Before a fact that may be about such a build is
//! applied, the build is recalled: that makes a build of long ago the same build, never a second one.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use farm_model::id::{BuildId, BuilderName, CommitId};
use farm_model::message::command::Ask;
use farm_model::record::{Branch, Build, Run};

use super::{Farm, newest};
use crate::fact::Fact;
use crate::plan::{Seen, plan};
use crate::policy::{earlier, later};

/// Builds looked at in one look at the time.
const AT_ONCE: usize = 1000;
/// What is still shown is looked at again after so long.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// Builds that a fact may be about, and that are not in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unknown {
    /// By their ids.
    pub builds: BTreeSet<BuildId>,
    /// By builder and commit.
    pub places: BTreeSet<(BuilderName, CommitId)>,
}

impl Unknown {
    /// Whether there is nothing to recall.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.builds.is_empty() && self.places.is_empty()
    }
}

impl Farm {
    /// What has to be recalled from the store before `fact` is applied.
    #[must_use]
    pub fn unknown_to(&self, fact: &Fact) -> Unknown {
        let mut unknown = Unknown::default();
        match fact {
            Fact::Observed(observation) => {
                let branches = observation.branches.iter();
                unknown.builds = self.not_in_memory(&self.seen(false), branches);
            }
            Fact::Configured { config, .. } if **config != self.config => {
                let seen = Seen {
                    config,
                    ..self.seen(true)
                };
                unknown.builds = self.not_in_memory(&seen, self.branches.values());
            }
            Fact::Command(command) => match &command.ask {
                Ask::Clear { builder, commit } => {
                    // Also where one is in memory: there may be others, of other branches.
                    unknown.places.insert((builder.clone(), commit.clone()));
                }
                Ask::Retry { build } | Ask::Cancel { build }
                    if !self.builds.contains_key(build) =>
                {
                    unknown.builds.insert(build.clone());
                }
                _ => {}
            },
            _ => {}
        }
        unknown
    }

    fn not_in_memory<'a>(
        &self,
        seen: &Seen<'_>,
        branches: impl Iterator<Item = &'a Branch>,
    ) -> BTreeSet<BuildId> {
        let wanted = branches.flat_map(|branch| plan(seen, branch));
        let ids = wanted.map(|wanted| wanted.key.id());
        ids.filter(|id| !self.builds.contains_key(id)).collect()
    }

    /// Builds of long ago, with all their runs. One that is in memory stays as it is there.
    pub(super) fn recall(&mut self, builds: Vec<(Build, Vec<Run>)>, now: Timestamp) {
        for (build, mut runs) in builds {
            if self.builds.contains_key(&build.id) || runs.is_empty() {
                continue;
            }
            runs.sort_by_key(|run| run.number);
            if let Some(verdict) = &newest(&runs).verdict {
                self.note_over(build.id.clone(), verdict.at, now);
            }
            self.runs.insert(build.id.clone(), runs);
            self.index_build(build);
        }
    }

    /// A build was over at `at`: some time after that it may leave the memory, and not before what recalled it was applied.
    pub(super) fn note_over(&mut self, id: BuildId, at: Timestamp, now: Timestamp) {
        let at = at.max(earlier(now, self.policy.remembered));
        self.over.insert((at, id));
    }

    /// Lets go what has been over for a while and is not shown.
    pub(super) fn forget_over(&mut self, now: Timestamp) {
        let limit = earlier(now, self.policy.remembered);
        for _ in 0..AT_ONCE {
            let Some((at, id)) = self.over.first().cloned().filter(|(at, _)| *at < limit) else {
                return;
            };
            self.over.pop_first();
            let open = self
                .runs
                .get(&id)
                .is_none_or(|runs| newest(runs).verdict.is_none());
            if open {
                // Another run was opened meanwhile; that will end as well.
                continue;
            }
            if self.is_shown(&id) {
                self.over.insert((later(at, AGAIN), id));
            } else {
                self.forget(&id);
            }
        }
    }

    /// Whether a grid shows the build, or its branch might want it again.
    fn is_shown(&self, id: &BuildId) -> bool {
        self.builds.get(id).is_some_and(|build| {
            let key = &build.key;
            self.commit(&key.repo, &key.branch, &key.commit).is_some()
        })
    }

    fn forget(&mut self, id: &BuildId) {
        self.runs.remove(id);
        let Some(build) = self.builds.remove(id) else {
            return;
        };
        self.by_commit.remove(&build);
    }
}
