//! The line of messages that share an ordering key.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::{ConsumerId, Leases, Seq, SeqSet};
use crate::clock::Moment;

/// An ordering key, as a number: a message names its key in four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct KeyId(NonZeroU32);

/// The lines of all keys that a message has.
#[derive(Debug, Default)]
pub(super) struct Lines {
    ids: HashMap<Arc<str>, KeyId>,
    lines: HashMap<KeyId, Key>,
    last: u32,
}

impl Lines {
    /// One more message of this key, which gets a line if it has none.
    pub fn enter(&mut self, name: &str) -> KeyId {
        let id = match self.ids.get(name) {
            Some(id) => *id,
            None => self.add(name.into()),
        };
        if let Some(key) = self.lines.get_mut(&id) {
            key.messages += 1;
        }
        id
    }

    fn add(&mut self, name: Arc<str>) -> KeyId {
        let id = loop {
            self.last = self.last.wrapping_add(1);
            match NonZeroU32::new(self.last).map(KeyId) {
                Some(id) if !self.lines.contains_key(&id) => break id,
                _ => {}
            }
        };
        self.lines.insert(id, Key::new(Arc::clone(&name)));
        self.ids.insert(name, id);
        id
    }

    /// One message of this key less; with the last one the line goes.
    pub fn leave(&mut self, id: KeyId) {
        let Some(key) = self.lines.get_mut(&id) else {
            return;
        };
        key.messages -= 1;
        if key.messages == 0 {
            self.ids.remove(&key.name);
            self.lines.remove(&id);
        }
    }

    pub fn get(&self, id: KeyId) -> Option<&Key> {
        self.lines.get(&id)
    }

    pub fn get_mut(&mut self, id: KeyId) -> Option<&mut Key> {
        self.lines.get_mut(&id)
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.lines.len().max(self.ids.len())
    }
}

#[derive(Debug)]
pub(super) struct Key {
    name: Arc<str>,
    /// Of this key, acknowledged and retained ones included.
    messages: u32,
    waiting: SeqSet,
    leased: SeqSet,
    /// Who has the leased ones; later messages go to the same consumer, so that it sees the order.
    owner: Option<ConsumerId>,
    /// The owner takes one message of the key at a time.
    one_at_a_time: bool,
    /// The back-off of the head.
    until: Option<Moment>,
    /// On their way to the dead-letter topic; the rest waits for that.
    leaving: SeqSet,
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
    fn new(name: Arc<str>) -> Self {
        Self {
            name,
            messages: 0,
            waiting: SeqSet::default(),
            leased: SeqSet::default(),
            owner: None,
            one_at_a_time: false,
            until: None,
            leaving: SeqSet::default(),
            shown: Shown::default(),
        }
    }

    pub fn wait(&mut self, seq: Seq) {
        self.waiting.insert(seq);
    }

    pub fn lease(&mut self, seq: Seq, owner: ConsumerId, one_at_a_time: bool) {
        self.waiting.remove(seq);
        self.leased.insert(seq);
        self.owner = Some(owner);
        self.one_at_a_time = one_at_a_time;
    }

    pub fn release(&mut self, seq: Seq) {
        self.leased.remove(seq);
        if self.leased.is_empty() {
            self.owner = None;
            self.one_at_a_time = false;
        }
    }

    pub fn forget(&mut self, seq: Seq) {
        self.waiting.remove(seq);
        self.release(seq);
        self.leaving.remove(seq);
    }

    /// The messages after `seq` that are leased.
    pub fn leased_after(&self, seq: Seq) -> Vec<Seq> {
        self.leased.after(seq).collect()
    }

    pub fn delay(&mut self, until: Option<Moment>) {
        self.until = until;
    }

    pub fn leave(&mut self, seq: Seq) {
        self.waiting.remove(seq);
        self.leaving.insert(seq);
    }

    /// The message stands in line again, wherever it was.
    pub fn stay(&mut self, seq: Seq) {
        self.leaving.remove(seq);
        self.waiting.insert(seq);
    }

    fn offer(&self) -> Shown {
        let Some(head) = self.waiting.first() else {
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
    pub(super) fn show(&mut self, id: KeyId) {
        let Some(key) = self.lines.get_mut(id) else {
            return;
        };
        let (before, after) = (key.shown, key.offer());
        key.shown = after;
        if before != after {
            self.withdraw(before);
            self.put_on_offer(after);
        }
    }

    fn withdraw(&mut self, shown: Shown) {
        match shown {
            Shown::Nowhere => {}
            Shown::ToAll(seq) => {
                self.ready.remove(seq);
            }
            Shown::To(owner, seq) => {
                if let Some(consumer) = self.consumers.get_mut(&owner) {
                    consumer.ready.remove(seq);
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
