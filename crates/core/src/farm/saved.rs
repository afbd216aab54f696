//! The records of a farm in memory, as they would be loaded now.

use farm_model::record::{Build, Run};

use super::{Farm, Saved};

impl Farm {
    /// What a new leader would start from, if the one that holds this farm ended now. Its order is always the same.
    #[must_use]
    pub fn saved(&self) -> Saved {
        let mut builds: Vec<Build> = self.builds.values().cloned().collect();
        builds.sort_by(|a, b| (a.wanted, &a.id).cmp(&(b.wanted, &b.id)));
        let mut runs: Vec<Run> = self.runs.values().flatten().cloned().map(bare).collect();
        runs.sort_by(|a, b| (&a.build, a.number).cmp(&(&b.build, b.number)));
        let known = !self.digest.is_empty();
        Saved {
            config: known.then(|| (self.digest.clone(), self.config.clone())),
            branches: self.branches.values().cloned().collect(),
            builds,
            runs,
            inbox: self.inbox.keys().collect(),
            feed: self.feed.iter().cloned().collect(),
            owned: self.owned.iter().cloned().collect(),
            kept: self.book.all().cloned().collect(),
        }
    }
}

/// Without what is kept in memory only.
fn bare(mut run: Run) -> Run {
    for attempt in run.jobs.iter_mut().flat_map(|job| &mut job.attempts) {
        attempt.mentioned = None;
    }
    run
}
