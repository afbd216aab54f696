//! Reruns the log of decisions of a store, from the checkpoints of a bucket.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use farm_bucket::Bucket;
use farm_store::{NumberedDecision, Store};

use super::checkpoint::{Checkpoint, Name, Place, Unpacked};
use super::player::{Difference, Played, Player};

/// Decisions read at once.
const PAGE: u32 = 500;

/// Which decisions, by their numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// From the last checkpoint at or before this one; none: from the first checkpoint of all.
    pub from: Option<i64>,
    /// Up to this one; none: to the end of the log.
    pub to: Option<i64>,
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// How many decisions were made again.
    pub decisions: u64,
    /// The number of the first of them, before which the checkpoint lies.
    pub first: i64,
    /// The number of the last of them.
    pub last: i64,
    /// The first that came out otherwise, which is where the replay ended.
    pub difference: Option<Difference>,
}

/// Reruns the decisions of `span`, up to the first that comes out otherwise.
///
/// # Errors
/// Store or bucket cannot be read, no checkpoint lies before any of them, or another version decided.
pub async fn replay(
    store: Box<dyn Store>,
    bucket: &Bucket,
    span: Span,
) -> anyhow::Result<Replayed> {
    let mut rerun = Rerun {
        checkpoints: checkpoints(bucket).await?,
        bucket,
        span,
        player: Player::default(),
        replayed: None,
        others: Vec::new(),
    };
    let mut pages = Pages {
        store: Some(store),
        after: 0,
    };
    while let Some(page) = pages.next().await? {
        for decision in &page {
            let over = span.to.is_some_and(|to| decision.number > to);
            if over || rerun.difference().is_some() {
                return rerun.end();
            }
            rerun.play(decision).await?;
        }
    }
    rerun.end()
}

async fn checkpoints(bucket: &Bucket) -> anyhow::Result<BTreeMap<Place, Name>> {
    let names = bucket.list_replays().await?;
    let parsed = names.iter().filter_map(|text| Name::parse(text));
    Ok(parsed.map(|name| (name.place, name)).collect())
}

/// The log, page by page.
struct Pages {
    store: Option<Box<dyn Store>>,
    after: i64,
}

impl Pages {
    async fn next(&mut self) -> anyhow::Result<Option<Vec<NumberedDecision>>> {
        let mut store = self.store.take().context("the store is gone")?;
        let after = self.after;
        let (store, page) = tokio::task::spawn_blocking(move || {
            let page = store.decisions(after, PAGE);
            (store, page)
        })
        .await?;
        self.store = Some(store);
        let page = page.context("cannot read the log of decisions")?;
        self.after = page.last().map_or(after, |last| last.number);
        Ok((!page.is_empty()).then_some(page))
    }
}

struct Rerun<'a> {
    checkpoints: BTreeMap<Place, Name>,
    bucket: &'a Bucket,
    span: Span,
    player: Player,
    replayed: Option<Replayed>,
    /// What cannot be replayed by this version.
    others: Vec<String>,
}

impl Rerun<'_> {
    async fn play(&mut self, decision: &NumberedDecision) -> anyhow::Result<()> {
        let checkpoint = self.checkpoint(decision).await?;
        let began = checkpoint.is_some();
        match self.player.play(decision, checkpoint)? {
            Played::Skipped => {}
            Played::Same => self.count(decision.number, began, None),
            Played::Other(difference) => self.count(decision.number, began, Some(*difference)),
        }
        Ok(())
    }

    fn count(&mut self, number: i64, began: bool, difference: Option<Difference>) {
        let so_far = self.replayed.take().filter(|_| !began);
        let mut replayed = so_far.unwrap_or(Replayed {
            decisions: 0,
            first: number,
            last: number,
            difference: None,
        });
        replayed.decisions += 1;
        replayed.last = number;
        replayed.difference = difference;
        self.replayed = Some(replayed);
    }

    /// The checkpoint directly before a decision, if the replay is to begin there.
    async fn checkpoint(
        &mut self,
        decision: &NumberedDecision,
    ) -> anyhow::Result<Option<Checkpoint>> {
        let wanted = self.span.from.is_some_and(|from| decision.number <= from);
        if self.player.is_playing() && !wanted {
            return Ok(None);
        }
        // What cannot be read has no checkpoint of this version before it.
        let Ok(place) = Player::place(decision) else {
            return Ok(None);
        };
        let Some(name) = self.checkpoints.get(&place) else {
            return Ok(None);
        };
        let Some(bytes) = self.bucket.get_replay(&name.text()).await? else {
            return Ok(None);
        };
        match Checkpoint::unpack(&bytes)? {
            Unpacked::Own(checkpoint) => Ok(Some(*checkpoint)),
            Unpacked::Other(stamp) => {
                self.others.push(stamp.to_string());
                Ok(None)
            }
        }
    }

    fn difference(&self) -> Option<&Difference> {
        self.replayed.as_ref()?.difference.as_ref()
    }

    fn end(self) -> anyhow::Result<Replayed> {
        match (self.replayed, self.others.last()) {
            (Some(replayed), _) => Ok(replayed),
            (None, Some(other)) => bail!(
                "these decisions were made by {other}, and this is {}: replay them with that version",
                super::log::Stamp::own()
            ),
            (None, None) => bail!(
                "nothing to replay: none of these decisions has a checkpoint below replay/ of {} before it",
                self.bucket.url()
            ),
        }
    }
}

#[cfg(test)]
mod tests;
