//! Looks now and then whether the documents are still there that should be. Whatever took them, they are written anew. A
//! task of its own, with a store of its own.

use std::collections::VecDeque;
use std::time::Duration;

use farm_bucket::Bucket;
use farm_core::page::{Wants, heads, sheets, wants};
use farm_core::{Farm, ViewKey};
use farm_store::Store;
use futures::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::shelf;
use crate::leadership::Handle;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(60);
/// Documents that are looked for in one look.
const EACH: usize = 200;
/// Of these at once.
const AT_ONCE: usize = 8;

/// What is looked for: documents, and what is below a sheet.
struct Round {
    keys: Vec<ViewKey>,
    below: Option<Wants>,
}

/// The leader's end.
pub(super) struct Healer {
    rounds: mpsc::Sender<Round>,
    missing: mpsc::Receiver<Vec<ViewKey>>,
    /// Sheets that have yet to be looked at in this turn, with what is below them.
    sheets: VecDeque<(ViewKey, ViewKey)>,
    _looking: JoinSet<()>,
}

impl Healer {
    /// Starts looking.
    pub(super) fn start(store: Box<dyn Store>, bucket: Bucket) -> Self {
        let (rounds, asked) = mpsc::channel(1);
        let (finds, missing) = mpsc::channel(1);
        let mut looking = JoinSet::new();
        looking.spawn(look(Handle::new(store), bucket, asked, finds));
        Self {
            rounds,
            missing,
            sheets: VecDeque::new(),
            _looking: looking,
        }
    }

    /// Where the last round is over: the next, of what always is there and of one sheet more.
    pub(super) fn go_on(&mut self, farm: &Farm) {
        let Ok(place) = self.rounds.try_reserve() else {
            return;
        };
        let mut keys = heads(farm);
        if self.sheets.is_empty() {
            self.sheets = all_sheets(farm).collect();
        }
        let next = self.sheets.pop_front();
        let below = next.and_then(|(sheet, below)| {
            keys.push(sheet);
            wants(farm, &below)
        });
        place.send(Round { keys, below });
    }

    /// What turned out to be missing. To be called again and again.
    pub(super) async fn missing(&mut self) -> Vec<ViewKey> {
        match self.missing.recv().await {
            Some(missing) => missing,
            None => std::future::pending().await,
        }
    }
}

fn all_sheets(farm: &Farm) -> impl Iterator<Item = (ViewKey, ViewKey)> {
    farm.branches().flat_map(|branch| {
        sheets(branch).map(|sheet| {
            let (repo, branch) = (branch.repo.clone(), branch.name.clone());
            let of = ViewKey::Sheet {
                repo: repo.clone(),
                branch: branch.clone(),
                sheet,
            };
            let below = ViewKey::Below {
                repo,
                branch,
                sheet,
            };
            (of, below)
        })
    })
}

async fn look(
    store: Handle,
    bucket: Bucket,
    mut rounds: mpsc::Receiver<Round>,
    missing: mpsc::Sender<Vec<ViewKey>>,
) {
    let mut pace = tokio::time::interval(EVERY);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // A farm that begins writes everything anyway.
    pace.tick().await;
    while let Some(Round { mut keys, below }) = rounds.recv().await {
        if let Some(below) = below {
            match shelf::below(store.clone(), below).await {
                Ok(more) => keys.extend(more),
                Err(error) => tracing::warn!(%error, "cannot tell which documents there should be"),
            }
        }
        for portion in keys.chunks(EACH) {
            pace.tick().await;
            let lost = lost(&bucket, portion).await;
            if !lost.is_empty() {
                tracing::warn!(
                    count = lost.len(),
                    "documents are missing in the bucket; they are written anew"
                );
            }
            if missing.send(lost).await.is_err() {
                return;
            }
        }
    }
}

/// Which of these are not there. What cannot be looked for counts as there: the next turn comes.
async fn lost(bucket: &Bucket, keys: &[ViewKey]) -> Vec<ViewKey> {
    let looks = keys.to_vec().into_iter().map(|key| {
        let bucket = bucket.clone();
        async move {
            let there = bucket.has_view(&key.path()).await;
            (!there.unwrap_or(true)).then_some(key)
        }
    });
    let looks: Vec<_> = looks.collect();
    let found: Vec<Option<ViewKey>> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    found.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
