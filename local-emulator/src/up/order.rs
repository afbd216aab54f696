//! The order of commits, so that lines for programs come oldest first whatever finished first.

use std::collections::HashMap;

use farm_bucket::Bucket;
use farm_model::id::{CommitId, RepoName};
use farm_model::message::result::RunFinished;
use farm_model::view::{FarmView, GridView, key};

/// Each commit's distance from its branch's head.
#[derive(Debug, Default)]
pub(super) struct CommitOrder {
    behind: HashMap<CommitId, usize>,
}

/// The pages of one repository.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) bucket: Bucket,
    pub(super) repo: RepoName,
}

impl Pages {
    /// The order in which the pages show commits; those that they do not show have no place.
    pub(super) async fn commit_order(&self) -> CommitOrder {
        let Self { bucket, repo } = self;
        let mut order = CommitOrder::default();
        let farm = document::<FarmView>(bucket, key::FARM).await;
        let branches = farm
            .into_iter()
            .flat_map(|farm| farm.repositories)
            .filter(|known| known.name == *repo);
        for branch in branches.flat_map(|known| known.branches) {
            let Some(grid) = document::<GridView>(bucket, &key::grid(repo, &branch)).await else {
                continue;
            };
            for (behind, row) in grid.rows.into_iter().enumerate() {
                order.behind.entry(row.commit.id).or_insert(behind);
            }
        }
        order
    }
}

impl CommitOrder {
    /// Oldest commit first, then by builder and run.
    pub(super) fn rank(&self, run: &RunFinished) -> (std::cmp::Reverse<usize>, String, u32) {
        let behind = self.behind.get(&run.commit).copied().unwrap_or(usize::MAX);
        (std::cmp::Reverse(behind), run.builder.to_string(), run.run)
    }
}

async fn document<T: serde::de::DeserializeOwned>(bucket: &Bucket, key: &str) -> Option<T> {
    let view = bucket.get_view(key).await.ok()??;
    serde_json::from_slice(&view.bytes).ok()
}
