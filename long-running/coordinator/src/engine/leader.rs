//! The leader as a state machine: facts and a moment in, one transaction out, and once that is durable, what may be told.
//! It knows no clock, no task and no store, so that a simulation and a replay drive the very code that decides.

use std::collections::BTreeSet;

use farm_core::farm::all_numbers;
use farm_core::{Effects, Fact, Farm, Policy, Saved, ViewKey, page};
use farm_model::Timestamp;
use farm_model::config::FarmConfig;
use farm_model::event::{Event, Topic};
use farm_model::id::RepoName;
use farm_model::record::{Branch, Numbered};
use farm_store::{
    Batch, ConfigRecord, Decision, Epoch, InboxEntry, Loaded, OutboxEntry, ViewVersion,
};

use super::batch::{self, Around};
use super::checkpoint::Checkpoint;
use super::log::{Played, Recorder, Stamp, Start, digest};
use super::mind::{Mind, Origin};

/// What one round decided.
#[derive(Debug)]
pub struct Round {
    /// To be committed, unless it is empty. Nothing of the round may be told before.
    pub batch: Batch,
    /// Whether another configuration is in force from now on.
    pub configured: bool,
    /// From where a replay may start, worth keeping once the batch is durable.
    pub checkpoint: Option<Checkpoint>,
}

/// What may be told now.
#[derive(Debug, Default, PartialEq)]
pub struct Tellable {
    /// Events to publish, in order.
    pub outbox: Vec<(Topic, Event)>,
    /// Documents that are out of date.
    pub dirty: Vec<ViewKey>,
    /// Whether there are new lines of history.
    pub history: bool,
}

/// Runs and messages since this leader began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Runs decided.
    pub decided: u64,
    /// Messages that changed nothing: repeated, stale or unknown.
    pub ignored: u64,
}

/// The farm, and what of it is not yet durable.
#[derive(Debug)]
pub struct Leader {
    mind: Mind,
    epoch: Epoch,
    recorder: Recorder,
    /// When it began, or last began anew.
    began: Timestamp,
    /// The log of decisions from before this moment is not wanted.
    forget_before: Option<Timestamp>,
    /// Known to be done, to be struck out in the next transaction.
    told: Vec<String>,
    /// Numbers that the store has yet to get.
    renumbered: Vec<Numbered>,
    written: Vec<ViewKey>,
    versions: Vec<ViewVersion>,
    counts: Counts,
}

impl Leader {
    /// The farm as it was saved, and what an earlier leader may not have told.
    #[must_use]
    pub fn restore(mut loaded: Loaded, policy: Policy, now: Timestamp) -> (Self, Tellable) {
        let mut untold = Tellable {
            outbox: std::mem::take(&mut loaded.outbox)
                .into_iter()
                .map(told_as)
                .collect(),
            dirty: views(&loaded.dirty),
            history: false,
        };
        let epoch = loaded.epoch;
        let unnumbered = loaded.branches.iter().filter(|branch| branch.total == 0);
        let unnumbered: BTreeSet<_> = unnumbered.map(name_of).collect();
        let saved = saved(loaded);
        let start = Start {
            stamp: Stamp::own(),
            at: now,
            policy: policy.clone(),
        };
        let mind = Mind::restore(policy, saved, now);
        let branches = mind.farm().branches();
        let mut renumbered = Vec::new();
        for branch in branches.filter(|branch| unnumbered.contains(&name_of(branch))) {
            renumbered.push(all_numbers(branch));
            untold.dirty.extend(pages_of(branch));
        }
        let leader = Self {
            mind,
            epoch,
            recorder: Recorder::new(start),
            began: now,
            forget_before: None,
            told: Vec::new(),
            renumbered,
            written: Vec::new(),
            versions: Vec::new(),
            counts: Counts::default(),
        };
        (leader, untold)
    }

    /// The farm as decided, which may be ahead of what is durable while a batch is being committed.
    #[must_use]
    pub fn farm(&self) -> &Farm {
        self.mind.farm()
    }

    /// A checkpoint of the very start; to be asked for before the first round, which is at `now`.
    #[must_use]
    pub fn first_checkpoint(&self, now: Timestamp) -> Checkpoint {
        let farm = self.mind.farm();
        let origin = Origin {
            at: now,
            policy: farm.policy().clone(),
            saved: farm.saved(),
            carried: farm.carried(),
        };
        Checkpoint::new(self.epoch, 0, origin)
    }

    /// The log of decisions from before `at` is not wanted any more.
    pub fn forget_decisions_before(&mut self, at: Timestamp) {
        self.forget_before = Some(at);
    }

    /// Since it began.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Applies facts in their order, and leases what waits.
    ///
    /// # Errors
    /// A record cannot be written as JSON.
    pub fn take(&mut self, facts: Vec<Fact>, now: Timestamp) -> serde_json::Result<Round> {
        self.decide(facts, true, now)
    }

    /// Applies nothing and leases nothing: only what was told and written is struck out.
    ///
    /// # Errors
    /// As [`Leader::take`].
    pub fn close(&mut self, now: Timestamp) -> serde_json::Result<Round> {
        self.decide(Vec::new(), false, now)
    }

    fn decide(
        &mut self,
        facts: Vec<Fact>,
        choose: bool,
        now: Timestamp,
    ) -> serde_json::Result<Round> {
        let before = self.farm().digest().to_owned();
        let mut effects = Effects::default();
        let checkpoint = self.renew_if_due(now);
        let folded = self.recorder.fold(&facts);
        self.mind.decide(facts, choose, now, &mut effects);
        self.count(&effects);
        let played = Played {
            facts: folded,
            chose: choose,
            at: now,
            effects: digest(&effects)?,
        };
        let logged = self.recorder.record(played)?;
        let configured = before != self.farm().digest();
        let around = Around {
            decision: logged.map(|inputs| self.decision(inputs, now)),
            configured,
            told: std::mem::take(&mut self.told),
            renumbered: std::mem::take(&mut self.renumbered),
            written: std::mem::take(&mut self.written),
            versions: std::mem::take(&mut self.versions),
            forget_decisions_before: self.forget_before,
        };
        let batch = batch::batch(self.mind.farm(), effects, around, now)?;
        Ok(Round {
            batch,
            configured,
            checkpoint,
        })
    }

    /// Now and then the leader begins anew from its own records, so that a replay can begin there.
    fn renew_if_due(&mut self, now: Timestamp) -> Option<Checkpoint> {
        let policy = self.farm().policy();
        let early = now.duration_since(self.began) < policy.checkpoint_every;
        if early || !self.recorder.is_due(policy.checkpoint_after) {
            return None;
        }
        self.began = now;
        let origin = self.mind.renew(now);
        self.recorder.renew();
        let after = self.recorder.count();
        Some(Checkpoint::new(self.epoch, after, origin))
    }

    fn decision(&self, inputs: String, now: Timestamp) -> Decision {
        Decision {
            at: now,
            inputs,
            config_digest: self.farm().digest().to_owned(),
        }
    }

    /// `batch` is durable: this may be told now.
    #[must_use]
    pub fn committed(&mut self, batch: Batch) -> Tellable {
        Tellable {
            dirty: views(&batch.dirty_add),
            history: !batch.history.is_empty(),
            outbox: batch.outbox_add.into_iter().map(told_as).collect(),
        }
    }

    /// The queues have these events.
    pub fn told(&mut self, ids: Vec<String>) {
        self.told.extend(ids);
    }

    /// The bucket has these documents.
    pub fn written(&mut self, keys: Vec<ViewKey>) {
        self.written.extend(keys);
    }

    /// The bucket calls its documents by these versions now.
    pub fn versions(&mut self, versions: Vec<ViewVersion>) {
        self.versions.extend(versions);
    }

    fn count(&mut self, effects: &Effects) {
        let decided = effects
            .outbox
            .iter()
            .filter(|(_, event)| event.id.starts_with("finished:"));
        self.counts.decided += decided.count() as u64;
        self.counts.ignored += effects.ignored;
    }
}

fn saved(loaded: Loaded) -> Saved {
    Saved {
        config: loaded.config.and_then(parsed),
        branches: loaded.branches,
        builds: loaded.builds,
        runs: loaded.runs,
        inbox: loaded.inbox.into_iter().map(used_up).collect(),
        feed: loaded.feed,
        owned: loaded.owned,
        kept: loaded.kept,
    }
}

fn name_of(branch: &Branch) -> (RepoName, String) {
    (branch.repo.clone(), branch.name.clone())
}

/// The pages that show a branch's commits.
fn pages_of(branch: &Branch) -> impl Iterator<Item = ViewKey> {
    let (repo, name) = name_of(branch);
    let grid = ViewKey::Grid {
        repo: repo.clone(),
        branch: name.clone(),
    };
    let sheet = move |sheet| ViewKey::Sheet {
        repo: repo.clone(),
        branch: name.clone(),
        sheet,
    };
    std::iter::once(grid).chain(page::sheets(branch).map(sheet))
}

fn used_up(entry: InboxEntry) -> (String, Timestamp) {
    (entry.key, entry.at)
}

fn parsed(record: ConfigRecord) -> Option<(String, FarmConfig)> {
    Some((record.digest, serde_json::from_str(&record.text).ok()?))
}

fn told_as(entry: OutboxEntry) -> (Topic, Event) {
    (entry.topic, entry.event)
}

/// Of a farm that had other pages, those that this one has.
fn views(keys: &[String]) -> Vec<ViewKey> {
    keys.iter()
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect()
}
