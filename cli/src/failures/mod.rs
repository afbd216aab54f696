//! Builds that failed, as the farm's grids show them, and their logs.

pub mod flaky;
mod log;

use farm_model::id::{AttemptKey, BuildId, BuilderName, CommitId, LogHash, RepoName};
use farm_model::view::{GridView, Status};

pub use log::read_log;

use crate::lookup::{CommitPrefix, Pages};

/// A build whose newest run failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The repository.
    pub repo: RepoName,
    /// The builder.
    pub builder: BuilderName,
    /// The commit.
    pub commit: CommitId,
    /// The build.
    pub build: BuildId,
    /// The run that failed.
    pub run: u32,
    /// Why, for people; empty where that was not told.
    pub reason: String,
    /// Where its log is, if anything ran.
    pub attempt: Option<AttemptKey>,
    /// What clients of 2019 find that by.
    pub log: Option<LogHash>,
}

impl Failed {
    /// `builder@commit`, for people.
    pub fn name(&self) -> String {
        format!("{}@{}", self.builder, self.commit.short())
    }
}

/// Which of them.
#[derive(Debug, Clone, Default)]
pub struct Which<'a> {
    /// Of this builder.
    pub builder: Option<&'a BuilderName>,
    /// Of this commit.
    pub commit: Option<&'a CommitPrefix>,
    /// Whose log's hash begins so.
    pub log_hash: Option<&'a str>,
}

/// Those that fit, newest commit of each branch first. One that several branches have is named once.
pub fn failed(pages: &Pages, which: &Which<'_>) -> Vec<Failed> {
    let mut all: Vec<Failed> = pages.grids.iter().flat_map(of_grid).collect();
    all.retain(|failed| which.fits(failed));
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|failed| seen.insert(failed.build.clone()));
    all
}

fn of_grid(grid: &GridView) -> Vec<Failed> {
    let mut all = Vec::new();
    for row in &grid.rows {
        for (builder, cell) in grid.builders.iter().zip(&row.cells) {
            let Some(cell) = cell else { continue };
            if cell.status != Status::Failed {
                continue;
            }
            let why = cell.failure.as_ref();
            all.push(Failed {
                repo: grid.repo.clone(),
                builder: builder.clone(),
                commit: row.commit.id.clone(),
                build: cell.build.clone(),
                run: cell.run,
                reason: why.map(|why| why.reason.clone()).unwrap_or_default(),
                attempt: why.and_then(|why| why.attempt.clone()),
                log: why.and_then(|why| why.log.clone()),
            });
        }
    }
    all
}

impl Which<'_> {
    fn fits(&self, failed: &Failed) -> bool {
        let log = |wanted: &str| {
            let log = failed.log.as_ref();
            log.is_some_and(|log| log.as_str().starts_with(wanted))
        };
        self.builder.is_none_or(|name| *name == failed.builder)
            && self.commit.is_none_or(|commit| commit.fits(&failed.commit))
            && self.log_hash.is_none_or(log)
    }
}
