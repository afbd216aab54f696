//! What becomes of a leased message: acknowledged, extended, failed, dead-lettered.

use std::time::Duration;

use super::{At, Leases, Seq, Token};
use crate::clock::Moment;

/// Wait before a message that the dead-letter topic did not take is delivered again.
const DEAD_LETTER_RETRY: Duration = Duration::from_secs(1);

/// What an acknowledgement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acked {
    /// The message is done.
    Done,
    /// The message was done before, or the acknowledgement came too late to count.
    Ignored,
}

impl Leases {
    /// Acknowledges by lease. A late acknowledgement of a message without order still counts, as
    /// with the service: the work is done. With order it does not: the message was taken back
    /// because an earlier one failed, and must come again after that one; unless only its consumer
    /// went away before its acknowledgement arrived. With exactly-once delivery nothing late counts.
    pub fn ack(&mut self, seq: Seq, token: Token, now: Moment) -> Acked {
        let Some(facts) = self.pending.get(seq) else {
            return Acked::Ignored;
        };
        let unordered = facts.key.is_none();
        let counts = match self.slots.get(&seq).map(|slot| &slot.at) {
            _ if self.policy.exactly_once => self.lives(seq, token, now),
            Some(At::Leased(lease)) => lease.token == token || unordered,
            Some(At::Leaving) => false,
            Some(At::Idle { last }) => unordered || *last == Some(token),
            Some(At::Delayed(_)) | None => unordered,
        };
        if counts && self.finish(seq) {
            Acked::Done
        } else {
            Acked::Ignored
        }
    }

    /// The message has this lease now. Strictly: a lease whose time is up is over, ticked or not.
    fn lives(&self, seq: Seq, token: Token, now: Moment) -> bool {
        let slot = self.slots.get(&seq).map(|slot| &slot.at);
        matches!(slot, Some(At::Leased(lease)) if lease.token == token && lease.until > now)
    }

    /// The message is acknowledged: out, or among the retained. False if it was not open.
    pub(super) fn finish(&mut self, seq: Seq) -> bool {
        let Some(facts) = self.remove(seq) else {
            return false;
        };
        if self.policy.retain_acked {
            self.acked.insert(seq, facts);
        } else {
            self.forget(facts);
        }
        true
    }

    /// Sets the end of a lease to `length` from now. False if that lease is over.
    pub fn extend(&mut self, seq: Seq, token: Token, length: Duration, now: Moment) -> bool {
        if self.policy.exactly_once && !self.lives(seq, token, now) {
            return false;
        }
        let Some(slot) = self.slots.get_mut(&seq) else {
            return false;
        };
        match &mut slot.at {
            At::Leased(lease) if lease.token == token => {
                self.deadlines.remove(&(lease.until, seq));
                lease.until = now + length;
                self.deadlines.insert((lease.until, seq));
                true
            }
            _ => false,
        }
    }

    /// Takes a lease back as if it had not been given: the message is ready again after `by`, and no delivery has failed.
    /// False, and nothing is changed, if that lease is over or order is kept.
    pub fn put_off(&mut self, seq: Seq, token: Token, by: Duration, now: Moment) -> bool {
        let leased = |slot: &super::Slot| match &slot.at {
            At::Leased(lease) => lease.token == token,
            _ => false,
        };
        if self.key(seq).is_some() || !self.slots.get(&seq).is_some_and(leased) {
            return false;
        }
        self.release(seq);
        self.delay(seq, Some(now + by));
        true
    }

    /// The consumer gives the message back as failed. False if that lease is over, unless only its
    /// consumer went away before the answer arrived.
    pub fn nack(&mut self, seq: Seq, token: Token, now: Moment) -> bool {
        let current = match self.slots.get(&seq).map(|slot| &slot.at) {
            _ if self.policy.exactly_once => self.lives(seq, token, now),
            Some(At::Leased(lease)) => lease.token == token,
            Some(At::Idle { last }) => *last == Some(token),
            Some(At::Delayed(_) | At::Leaving) | None => false,
        };
        if current {
            if self.key(seq).is_none() {
                self.ready.remove(seq);
            }
            self.fail(seq, now);
        }
        current
    }

    /// A delivery failed: count it, then back off or leave.
    pub(super) fn fail(&mut self, seq: Seq, now: Moment) {
        self.release(seq);
        let Some(slot) = self.slot(seq) else {
            return;
        };
        slot.failures = slot.failures.saturating_add(1);
        let failures = slot.failures;
        let limit = self.policy.max_attempts;
        if limit.is_some() {
            self.failed.push(seq);
        }
        if limit.is_some_and(|max| failures >= max) {
            self.leave(seq);
        } else {
            let until = self.policy.backoff.map(|b| now + b.after(failures));
            self.delay(seq, until);
        }
    }

    /// Puts a message that is nowhere back, ready at `until` or at once.
    fn delay(&mut self, seq: Seq, until: Option<Moment>) {
        let key = self.key(seq);
        let Some(slot) = self.slot(seq) else {
            return;
        };
        match (key, until) {
            (None, None) => {
                slot.at = At::default();
                self.ready.insert(seq);
            }
            (None, Some(until)) => {
                slot.at = At::Delayed(until);
                self.delayed.insert((until, seq));
            }
            (Some(key), until) => {
                slot.at = At::default();
                self.take_back_after(seq);
                if let Some(line) = self.lines.get_mut(key) {
                    line.stay(seq);
                    line.delay(until);
                }
                self.show(key);
            }
        }
    }

    fn leave(&mut self, seq: Seq) {
        let key = self.key(seq);
        let Some(slot) = self.slot(seq) else {
            return;
        };
        slot.at = At::Leaving;
        self.leaving.push(seq);
        if let Some(key) = key {
            self.take_back_after(seq);
            if let Some(line) = self.lines.get_mut(key) {
                line.leave(seq);
            }
            self.show(key);
        }
    }

    /// Takes back the leased messages of the same key after `seq`: they are to come after it.
    pub(super) fn take_back_after(&mut self, seq: Seq) {
        let Some(key) = self.key(seq) else {
            return;
        };
        let line = self.lines.get(key);
        let later = line.map(|line| line.leased_after(seq)).unwrap_or_default();
        for seq in later {
            self.release(seq);
            if let Some(line) = self.lines.get_mut(key) {
                line.wait(seq);
            }
        }
    }

    /// Messages that have failed too often since the last call, to be forwarded and then settled
    /// by [`Leases::left`].
    pub fn drain_leaving(&mut self) -> Vec<Seq> {
        std::mem::take(&mut self.leaving)
    }

    /// Messages with a limit of attempts whose delivery has failed since the last call.
    pub fn drain_failed(&mut self) -> Vec<Seq> {
        std::mem::take(&mut self.failed)
    }

    /// The dead-letter topic has taken the message (or not: then it is delivered again).
    /// True if the message is done.
    pub fn left(&mut self, seq: Seq, taken: bool, now: Moment) -> bool {
        let slot = self.slots.get(&seq);
        if !slot.is_some_and(|slot| slot.at == At::Leaving) {
            return false;
        }
        if taken {
            return self.finish(seq);
        }
        self.delay(seq, Some(now + DEAD_LETTER_RETRY));
        false
    }
}
