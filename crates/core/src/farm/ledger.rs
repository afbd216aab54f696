//! The intake ledger's counters: whatever reaches the farm is effective, repeated or refused (design 11.1), and what was
//! stored without anybody hearing of it is told again.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use farm_model::message::activity::Activity;
use farm_model::view::IntakeStatus;

use super::Farm;
use super::inbox::delivery_key;
use crate::effects::Effects;
use crate::fact::Refusal;
use crate::policy::earlier;

/// Rows kept: one a day and source.
const ROWS: usize = 62;
/// So many deliveries that nobody had heard of, within so long, are an operator's business: one is a function that died.
const RECURRING: usize = 3;
const RECENT: SignedDuration = SignedDuration::from_hours(1);
/// The subject of that trouble.
const ABOUT: &str = "intake";

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Effective,
    Repeated,
    Refused,
}

/// Counters by day and source.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    rows: BTreeMap<(String, String), IntakeStatus>,
    /// When deliveries were found that nobody had heard of; the newest few.
    found: VecDeque<Timestamp>,
}

impl Ledger {
    /// Counts a delivery that was received at `received`, on its way in and by what becomes of it.
    pub(super) fn count(&mut self, source: &str, received: Timestamp, fate: Fate) {
        let row = self.row(source, received);
        row.accepted += 1;
        match fate {
            Fate::Effective => row.effective += 1,
            Fate::Repeated => row.repeated += 1,
            Fate::Refused => row.refused += 1,
        }
    }

    fn row(&mut self, source: &str, received: Timestamp) -> &mut IntakeStatus {
        let day = received.strftime("%Y-%m-%d").to_string();
        let key = (day.clone(), source.to_owned());
        if !self.rows.contains_key(&key) && self.rows.len() >= ROWS {
            self.rows.pop_first();
        }
        self.rows.entry(key).or_insert_with(|| IntakeStatus {
            day,
            source: source.to_owned(),
            ..IntakeStatus::default()
        })
    }

    fn found(&mut self, source: &str, received: Timestamp, now: Timestamp) {
        self.row(source, received).found += 1;
        self.found.push_back(now);
        if self.found.len() > RECURRING {
            self.found.pop_front();
        }
    }

    /// Whether deliveries are found again and again.
    fn recurs(&self, now: Timestamp) -> bool {
        let since = earlier(now, RECENT);
        self.found.len() >= RECURRING && self.found.iter().all(|at| *at > since)
    }
}

impl Farm {
    /// Deliveries by day and source, the newest day first.
    pub fn intake(&self) -> impl Iterator<Item = IntakeStatus> + '_ {
        self.ledger.rows.values().rev().cloned()
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
        self.ledger.count(&refusal.source, refusal.received, fate);
    }

    /// A delivery that is stored. If it has not reached us, it has not reached anybody: it is told again, as the function
    /// would have told it.
    pub(super) fn found(&mut self, activity: &Activity, now: Timestamp, effects: &mut Effects) {
        let key = delivery_key(activity);
        if self.inbox.has(&key) {
            return;
        }
        let source = activity.hint.source();
        self.ledger.found(source, activity.received, now);
        effects.tell(key, now, activity);
        self.watch_gaps(now, effects);
    }

    /// Says so while stored deliveries are found again and again, and no longer than that.
    pub(super) fn watch_gaps(&mut self, now: Timestamp, effects: &mut Effects) {
        let text = self.ledger.recurs(now).then(|| {
            "stored deliveries do not reach the queue, and are told again late: look at the logs of the webhook functions"
                .to_owned()
        });
        if text.is_some() || self.troubles.contains_key(ABOUT) {
            self.trouble(ABOUT.to_owned(), text, effects);
        }
    }
}
