//! The intake ledger: whatever reaches the farm is effective, repeated or refused (design 11.1), and what was stored without
//! anybody hearing of it is told again. The counts are kept, as `intake/<source>/<day>/<fate>`.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use farm_model::kept::{Count, Kept, KeptKey, KeptKind};
use farm_model::message::activity::Activity;
use farm_model::view::IntakeStatus;

use super::Farm;
use super::inbox::delivery_key;
use crate::effects::Effects;
use crate::fact::Refusal;
use crate::policy::earlier;

/// How long counts are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(31 * 24);
/// So many deliveries that nobody had heard of, within so long, are an operator's business: one is a function that died.
const RECURRING: usize = 3;
const RECENT: SignedDuration = SignedDuration::from_hours(1);
/// The subject of that trouble.
const ABOUT: &str = "intake";
/// The first part of every count's name.
const PREFIX: &str = "intake/";

/// What is counted of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Each, as it comes.
    Accepted,
    Effective,
    Repeated,
    Refused,
    /// Stored, and told again.
    Found,
}

impl Fate {
    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Effective => "effective",
            Self::Repeated => "repeated",
            Self::Refused => "refused",
            Self::Found => "found",
        }
    }
}

/// When deliveries were found that nobody had heard of: the newest few.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Found(VecDeque<Timestamp>);

impl Found {
    fn note(&mut self, now: Timestamp) {
        self.0.push_back(now);
        if self.0.len() > RECURRING {
            self.0.pop_front();
        }
    }

    fn recurs(&self, now: Timestamp) -> bool {
        let since = earlier(now, RECENT);
        self.0.len() >= RECURRING && self.0.iter().all(|at| *at > since)
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

impl Farm {
    /// Deliveries by day and source, the newest day first.
    #[must_use]
    pub fn intake(&self) -> Vec<IntakeStatus> {
        let mut rows: BTreeMap<(&str, &str), IntakeStatus> = BTreeMap::new();
        for (source, day, fate, count) in self.counts() {
            let row = rows.entry((day, source)).or_insert_with(|| IntakeStatus {
                day: day.to_owned(),
                source: source.to_owned(),
                ..IntakeStatus::default()
            });
            match fate {
                "accepted" => row.accepted = count,
                "effective" => row.effective = count,
                "repeated" => row.repeated = count,
                "refused" => row.refused = count,
                "found" => row.found = count,
                _ => {}
            }
        }
        rows.into_values().rev().collect()
    }

    /// Source, day, fate and how many.
    fn counts(&self) -> impl Iterator<Item = (&str, &str, &str, u64)> {
        self.book.of(KeptKind::Count).filter_map(|kept| {
            let Kept::Count(Count { of, count }) = kept else {
                return None;
            };
            let mut parts = of.strip_prefix(PREFIX)?.split('/');
            Some((parts.next()?, parts.next()?, parts.next()?, *count))
        })
    }

    /// A delivery that was received at `received` has come, and this becomes of it.
    pub(super) fn take_in(
        &mut self,
        source: &str,
        received: Timestamp,
        fate: Fate,
        effects: &mut Effects,
    ) {
        self.count(source, received, Fate::Accepted, effects);
        self.count(source, received, fate, effects);
    }

    fn count(&mut self, source: &str, received: Timestamp, fate: Fate, effects: &mut Effects) {
        let of = format!("{PREFIX}{source}/{}/{}", day(received), fate.as_str());
        let before = match self.book.get(KeptKind::Count, &of) {
            Some(Kept::Count(before)) => before.count,
            // A new day.
            _ => {
                self.forget_counts(received, effects);
                0
            }
        };
        let count = before.saturating_add(1);
        self.book.put(Kept::Count(Count { of, count }), effects);
    }

    fn forget_counts(&mut self, now: Timestamp, effects: &mut Effects) {
        let oldest = day(earlier(now, KEPT));
        let old: Vec<KeptKey> = self
            .counts()
            .filter(|(_, day, ..)| *day < oldest.as_str())
            .map(|(source, day, fate, _)| KeptKey {
                kind: KeptKind::Count,
                key: format!("{PREFIX}{source}/{day}/{fate}"),
            })
            .collect();
        for key in old {
            self.book.take(&key, effects);
        }
    }

    /// A delivery that nobody can read: it is counted, once as refused and then as repeated.
    pub(super) fn refuse(&mut self, refusal: Refusal, now: Timestamp, effects: &mut Effects) {
        // Not the delivery's own key: a later version may read what this one does not.
        let key = format!("refused:{}", refusal.id);
        let fate = if self.inbox.use_up(&key, now) {
            effects.inbox.push((key, now));
            Fate::Refused
        } else {
            effects.ignored += 1;
            Fate::Repeated
        };
        self.take_in(&refusal.source, refusal.received, fate, effects);
    }

    /// A delivery that is stored. If it has not reached us, it has not reached anybody: it is told again, as the function
    /// would have told it.
    pub(super) fn found(&mut self, activity: &Activity, now: Timestamp, effects: &mut Effects) {
        let key = delivery_key(activity);
        if self.inbox.has(&key) {
            return;
        }
        let source = activity.hint.source();
        self.count(source, activity.received, Fate::Found, effects);
        self.found.note(now);
        effects.tell(key, now, activity);
        self.watch_gaps(now, effects);
    }

    /// Says so while stored deliveries are found again and again, and no longer than that.
    pub(super) fn watch_gaps(&mut self, now: Timestamp, effects: &mut Effects) {
        let text = self.found.recurs(now).then(|| {
            "stored deliveries do not reach the queue, and are told again late: look at the logs of the webhook functions"
                .to_owned()
        });
        if text.is_some() || self.troubles.contains_key(ABOUT) {
            self.trouble(ABOUT.to_owned(), text, effects);
        }
    }
}
