//! The life of the messages of one subscription: waiting, leased, delayed, acknowledged, gone.
//!
//! Pure: the time is an argument, nothing here waits or locks. A message is *ready* when a consumer
//! may take it, *delayed* while its back-off runs, *leased* while a consumer has it, *leaving* while
//! it is on its way to the dead-letter topic. With ordering, only the head of a key is ever ready,
//! and a key with leased messages belongs to the consumer that has them. An acknowledged message may
//! be *retained*: a seek makes it ready again.
//!
//! Small, because a backlog may be long: a message that waits costs its [`Facts`] and a bit; only
//! one that something has happened to has a [`Slot`].

mod consumer;
mod key;
mod policy;
mod seek;
mod settle;
#[cfg(test)]
mod tests;
mod timing;

use std::collections::{BTreeSet, HashMap};

use crate::clock::Moment;
use crate::seqs::{Seq, SeqMap, SeqSet};
use consumer::Consumer;
pub(crate) use consumer::{ConsumerId, Flow};
use key::{KeyId, Lines};
pub(crate) use policy::{Backoff, Policy};
pub(crate) use settle::Acked;

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
pub(crate) struct Arrival<'a> {
    pub seq: Seq,
    /// The ordering key, where the subscription keeps order.
    pub key: Option<&'a str>,
    /// Bytes, for flow control.
    pub size: u32,
    /// When it was published: retention counts from here.
    pub born: Moment,
}

/// How a subscription has a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Not acknowledged, after so many failed deliveries.
    Open { failures: u32 },
    /// Acknowledged and retained.
    Acked,
}

/// All messages of a subscription: the unacknowledged, and the acknowledged that it retains.
#[derive(Debug)]
pub(crate) struct Leases {
    policy: Policy,
    /// The unacknowledged.
    pending: SeqMap<Facts>,
    /// The acknowledged that are retained.
    acked: SeqMap<Facts>,
    /// Of those in `pending` that are not just waiting for their first delivery.
    slots: HashMap<Seq, Slot>,
    lines: Lines,
    consumers: HashMap<ConsumerId, Consumer>,
    /// Ready for any consumer. What is ready for one alone stands with the consumer.
    ready: SeqSet,
    delayed: BTreeSet<(Moment, Seq)>,
    deadlines: BTreeSet<(Moment, Seq)>,
    leaving: Vec<Seq>,
    failed: Vec<Seq>,
    next_token: u64,
    bytes: u64,
}

/// What does not change of a message.
#[derive(Clone, Copy, Debug)]
struct Facts {
    born: Moment,
    size: u32,
    key: Option<KeyId>,
}

/// What has become of a message so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Slot {
    failures: u32,
    at: At,
}

#[derive(Debug, PartialEq, Eq)]
enum At {
    /// Ready, or in the line of its key, which says whether it is ready. `last` is the lease that
    /// ended because its consumer went away: the answer may still be on its way.
    Idle {
        last: Option<Token>,
    },
    Delayed(Moment),
    Leased(Lease),
    Leaving,
}

impl Default for At {
    fn default() -> Self {
        Self::Idle { last: None }
    }
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
            pending: SeqMap::default(),
            acked: SeqMap::default(),
            slots: HashMap::new(),
            lines: Lines::default(),
            consumers: HashMap::new(),
            ready: SeqSet::default(),
            delayed: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            leaving: Vec::new(),
            failed: Vec::new(),
            next_token: first_token,
            bytes: 0,
        }
    }

    /// Takes another policy for what happens from now on. Returns the acknowledged messages that
    /// are not retained any more.
    pub fn set_policy(&mut self, policy: Policy) -> Vec<Seq> {
        self.policy = policy;
        if policy.retain_acked {
            return Vec::new();
        }
        let dropped = std::mem::take(&mut self.acked);
        dropped
            .into_iter_owned()
            .map(|(seq, facts)| {
                self.forget(facts);
                seq
            })
            .collect()
    }

    /// A new message, or one of an earlier run.
    pub fn insert(&mut self, arrival: &Arrival<'_>, hold: Hold) {
        let key = arrival.key.filter(|_| self.policy.ordered);
        let facts = Facts {
            born: arrival.born,
            size: arrival.size,
            key: key.map(|key| self.lines.enter(key)),
        };
        match hold {
            Hold::Acked => {
                self.acked.insert(arrival.seq, facts);
            }
            Hold::Open { failures } => {
                if failures > 0 {
                    let at = At::default();
                    self.slots.insert(arrival.seq, Slot { failures, at });
                }
                self.enter(arrival.seq, facts);
            }
        }
    }

    /// A message waits for its delivery.
    fn enter(&mut self, seq: Seq, facts: Facts) {
        self.bytes += u64::from(facts.size);
        self.pending.insert(seq, facts);
        match facts.key {
            None => {
                self.ready.insert(seq);
            }
            Some(key) => {
                if let Some(line) = self.lines.get_mut(key) {
                    line.wait(seq);
                }
                self.show(key);
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
            bytes += self
                .pending
                .get(seq)
                .map_or(0, |facts| u64::from(facts.size));
            taken.extend(self.lease(id, seq, now));
        }
        taken
    }

    /// The first message that this consumer may take now.
    fn next_for(&self, id: ConsumerId) -> Option<Seq> {
        let consumer = self.consumers.get(&id).filter(|c| c.has_room())?;
        let shared = self.ready.first();
        let own = consumer.ready.first();
        shared.into_iter().chain(own).min()
    }

    fn lease(&mut self, id: ConsumerId, seq: Seq, now: Moment) -> Option<Taken> {
        let token = Token(self.next_token);
        self.next_token += 1;
        let facts = *self.pending.get(seq)?;
        let consumer = self.consumers.get_mut(&id)?;
        let until = now + consumer.flow.lease;
        let slot = self.slots.entry(seq).or_default();
        slot.at = At::Leased(Lease {
            consumer: id,
            token,
            until,
        });
        let attempt = slot.failures + 1;
        consumer.hold(seq, facts.size.into());
        self.deadlines.insert((until, seq));
        match facts.key {
            None => {
                self.ready.remove(seq);
            }
            Some(key) => {
                let exclusive = consumer.flow.one_a_key;
                if let Some(line) = self.lines.get_mut(key) {
                    line.lease(seq, id, exclusive);
                }
                self.show(key);
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
        let (Some(facts), Some(slot)) = (self.pending.get(seq), self.slots.get_mut(&seq)) else {
            return;
        };
        let At::Leased(lease) = &slot.at else { return };
        self.deadlines.remove(&(lease.until, seq));
        if let Some(consumer) = self.consumers.get_mut(&lease.consumer) {
            consumer.let_go(seq, facts.size.into());
        }
        if let Some(line) = facts.key.and_then(|key| self.lines.get_mut(key)) {
            line.release(seq);
        }
        slot.at = At::default();
    }

    /// Takes a message out of the unacknowledged.
    fn remove(&mut self, seq: Seq) -> Option<Facts> {
        self.release(seq);
        let facts = self.pending.remove(seq)?;
        let slot = self.slots.remove(&seq).unwrap_or_default();
        self.bytes -= u64::from(facts.size);
        match (facts.key, slot.at) {
            (Some(key), _) => {
                if let Some(line) = self.lines.get_mut(key) {
                    line.forget(seq);
                }
                self.show(key);
            }
            (None, At::Delayed(until)) => {
                self.delayed.remove(&(until, seq));
            }
            (None, _) => {
                self.ready.remove(seq);
            }
        }
        Some(facts)
    }

    /// The message that had these facts is not known any more.
    fn forget(&mut self, facts: Facts) {
        if let Some(key) = facts.key {
            self.lines.leave(key);
        }
    }

    /// What has become of an unacknowledged message so far.
    fn slot(&mut self, seq: Seq) -> Option<&mut Slot> {
        let there = self.pending.contains(seq);
        there.then(|| self.slots.entry(seq).or_default())
    }

    /// The key of an unacknowledged message.
    fn key(&self, seq: Seq) -> Option<KeyId> {
        self.pending.get(seq)?.key
    }

    /// Takes a message out whoever has it: its acknowledgement will be one of nothing. True if it was here.
    pub fn discard(&mut self, seq: Seq) -> bool {
        self.finish(seq)
    }

    /// Whether any consumer might find something to take.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty() || self.consumers.values().any(|c| !c.ready.is_empty())
    }

    /// Unacknowledged messages, leased ones included.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Their bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Messages that a consumer has at the moment.
    pub fn leased(&self) -> usize {
        self.deadlines.len()
    }

    /// Acknowledged messages are kept for a seek.
    pub fn retains_acked(&self) -> bool {
        self.policy.retain_acked
    }

    /// Leases are told apart, and a late answer does not count.
    pub fn exactly_once(&self) -> bool {
        self.policy.exactly_once
    }

    /// When the oldest unacknowledged message was published.
    pub fn oldest(&self) -> Option<Moment> {
        self.pending.first().map(|(_, facts)| facts.born)
    }

    /// Every unacknowledged message and when it was published, in order.
    pub fn unacked(&self) -> impl Iterator<Item = (Seq, Moment)> + '_ {
        self.pending.iter().map(|(seq, facts)| (seq, facts.born))
    }

    /// Every message, the acknowledged last.
    pub fn seqs(&self) -> impl Iterator<Item = Seq> + '_ {
        self.pending.seqs().chain(self.acked.seqs())
    }

    /// How the subscription has this message, if it does.
    pub fn hold(&self, seq: Seq) -> Option<Hold> {
        if self.pending.contains(seq) {
            let failures = self.failures(seq);
            return Some(Hold::Open { failures });
        }
        self.acked.contains(seq).then_some(Hold::Acked)
    }

    /// Failed deliveries of a message so far.
    pub fn failures(&self, seq: Seq) -> u32 {
        self.slots.get(&seq).map_or(0, |slot| slot.failures)
    }
}
