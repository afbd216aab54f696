//! Archives of what builders made, and for how long they are remembered.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use farm_model::id::{BuilderName, CommitId, RepoName};
use farm_model::kept::{Kept, KeptKey, KeptKind, Snapshot, Trust};
use farm_model::message::progress::AttemptReport;
use farm_model::record::{BuildKey, Job, Part};

use super::Farm;
use super::learn::trust;
use crate::effects::Effects;
use crate::policy::earlier;

/// Snapshots that are remembered; of more, the oldest are forgotten.
const SNAPSHOTS: usize = 5_000;

impl Farm {
    /// Remembers what a set-up has kept.
    pub(super) fn keep_snapshot(
        &mut self,
        key: &BuildKey,
        job: &Job,
        report: &AttemptReport,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(blob) = report.snapshot.clone().filter(|_| job.part == Part::Setup) else {
            return;
        };
        // Of a sub-repository's build it is the main repository that was made.
        let (repo, commit) = match &key.against {
            Some(against) => (against.repo.clone(), against.commit.clone()),
            None => (key.repo.clone(), key.commit.clone()),
        };
        let snapshot = Snapshot {
            builder: key.builder.clone(),
            repo,
            commit,
            trust: trust(key),
            blob,
            at: now,
        };
        self.book.put(Kept::Snapshot(snapshot.clone()), effects);
        self.forget_oldest(KeptKind::Snapshot, SNAPSHOTS, effects);
        self.forget_snapshots(now, effects);
        self.want_with(&snapshot, now, effects);
    }

    /// Forgets snapshots that are older than they are kept: whoever wants one makes it again. Those of heads of branches stay,
    /// since what is built against a head waits for it, and the newest that a builder made of a repository.
    fn forget_snapshots(&mut self, now: Timestamp, effects: &mut Effects) {
        let Some(kept) = self.policy.snapshots_kept else {
            return;
        };
        let before = earlier(now, kept);
        let all = self.book.of(KeptKind::Snapshot).filter_map(snapshot);
        let (tries, own): (Vec<_>, Vec<_>) = all.partition(|of| of.trust != Trust::PostSubmit);
        let newest = newest_made(&own);
        let heads = self.branches.values().filter_map(|branch| {
            let head = branch.head()?;
            Some((&branch.repo, &head.id))
        });
        let heads: BTreeSet<(&RepoName, &CommitId)> = heads.collect();
        let stays = |of: &&Snapshot| {
            let at = newest.get(&(&of.builder, &of.repo));
            at == Some(&of.at) || heads.contains(&(&of.repo, &of.commit))
        };
        let others = own.into_iter().filter(|of| !stays(of));
        let old = tries.into_iter().chain(others).filter(|of| of.at < before);
        let old: Vec<KeptKey> = old.map(|of| Kept::Snapshot(of.clone()).key()).collect();
        for key in old {
            self.book.take(&key, effects);
        }
    }
}

/// When each builder made something of each repository last.
fn newest_made<'a>(all: &[&'a Snapshot]) -> BTreeMap<(&'a BuilderName, &'a RepoName), Timestamp> {
    let mut newest = BTreeMap::new();
    for of in all {
        let at = newest.entry((&of.builder, &of.repo)).or_insert(of.at);
        *at = of.at.max(*at);
    }
    newest
}

fn snapshot(kept: &Kept) -> Option<&Snapshot> {
    match kept {
        Kept::Snapshot(snapshot) => Some(snapshot),
        _ => None,
    }
}
