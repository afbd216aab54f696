//! What one subscription saw, and what may not be.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::lives::Life;
use crate::publish::OfKey;

/// An answered acknowledgement may be forgotten if a kill follows within this time.
const ACKS_DURABLE: Duration = Duration::from_secs(1);
/// Wrong things are kept up to here; they are counted beyond.
const MOST_WRONG: usize = 1000;

/// What the subscription promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    AtLeastOnce,
    /// An answered acknowledgement is never forgotten.
    ExactlyOnce,
}

/// A delivered message.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub id: u64,
    pub key: u32,
    pub place: u64,
}

pub struct Ledger {
    promise: Promise,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: HashMap<u32, Key>,
    /// By message id: the life that was told, and when it had answered.
    acknowledged: HashMap<u64, (Life, Instant)>,
    delivered: u64,
    /// Delivered before, but not acknowledged before.
    again: u64,
    /// Acknowledged before, less than a second before a kill.
    excused: u64,
    wrong: Vec<String>,
}

/// A key's deliveries.
#[derive(Default)]
struct Key {
    /// The place of the latest delivery.
    latest: u64,
    /// All places up to here were delivered.
    furthest: u64,
    /// The message that was the furthest; others before it have lower ids.
    furthest_id: u64,
}

/// The end of it.
pub struct Account {
    pub summary: String,
    pub wrong: Vec<String>,
}

impl Ledger {
    pub fn new(promise: Promise) -> Self {
        Self {
            promise,
            state: Mutex::default(),
        }
    }

    /// A message came in this life. `end_of` says when an earlier one was ended.
    pub fn delivered(&self, seen: &Seen, life: Life, end_of: impl Fn(Life) -> Option<Instant>) {
        let state = &mut *self.state.lock().unwrap();
        state.delivered += 1;
        state.in_order(seen);
        let Some((told, answered)) = state.acknowledged.remove(&seen.id) else {
            return;
        };
        let soon = |end: Instant| end.saturating_duration_since(answered) < ACKS_DURABLE;
        let excused = told < life && end_of(told).is_some_and(soon);
        if excused && self.promise == Promise::AtLeastOnce {
            state.excused += 1;
        } else {
            let ago = answered.elapsed();
            state.wrong(format!(
                "{seen:?} came in life {} though life {} had answered its acknowledgement, {ago:?} ago",
                life.0, told.0
            ));
        }
    }

    pub fn acknowledged(&self, seen: &[Seen], life: Life, at: Instant) {
        let mut state = self.state.lock().unwrap();
        let entries = seen.iter().map(|seen| (seen.id, (life, at)));
        state.acknowledged.extend(entries);
    }

    /// Whether everything that was answered has come and was acknowledged.
    pub fn has_all(&self, answered: &[OfKey]) -> bool {
        let state = self.state.lock().unwrap();
        let came = |of: &OfKey| {
            state.keys.get(&of.key).is_some_and(|key| {
                key.furthest >= of.answered && state.acknowledged.contains_key(&key.furthest_id)
            })
        };
        answered.iter().all(came)
    }

    pub fn account(&self, answered: &[OfKey]) -> Account {
        let state = self.state.lock().unwrap();
        let mut wrong = state.wrong.clone();
        let mut lost = 0;
        for of in answered {
            let furthest = state.keys.get(&of.key).map_or(0, |key| key.furthest);
            if furthest < of.answered {
                lost += of.answered - furthest;
                wrong.push(format!(
                    "key {}: {} were answered and only {furthest} came",
                    of.key, of.answered
                ));
            }
        }
        let summary = format!(
            "{:?}: {} deliveries, {} again for want of an acknowledgement, {} again because a kill came within {ACKS_DURABLE:?} of its \
             answer, {} acknowledged, {lost} lost, {} wrong",
            self.promise,
            state.delivered,
            state.again,
            state.excused,
            state.acknowledged.len(),
            wrong.len()
        );
        Account { summary, wrong }
    }
}

impl State {
    /// Within a key the next delivery is that of the next place, or goes back; it never leaps.
    fn in_order(&mut self, seen: &Seen) {
        let key = self.keys.entry(seen.key).or_default();
        let before = key.latest;
        key.latest = seen.place;
        if seen.id <= key.furthest_id {
            self.again += 1;
        } else if seen.place <= before + 1 {
            key.furthest = key.furthest.max(seen.place);
            key.furthest_id = seen.id;
        }
        if seen.place > before + 1 {
            self.wrong(format!("{seen:?} came after place {before}"));
        }
    }

    fn wrong(&mut self, line: String) {
        if self.wrong.len() < MOST_WRONG {
            self.wrong.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(place: u64) -> Seen {
        Seen {
            id: place * 10,
            key: 1,
            place,
        }
    }

    fn deliver(ledger: &Ledger, places: &[u64]) {
        for place in places {
            ledger.delivered(&seen(*place), Life(0), |_| None);
        }
    }

    fn answered(number: u64) -> [OfKey; 1] {
        [OfKey {
            key: 1,
            answered: number,
            unanswered: 0,
        }]
    }

    fn wrongs(ledger: &Ledger, number: u64) -> usize {
        ledger.account(&answered(number)).wrong.len()
    }

    #[test]
    fn a_key_may_go_back_but_never_leap() {
        let ledger = Ledger::new(Promise::AtLeastOnce);
        deliver(&ledger, &[1, 2, 3, 2, 3, 4]);
        assert_eq!(wrongs(&ledger, 4), 0);
        assert_eq!(ledger.state.lock().unwrap().again, 2);
        deliver(&ledger, &[2, 4]);
        assert_eq!(wrongs(&ledger, 4), 1);
    }

    #[test]
    fn what_was_answered_and_never_came_is_lost() {
        let ledger = Ledger::new(Promise::AtLeastOnce);
        deliver(&ledger, &[1, 2]);
        assert!(!ledger.has_all(&answered(3)));
        assert_eq!(wrongs(&ledger, 3), 1);
        assert_eq!(wrongs(&ledger, 2), 0);
    }

    #[test]
    fn what_was_acknowledged_comes_again_only_if_a_kill_came_soon() {
        let at = Instant::now();
        for (promise, after, wrong) in [
            (Promise::AtLeastOnce, 900, 0),
            (Promise::AtLeastOnce, 1000, 1),
            (Promise::ExactlyOnce, 900, 1),
        ] {
            let ledger = Ledger::new(promise);
            deliver(&ledger, &[1]);
            ledger.acknowledged(&[seen(1)], Life(0), at);
            let end = at + Duration::from_millis(after);
            ledger.delivered(&seen(1), Life(1), |_| Some(end));
            assert_eq!(wrongs(&ledger, 1), wrong, "{promise:?} {after}");
        }
    }

    #[test]
    fn what_was_acknowledged_does_not_come_again_in_the_same_life() {
        let ledger = Ledger::new(Promise::AtLeastOnce);
        deliver(&ledger, &[1]);
        ledger.acknowledged(&[seen(1)], Life(0), Instant::now());
        deliver(&ledger, &[1]);
        assert_eq!(wrongs(&ledger, 1), 1);
    }
}
