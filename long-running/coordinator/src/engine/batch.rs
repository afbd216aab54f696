//! From effects to one transaction.

use farm_core::policy::earlier;
use farm_core::{Effects, Farm, ViewKey};
use farm_model::Timestamp;
use farm_model::event::{Event, Topic};
use farm_model::record::Numbered;
use farm_store::{Batch, ConfigRecord, Decision, InboxEntry, OutboxEntry, ViewVersion};
use jiff::SignedDuration;

/// How long the version of a document is known that is not written again; later the bucket is asked.
const VERSIONS_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a round adds to its effects.
pub(super) struct Around {
    /// What was decided on, if it is to be logged.
    pub(super) decision: Option<Decision>,
    /// Whether the round changed the configuration.
    pub(super) configured: bool,
    /// Events known to be published.
    pub(super) told: Vec<String>,
    /// Numbers of commits that were read before there were any.
    pub(super) renumbered: Vec<Numbered>,
    /// Documents known to be written.
    pub(super) written: Vec<ViewKey>,
    /// What the bucket calls them since.
    pub(super) versions: Vec<ViewVersion>,
    /// Decisions from before this are not wanted, however young.
    pub(super) forget_decisions_before: Option<Timestamp>,
}

/// Everything of a round that must be durable together.
///
/// # Errors
/// A record cannot be written as JSON.
pub(super) fn batch(
    farm: &Farm,
    effects: Effects,
    around: Around,
    now: Timestamp,
) -> serde_json::Result<Batch> {
    let config = around.configured.then(|| config_record(farm)).transpose()?;
    let unwanted = around.forget_decisions_before;
    let batch = Batch {
        branches: effects.branches,
        numbers: around
            .renumbered
            .into_iter()
            .chain(effects.numbers)
            .collect(),
        builds: effects.builds.into_values().collect(),
        runs: effects.runs.into_values().collect(),
        config,
        inbox: effects.inbox.into_iter().map(inbox_entry).collect(),
        outbox_add: effects.outbox.into_iter().map(outbox_entry).collect(),
        outbox_done: around.told,
        dirty_add: keys(effects.dirty.iter())?,
        dirty_done: keys(around.written.iter())?,
        history: effects.history,
        feed: effects.feed,
        owned: effects.owned.into_values().collect(),
        kept: effects.kept.into_iter().collect(),
        views: around.versions,
        decision: around.decision,
        ..Batch::default()
    };
    // With all that adds to the log, so that what is kept stays in proportion to what comes in.
    let grows = !batch.inbox.is_empty() || batch.decision.is_some();
    Ok(if grows {
        forgetting(batch, farm, unwanted, now)
    } else {
        batch
    })
}

/// The same, and old things go.
fn forgetting(batch: Batch, farm: &Farm, unwanted: Option<Timestamp>, now: Timestamp) -> Batch {
    let kept = farm.policy();
    let old = earlier(now, kept.decisions_kept);
    Batch {
        forget_inbox_before: Some(farm.inbox_limit(now)),
        forget_feed_before: farm.feed_limit(),
        forget_history_before: Some(earlier(now, kept.history_kept)),
        forget_views_before: Some(earlier(now, VERSIONS_KEPT)),
        forget_decisions_before: Some(unwanted.map_or(old, |at| at.max(old))),
        ..batch
    }
}

fn config_record(farm: &Farm) -> serde_json::Result<ConfigRecord> {
    Ok(ConfigRecord {
        digest: farm.digest().to_owned(),
        source: "farm.toml".to_owned(),
        text: serde_json::to_string(farm.config())?,
    })
}

fn inbox_entry((key, at): (String, Timestamp)) -> InboxEntry {
    InboxEntry { key, at }
}

fn outbox_entry((topic, event): (Topic, Event)) -> OutboxEntry {
    OutboxEntry { topic, event }
}

fn keys<'a>(views: impl Iterator<Item = &'a ViewKey>) -> serde_json::Result<Vec<String>> {
    views.map(serde_json::to_string).collect()
}
