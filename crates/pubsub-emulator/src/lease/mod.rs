//! The life of the messages of one subscription: waiting, leased, delayed, gone.
//!
//! Pure: the time is an argument, nothing here waits or locks. A message is *ready* when a consumer
//! may take it, *delayed* while its back-off runs, *leased* while a consumer has it, *leaving* while
//! it is on its way to the dead-letter topic. With ordering, only the head of a key is ever ready,
//! and a key with leased messages belongs to the consumer that has them.

mod consumer;
mod key;
mod policy;
mod settle;
#[cfg(test)]
mod tests;
mod timing;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::clock::Moment;
use consumer::Consumer;
pub(crate) use consumer::{ConsumerId, Flow};
use key::Key;
pub(crate) use policy::{Backoff, Policy};
pub(crate) use settle::Acked;

/// A message's place in the order of publishing; its id on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Seq(pub u64);

/// Tells one lease of a message from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Token(pub u64);

/// A message given to a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub seq: Seq,
    pub token: Token,
    /// 1 at the first delivery; grows with every nack and every expired lease.
    pub attempt: u32,
}

/// A message entering the subscription.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub seq: Seq,
    /// The ordering key, where the subscription keeps order.
    pub key: Option<Arc<str>>,
    /// Bytes, for flow control.
    pub size: u64,
    /// When it was published: retention counts from here.
    pub born: Moment,
    /// Failed deliveries before now.
    pub failures: u32,
}

/// All unacknowledged messages of a subscription.
#[derive(Debug)]
pub(crate) struct Leases {
    policy: Policy,
    slots: BTreeMap<Seq, Slot>,
    keys: HashMap<Arc<str>, Key>,
    consumers: HashMap<ConsumerId, Consumer>,
    /// Ready for any consumer. What is ready for one alone stands with the consumer.
    ready: BTreeSet<Seq>,
    delayed: BTreeSet<(Moment, Seq)>,
    deadlines: BTreeSet<(Moment, Seq)>,
    leaving: Vec<Seq>,
    failed: Vec<Seq>,
    next_token: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Slot {
    key: Option<Arc<str>>,
    size: u64,
    born: Moment,
    failures: u32,
    at: At,
}

#[derive(Debug, PartialEq, Eq)]
enum At {
    /// `last`, here and below, is the lease that ended because its consumer went away: the answer
    /// may still be on its way.
    Ready {
        last: Option<Token>,
    },
    Delayed(Moment),
    /// In the line of its key, which says whether it is ready.
    InLine {
        last: Option<Token>,
    },
    Leased(Lease),
    Leaving,
}

#[derive(Debug, PartialEq, Eq)]
struct Lease {
    consumer: ConsumerId,
    token: Token,
    until: Moment,
}

impl Leases {
    /// No messages. Tokens count from `first_token`, which must differ between runs of the
    /// emulator, so that an old run's acknowledgement is never taken for this one's.
    pub fn new(policy: Policy, first_token: u64) -> Self {
        Self {
            policy,
            slots: BTreeMap::new(),
            keys: HashMap::new(),
            consumers: HashMap::new(),
            ready: BTreeSet::new(),
            delayed: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            leaving: Vec::new(),
            failed: Vec::new(),
            next_token: first_token,
            bytes: 0,
        }
    }

    /// Takes another policy for what happens from now on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// A new message.
    pub fn insert(&mut self, arrival: Arrival) {
        let Arrival {
            seq,
            key,
            size,
            born,
            failures,
        } = arrival;
        let key = key.filter(|_| self.policy.ordered);
        self.bytes += size;
        let at = if key.is_some() {
            At::InLine { last: None }
        } else {
            At::Ready { last: None }
        };
        let slot = Slot {
            key: key.clone(),
            size,
            born,
            failures,
            at,
        };
        self.slots.insert(seq, slot);
        match key {
            None => {
                self.ready.insert(seq);
            }
            Some(key) => {
                self.keys.entry(Arc::clone(&key)).or_default().wait(seq);
                self.show(&key);
            }
        }
    }

    /// Leases messages to a consumer, in order, as far as its flow control allows: up to
    /// `max_messages`, and until `max_bytes` are passed.
    pub fn take(
        &mut self,
        id: ConsumerId,
        max_messages: usize,
        max_bytes: u64,
        now: Moment,
    ) -> Vec<Taken> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while taken.len() < max_messages && bytes < max_bytes {
            let Some(seq) = self.next_for(id) else { break };
            bytes += self.slots.get(&seq).map_or(0, |slot| slot.size);
            taken.extend(self.lease(id, seq, now));
        }
        taken
    }

    /// The first message that this consumer may take now.
    fn next_for(&self, id: ConsumerId) -> Option<Seq> {
        let consumer = self.consumers.get(&id).filter(|c| c.has_room())?;
        let shared = self.ready.first();
        let own = consumer.ready.first();
        shared.into_iter().chain(own).min().copied()
    }

    fn lease(&mut self, id: ConsumerId, seq: Seq, now: Moment) -> Option<Taken> {
        let token = Token(self.next_token);
        self.next_token += 1;
        let slot = self.slots.get_mut(&seq)?;
        let consumer = self.consumers.get_mut(&id)?;
        let until = now + consumer.flow.lease;
        slot.at = At::Leased(Lease {
            consumer: id,
            token,
            until,
        });
        let attempt = slot.failures + 1;
        consumer.hold(seq, slot.size);
        self.deadlines.insert((until, seq));
        match slot.key.clone() {
            None => {
                self.ready.remove(&seq);
            }
            Some(key) => {
                let exclusive = consumer.flow.one_a_key;
                if let Some(line) = self.keys.get_mut(&key) {
                    line.lease(seq, id, exclusive);
                }
                self.show(&key);
            }
        }
        Some(Taken {
            seq,
            token,
            attempt,
        })
    }

    /// Ends a message's lease, if it has one; the message is then nowhere until its next state is
    /// set by the caller.
    fn release(&mut self, seq: Seq) {
        let Some(slot) = self.slots.get_mut(&seq) else {
            return;
        };
        let At::Leased(lease) = &slot.at else { return };
        self.deadlines.remove(&(lease.until, seq));
        if let Some(consumer) = self.consumers.get_mut(&lease.consumer) {
            consumer.let_go(seq, slot.size);
        }
        if let Some(line) = slot.key.as_ref().and_then(|key| self.keys.get_mut(key)) {
            line.release(seq);
        }
        slot.at = if slot.key.is_some() {
            At::InLine { last: None }
        } else {
            At::Ready { last: None }
        };
    }

    /// Takes a message out for good.
    fn remove(&mut self, seq: Seq) -> bool {
        self.release(seq);
        let Some(slot) = self.slots.remove(&seq) else {
            return false;
        };
        self.bytes -= slot.size;
        match (slot.key, slot.at) {
            (Some(key), _) => {
                if let Some(line) = self.keys.get_mut(&key) {
                    line.forget(seq);
                }
                self.show(&key);
            }
            (None, At::Delayed(until)) => {
                self.delayed.remove(&(until, seq));
            }
            (None, _) => {
                self.ready.remove(&seq);
            }
        }
        true
    }

    /// Takes a message out whoever has it: its acknowledgement will be one of nothing. True if it was here.
    pub fn discard(&mut self, seq: Seq) -> bool {
        self.remove(seq)
    }

    /// Whether any consumer might find something to take.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty() || self.consumers.values().any(|c| !c.ready.is_empty())
    }

    /// Unacknowledged messages, leased ones included.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Their bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Messages that a consumer has at the moment.
    pub fn leased(&self) -> usize {
        self.deadlines.len()
    }

    /// When the oldest unacknowledged message was published.
    pub fn oldest(&self) -> Option<Moment> {
        self.slots.first_key_value().map(|(_, slot)| slot.born)
    }

    /// Every message still here, in order.
    pub fn seqs(&self) -> impl Iterator<Item = Seq> + '_ {
        self.slots.keys().copied()
    }

    /// Failed deliveries of a message so far.
    pub fn failures(&self, seq: Seq) -> u32 {
        self.slots.get(&seq).map_or(0, |slot| slot.failures)
    }
}
