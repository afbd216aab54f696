//! What the passing of time does.

use super::{At, Leases, Seq};
use crate::clock::Moment;

impl Leases {
    /// Ends expired leases, offers what has waited long enough, and takes out what is older than
    /// the retention, which is returned.
    pub fn tick(&mut self, now: Moment) -> Vec<Seq> {
        while let Some((_, seq)) = due(&self.deadlines, now) {
            self.fail(seq, now);
        }
        while let Some((until, seq)) = due(&self.delayed, now) {
            self.end_delay(until, seq);
        }
        self.drop_old(now)
    }

    fn end_delay(&mut self, until: Moment, seq: Seq) {
        self.delayed.remove(&(until, seq));
        let Some(slot) = self.slots.get_mut(&seq) else {
            return;
        };
        match slot.key.clone() {
            None => {
                slot.at = At::Ready { last: None };
                self.ready.insert(seq);
            }
            Some(key) => {
                if let Some(line) = self.keys.get_mut(&key) {
                    line.delay(None);
                }
                self.show(&key);
            }
        }
    }

    fn drop_old(&mut self, now: Moment) -> Vec<Seq> {
        let mut dropped = Vec::new();
        while let Some((&seq, slot)) = self.slots.first_key_value() {
            if slot.born + self.policy.retention > now || slot.at == At::Leaving {
                break;
            }
            self.remove(seq);
            dropped.push(seq);
        }
        dropped
    }

    /// When [`Leases::tick`] next has something to do.
    pub fn next_due(&self) -> Option<Moment> {
        let first =
            |set: &std::collections::BTreeSet<(Moment, Seq)>| set.first().map(|(at, _)| *at);
        let old = self
            .slots
            .first_key_value()
            .filter(|(_, slot)| slot.at != At::Leaving)
            .map(|(_, slot)| slot.born + self.policy.retention);
        [first(&self.deadlines), first(&self.delayed), old]
            .into_iter()
            .flatten()
            .min()
    }
}

fn due(set: &std::collections::BTreeSet<(Moment, Seq)>, now: Moment) -> Option<(Moment, Seq)> {
    set.first().copied().filter(|(at, _)| *at <= now)
}
