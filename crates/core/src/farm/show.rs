//! Which documents show a build.

use farm_model::id::{BuildId, HostType};
use farm_model::message::progress::TestOutcome;
use farm_model::record::{Build, BuildKind};
use farm_model::view::sheet_of;

use super::{Farm, newest};
use crate::effects::{Effects, ViewKey};
use crate::failure;
use crate::page::is_cell;

/// Waiting builds whose documents say at once what a machine is at; the others' say it when they are next written.
const SHOWN: usize = 50;

impl Farm {
    /// The number of a build's commit on its branch, where it is planned from one.
    #[must_use]
    pub fn number(&self, build: &Build) -> Option<u64> {
        let key = &build.key;
        let branch = self.branch(&key.repo, &key.branch);
        let now = branch.and_then(|branch| branch.number_of(&key.commit));
        now.or(build.number)
    }

    /// A build stands otherwise than it did: what shows that is out of date.
    pub(super) fn show(&self, id: &BuildId, effects: &mut Effects) {
        let Some(build) = self.builds.get(id) else {
            return;
        };
        let key = &build.key;
        let sheet = self.number(build).filter(|_| is_cell(key));
        effects.dirty.extend(sheet.map(|number| ViewKey::Sheet {
            repo: key.repo.clone(),
            branch: key.branch.clone(),
            sheet: sheet_of(number),
        }));
        effects.dirty.insert(ViewKey::Builder {
            builder: key.builder.clone(),
        });
        effects.dirty.extend(ViewKey::of_set(build));
        if key.kind == BuildKind::PostSubmit {
            effects.dirty.insert(ViewKey::Commit {
                repo: key.repo.clone(),
                commit: key.commit.clone(),
            });
        }
    }

    /// A run is over: its branch's tests are out of date if any failed in it, by chance or not.
    pub(super) fn show_tests(&self, id: &BuildId, effects: &mut Effects) {
        let Some(build) = self.builds.get(id) else {
            return;
        };
        let attempts = newest(&self.runs[id]).jobs.iter();
        let reports = attempts
            .flat_map(|job| &job.attempts)
            .filter_map(failure::report);
        let mut tests = reports.flat_map(|report| &report.tests);
        let failed = tests.any(|test| test.outcome == TestOutcome::Failed);
        if failed && build.key.kind == BuildKind::PostSubmit {
            effects.dirty.insert(ViewKey::Tests {
                repo: build.key.repo.clone(),
                branch: build.key.branch.clone(),
            });
        }
    }

    /// An order for a machine stands otherwise: what says why builds wait for one is out of date.
    pub(super) fn show_orders(&self, host: &HostType, effects: &mut Effects) {
        effects.dirty.extend([ViewKey::Pools, ViewKey::Farm]);
        let first = self.queue.in_order(host, SHOWN).into_iter();
        effects.dirty.extend(first.map(|(_, job)| ViewKey::Build {
            id: job.build.clone(),
        }));
    }
}
