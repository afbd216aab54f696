//! A build in one line: how its newest run stands.

use farm_model::id::{CommitId, RepoName};
use farm_model::record::{Build, BuildKey, BuildKind, Run};
use farm_model::view::{BuildLine, Cell};

use crate::failure::{self, TestName};
use crate::farm::{Farm, status_of};

/// A build as documents show it, without its runs: those of a hundred builds that are long over are more than one wants in
/// memory.
#[derive(Debug, Clone)]
pub struct Shown {
    repo: RepoName,
    commit: CommitId,
    line: BuildLine,
    /// What failed, as far as that may have been chance.
    doubtful: Vec<TestName>,
}

impl Shown {
    /// Of a build and its runs, oldest first; none without a run.
    #[must_use]
    pub fn of(build: &Build, runs: &[Run]) -> Option<Self> {
        let run = runs.last()?;
        let key = &build.key;
        let line = BuildLine {
            build: build.id.clone(),
            builder: key.builder.clone(),
            branch: key.branch.clone(),
            kind: key.kind.clone(),
            against: key.against.clone(),
            run: run.number,
            status: status_of(run),
            opened: run.opened,
            began: run.began(),
            finished: run.verdict.as_ref().map(|verdict| verdict.at),
            failure: failure::of_run(run),
        };
        Some(Self {
            repo: key.repo.clone(),
            commit: key.commit.clone(),
            line,
            doubtful: failure::doubtful(runs),
        })
    }

    /// One that is in memory.
    pub(super) fn in_memory(farm: &Farm, build: &Build) -> Option<Self> {
        Self::of(build, farm.runs(&build.id))
    }

    /// The build's commit, and its repository.
    pub(super) fn is_of(&self, repo: &RepoName, commit: &CommitId) -> bool {
        self.repo == *repo && self.commit == *commit
    }

    /// Whether it is a cell of its branch's grid.
    pub(super) fn is_cell(&self) -> bool {
        self.line.kind == BuildKind::PostSubmit && self.line.against.is_none()
    }

    /// What is known of it before anything is judged.
    pub(super) fn raw(&self) -> &BuildLine {
        &self.line
    }

    /// The line, as `farm` judges it.
    pub(super) fn line(self, farm: &Farm) -> BuildLine {
        let (repo, doubtful) = (self.repo, self.doubtful);
        let mut line = self.line;
        line.failure = line
            .failure
            .map(|failure| farm.judged(failure, &line.builder, &repo, &doubtful));
        line
    }

    /// The cell, as `farm` judges it.
    pub(super) fn cell(self, farm: &Farm) -> Cell {
        let line = self.line(farm);
        Cell {
            build: line.build,
            run: line.run,
            status: line.status,
            failure: line.failure,
        }
    }
}

/// Whether a build is a cell of its branch's grid.
pub(crate) fn is_cell(key: &BuildKey) -> bool {
    key.kind == BuildKind::PostSubmit && key.against.is_none()
}
