//! From effects to one transaction.

use farm_core::policy::earlier;
use farm_core::{Effects, ViewKey};
use farm_model::Timestamp;
use farm_store::{Batch, ConfigRecord, Decision, InboxEntry};

use super::{Engine, entry};

/// Everything of a round that must be durable together.
pub(super) fn batch(
    engine: &mut Engine,
    effects: Effects,
    inputs: Vec<serde_json::Value>,
    configured: bool,
    now: Timestamp,
) -> anyhow::Result<Batch> {
    engine.counts.ignored += effects.ignored;
    engine.counts.decided += decided(&effects);
    // With all that adds to the log, so that what is kept stays in proportion to what comes in.
    let forget = !effects.inbox.is_empty() || !inputs.is_empty();
    let kept = engine.farm.policy().clone();
    let config = if configured {
        Some(config_record(engine)?)
    } else {
        None
    };
    let decision = if inputs.is_empty() {
        None
    } else {
        let inputs = serde_json::to_string(&inputs)?;
        Some(Decision {
            at: now,
            inputs,
            config_digest: engine.farm.digest().to_owned(),
        })
    };
    Ok(Batch {
        branches: effects.branches,
        builds: effects.builds.into_values().collect(),
        runs: effects.runs.into_values().collect(),
        config,
        inbox: effects
            .inbox
            .into_iter()
            .map(|(key, at)| InboxEntry { key, at })
            .collect(),
        outbox_add: effects.outbox.into_iter().map(entry).collect(),
        outbox_done: engine.told.clone(),
        dirty_add: keys(effects.dirty.iter())?,
        dirty_done: keys(engine.written.iter())?,
        history: effects.history,
        feed: effects.feed,
        owned: effects.owned.into_values().collect(),
        decision,
        forget_inbox_before: forget.then(|| engine.farm.inbox_limit(now)),
        forget_feed_before: engine.farm.feed_limit().filter(|_| forget),
        forget_history_before: forget.then(|| earlier(now, kept.history_kept)),
        forget_decisions_before: forget.then(|| earlier(now, kept.decisions_kept)),
    })
}

/// Runs that this round gave a verdict.
fn decided(effects: &Effects) -> u64 {
    let told = effects
        .outbox
        .iter()
        .filter(|(_, event)| event.id.starts_with("finished:"));
    told.count() as u64
}

fn config_record(engine: &Engine) -> anyhow::Result<ConfigRecord> {
    let text = serde_json::to_string(engine.farm.config())?;
    Ok(ConfigRecord {
        digest: engine.farm.digest().to_owned(),
        source: "farm.toml".to_owned(),
        text,
    })
}

fn keys<'a>(views: impl Iterator<Item = &'a ViewKey>) -> serde_json::Result<Vec<String>> {
    views.map(serde_json::to_string).collect()
}
