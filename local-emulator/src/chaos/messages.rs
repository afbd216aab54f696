//! What is done to messages: some are lost, some come late and are overtaken, some arrive twice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use farm_pubsub_emulator::{Disturbance, Fate};
use parking_lot::Mutex;

use super::dice::Dice;
use super::tally::Tally;

/// Of a hundred first deliveries, so many are lost.
const LOST: u64 = 8;
/// So many more are late.
const LATE: u64 = 22;
/// Of a hundred messages, so many are published twice.
const TWICE: u64 = 15;
/// A message that has been lost so often gets through: nothing is to end among the dead letters.
const LOSSES: u32 = 3;

/// The fate of the nth delivery of a subscription depends on the seed, the subscription and n alone.
#[derive(Debug)]
pub(super) struct Messages {
    seed: u64,
    calm: AtomicBool,
    lines: Mutex<HashMap<String, Line>>,
    pub(super) tally: Tally,
}

/// A subscription, or a topic.
#[derive(Debug)]
struct Line {
    dice: Dice,
    /// The newest message that was delivered.
    newest: u64,
}

impl Messages {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            calm: AtomicBool::new(false),
            lines: Mutex::default(),
            tally: Tally::default(),
        }
    }

    /// From now on every message arrives at once, and once.
    pub(super) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    fn with_line<T>(&self, name: &str, use_it: impl FnOnce(&mut Line) -> T) -> T {
        let mut lines = self.lines.lock();
        let line = lines.entry(name.to_owned()).or_insert_with(|| Line {
            dice: Dice::new(self.seed, name),
            newest: 0,
        });
        use_it(line)
    }
}

impl Line {
    fn fate(&mut self, attempt: u32) -> Fate {
        let (dice, time) = (self.dice.between(1, 100), self.dice.next());
        let millis = |from: u64, to: u64| Duration::from_millis(from + time % (to - from));
        match dice {
            dice if dice <= LOST && attempt <= LOSSES => Fate::Lost {
                again: millis(100, 2000),
            },
            dice if dice > LOST && dice <= LOST + LATE => Fate::Late { by: millis(1, 300) },
            _ => Fate::Delivered,
        }
    }
}

impl Disturbance for Messages {
    fn repeats(&self, topic: &str) -> bool {
        let repeats =
            !self.is_calm() && self.with_line(topic, |line| line.dice.between(1, 100) <= TWICE);
        if repeats {
            self.tally.repeated.add();
        }
        repeats
    }

    fn fate(&self, subscription: &str, id: u64, attempt: u32) -> Fate {
        if self.is_calm() {
            return Fate::Delivered;
        }
        let (fate, overtaken) = self.with_line(subscription, |line| {
            let fate = line.fate(attempt);
            let overtaken = fate == Fate::Delivered && id < line.newest;
            if fate == Fate::Delivered {
                line.newest = line.newest.max(id);
            }
            (fate, overtaken)
        });
        match fate {
            Fate::Lost { .. } => self.tally.lost.add(),
            Fate::Late { .. } => self.tally.late.add(),
            Fate::Delivered => {}
        }
        if overtaken {
            self.tally.overtaken.add();
        }
        fate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(seed: u64) -> Vec<Fate> {
        let messages = Messages::new(seed);
        (0..300).map(|id| messages.fate("s", id, 1)).collect()
    }

    #[test]
    fn a_seed_has_the_same_fates_until_it_is_calm() {
        assert_eq!(fates(7), fates(7));
        assert_ne!(fates(7), fates(8));
        let messages = Messages::new(7);
        let count = |wanted: fn(&Fate) -> bool| fates(7).iter().filter(|fate| wanted(fate)).count();
        assert!((5..80).contains(&count(|fate| matches!(fate, Fate::Lost { .. }))));
        assert!((20..120).contains(&count(|fate| matches!(fate, Fate::Late { .. }))));
        messages.calm_down();
        assert!((0..300).all(|id| messages.fate("s", id, 1) == Fate::Delivered));
        assert!((0..300).all(|_| !messages.repeats("t")));
    }

    #[test]
    fn no_message_is_lost_for_ever() {
        let messages = Messages::new(7);
        let lost = |id| matches!(messages.fate("s", id, LOSSES + 1), Fate::Lost { .. });
        assert!((0..1000).all(|id| !lost(id)));
    }
}
