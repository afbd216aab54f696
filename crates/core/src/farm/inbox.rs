//! De-duplication keys that are used up, forgotten oldest first.

use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;

use farm_model::message::activity::Activity;
use farm_model::view::FeedEvent;

use super::Farm;
use super::ledger::Fate;
use crate::effects::{Effects, ViewKey};
use crate::policy::{earlier, later};

/// Keys by age.
#[derive(Debug)]
pub(super) struct Inbox {
    keys: HashSet<String>,
    ages: VecDeque<(Timestamp, String)>,
}

impl Inbox {
    /// As they were saved, oldest first.
    pub(super) fn new(keys: Vec<(String, Timestamp)>) -> Self {
        Self {
            keys: keys.iter().map(|(key, _)| key.clone()).collect(),
            ages: keys.into_iter().map(|(key, at)| (at, key)).collect(),
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// All of them, oldest first.
    pub(super) fn keys(&self) -> impl Iterator<Item = (String, Timestamp)> {
        self.ages.iter().map(|(at, key)| (key.clone(), *at))
    }

    /// False if the key was used up already.
    pub(super) fn use_up(&mut self, key: &str, now: Timestamp) -> bool {
        let new = self.keys.insert(key.to_owned());
        if new {
            self.ages.push_back((now, key.to_owned()));
        }
        new
    }

    pub(super) fn forget_before(&mut self, limit: Timestamp) {
        while self.ages.front().is_some_and(|(at, _)| *at < limit) {
            if let Some((_, key)) = self.ages.pop_front() {
                self.keys.remove(&key);
            }
        }
    }
}

/// The de-duplication key of a delivery.
#[must_use]
pub(super) fn delivery_key(activity: &Activity) -> String {
    format!("{}:{}", activity.hint.source(), activity.delivery)
}

impl Farm {
    /// Whether this delivery was taken in before.
    #[must_use]
    pub fn is_repeated(&self, activity: &Activity) -> bool {
        self.inbox.has(&delivery_key(activity))
    }

    /// A delivery enters the feed once.
    pub(super) fn hear(&mut self, activity: Activity, now: Timestamp, effects: &mut Effects) {
        let key = delivery_key(&activity);
        let (source, received) = (activity.hint.source(), activity.received);
        if !self.inbox.use_up(&key, now) {
            self.take_in(source, received, Fate::Repeated, effects);
            effects.ignored += 1;
            return;
        }
        self.take_in(source, received, Fate::Effective, effects);
        effects.inbox.push((key, now));
        // Readers' cursor is the stamp: no two events may share one.
        let last = self.feed.back().map_or(Timestamp::MIN, |event| event.time);
        let time = now.max(later(last, jiff::SignedDuration::from_nanos(1)));
        let event = FeedEvent {
            time,
            hint: activity.hint,
        };
        self.feed.push_back(event.clone());
        self.trim_feed(now);
        effects.feed.push(event);
        effects.dirty.insert(ViewKey::Feed);
    }

    fn trim_feed(&mut self, now: Timestamp) {
        let limit = earlier(now, self.policy.feed_kept);
        while self.feed.len() > self.policy.feed_floor
            && self.feed.front().is_some_and(|event| event.time < limit)
        {
            self.feed.pop_front();
        }
    }

    /// Feed events older than this are forgotten: the feed is trimmed already.
    #[must_use]
    pub fn feed_limit(&self) -> Option<Timestamp> {
        self.feed.front().map(|event| event.time)
    }

    /// De-duplication keys older than this are forgotten.
    #[must_use]
    pub fn inbox_limit(&self, now: Timestamp) -> Timestamp {
        earlier(now, self.policy.inbox_kept)
    }
}
