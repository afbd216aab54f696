//! Who takes messages: a stream, a push endpoint, or all unary pulls together.

use std::time::Duration;

use super::{At, Leases, Seq, SeqSet};

/// A consumer of one subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConsumerId(pub u64);

/// How much a consumer holds at once, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub max_messages: usize,
    pub max_bytes: u64,
    /// Length of a lease.
    pub lease: Duration,
    /// At most one message of an ordering key at a time: a push endpoint answers in any order.
    pub one_a_key: bool,
}

#[derive(Debug)]
pub(super) struct Consumer {
    pub flow: Flow,
    pub leased: SeqSet,
    pub bytes: u64,
    /// Heads of keys whose earlier messages this consumer has: ready for it alone.
    pub ready: SeqSet,
}

impl Consumer {
    /// One message always fits, however large.
    pub fn has_room(&self) -> bool {
        self.leased.len() < self.flow.max_messages && self.bytes < self.flow.max_bytes
    }

    pub fn hold(&mut self, seq: Seq, size: u64) {
        if self.leased.insert(seq) {
            self.bytes += size;
        }
    }

    pub fn let_go(&mut self, seq: Seq, size: u64) {
        if self.leased.remove(seq) {
            self.bytes -= size;
        }
    }
}

impl Leases {
    /// Whether a consumer has as much as it may.
    pub fn is_full(&self, id: ConsumerId) -> bool {
        self.consumers.get(&id).is_some_and(|c| !c.has_room())
    }

    /// A consumer arrives.
    pub fn open(&mut self, id: ConsumerId, flow: Flow) {
        let consumer = Consumer {
            flow,
            leased: SeqSet::default(),
            bytes: 0,
            ready: SeqSet::default(),
        };
        self.consumers.insert(id, consumer);
    }

    /// A consumer's further leases are of this length.
    pub fn set_lease(&mut self, id: ConsumerId, lease: Duration) {
        if let Some(consumer) = self.consumers.get_mut(&id) {
            consumer.flow.lease = lease;
        }
    }

    /// A consumer is gone: what it had is ready again at once. A lost connection says nothing
    /// about the message, so it does not count as a failed delivery.
    ///
    /// With exactly-once delivery its leases go on: nobody else gets a message before their end,
    /// and its acknowledgement is on another connection than the stream.
    pub fn close(&mut self, id: ConsumerId) {
        if !self.policy.exactly_once {
            let held: Vec<Seq> = match self.consumers.get(&id) {
                Some(consumer) => consumer.leased.iter().collect(),
                None => return,
            };
            for seq in held {
                self.put_back(seq);
            }
        }
        self.consumers.remove(&id);
    }

    /// Ends a lease without counting it; the message is ready again.
    fn put_back(&mut self, seq: Seq) {
        let last = self.slots.get(&seq).and_then(|slot| match &slot.at {
            At::Leased(lease) => Some(lease.token),
            _ => None,
        });
        self.release(seq);
        let key = self.key(seq);
        let Some(slot) = self.slot(seq) else {
            return;
        };
        slot.at = At::Idle { last };
        match key {
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
}
