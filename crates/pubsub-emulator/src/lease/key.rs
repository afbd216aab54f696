//! The line of messages that share an ordering key.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{ConsumerId, Leases, Seq};
use crate::clock::Moment;

#[derive(Debug, Default)]
pub(super) struct Key {
    waiting: BTreeSet<Seq>,
    leased: BTreeSet<Seq>,
    /// Who has the leased ones; later messages go to the same consumer, so that it sees the order.
    owner: Option<ConsumerId>,
    /// The owner takes one message of the key at a time.
    one_at_a_time: bool,
    /// The back-off of the head.
    until: Option<Moment>,
    /// On their way to the dead-letter topic; the rest waits for that.
    leaving: BTreeSet<Seq>,
    shown: Shown,
}

/// Where the head of the line is on offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shown {
    #[default]
    Nowhere,
    ToAll(Seq),
    To(ConsumerId, Seq),
    Delayed(Moment, Seq),
}

impl Key {
    pub fn wait(&mut self, seq: Seq) {
        self.waiting.insert(seq);
    }

    pub fn lease(&mut self, seq: Seq, owner: ConsumerId, one_at_a_time: bool) {
        self.waiting.remove(&seq);
        self.leased.insert(seq);
        self.owner = Some(owner);
        self.one_at_a_time = one_at_a_time;
    }

    pub fn release(&mut self, seq: Seq) {
        self.leased.remove(&seq);
        if self.leased.is_empty() {
            self.owner = None;
            self.one_at_a_time = false;
        }
    }

    pub fn forget(&mut self, seq: Seq) {
        self.waiting.remove(&seq);
        self.release(seq);
        self.leaving.remove(&seq);
    }

    /// The messages after `seq` that are leased.
    pub fn leased_after(&self, seq: Seq) -> Vec<Seq> {
        let after = (std::ops::Bound::Excluded(seq), std::ops::Bound::Unbounded);
        self.leased.range(after).copied().collect()
    }

    pub fn delay(&mut self, until: Option<Moment>) {
        self.until = until;
    }

    pub fn leave(&mut self, seq: Seq) {
        self.waiting.remove(&seq);
        self.leaving.insert(seq);
    }

    /// The message stands in line again, wherever it was.
    pub fn stay(&mut self, seq: Seq) {
        self.leaving.remove(&seq);
        self.waiting.insert(seq);
    }

    fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.leased.is_empty() && self.leaving.is_empty()
    }

    fn offer(&self) -> Shown {
        let Some(head) = self.waiting.first().copied() else {
            return Shown::Nowhere;
        };
        if !self.leaving.is_empty() || (self.one_at_a_time && !self.leased.is_empty()) {
            return Shown::Nowhere;
        }
        match (self.until, self.owner) {
            (Some(until), _) => Shown::Delayed(until, head),
            (None, Some(owner)) => Shown::To(owner, head),
            (None, None) => Shown::ToAll(head),
        }
    }
}

impl Leases {
    /// Brings what is on offer of a key up to date. To be called after every change of a key.
    pub(super) fn show(&mut self, name: &Arc<str>) {
        let Some(key) = self.keys.get_mut(name) else {
            return;
        };
        let (before, after) = (key.shown, key.offer());
        key.shown = after;
        if key.is_over() {
            self.keys.remove(name);
        }
        if before != after {
            self.withdraw(before);
            self.put_on_offer(after);
        }
    }

    fn withdraw(&mut self, shown: Shown) {
        match shown {
            Shown::Nowhere => {}
            Shown::ToAll(seq) => {
                self.ready.remove(&seq);
            }
            Shown::To(owner, seq) => {
                if let Some(consumer) = self.consumers.get_mut(&owner) {
                    consumer.ready.remove(&seq);
                }
            }
            Shown::Delayed(until, seq) => {
                self.delayed.remove(&(until, seq));
            }
        }
    }

    fn put_on_offer(&mut self, shown: Shown) {
        match shown {
            Shown::Nowhere => {}
            Shown::ToAll(seq) => {
                self.ready.insert(seq);
            }
            Shown::To(owner, seq) => {
                if let Some(consumer) = self.consumers.get_mut(&owner) {
                    consumer.ready.insert(seq);
                }
            }
            Shown::Delayed(until, seq) => {
                self.delayed.insert((until, seq));
            }
        }
    }
}
