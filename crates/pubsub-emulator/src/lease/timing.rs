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
        match self.key(seq) {
            None => {
                if let Some(slot) = self.slot(seq) {
                    slot.at = At::default();
                    self.ready.insert(seq);
                }
            }
            Some(key) => {
                if let Some(line) = self.lines.get_mut(key) {
                    line.delay(None);
                }
                self.show(key);
            }
        }
    }

    fn drop_old(&mut self, now: Moment) -> Vec<Seq> {
        let mut dropped = Vec::new();
        while let Some((seq, end)) = self.first_end()
            && end <= now
        {
            if let Some(facts) = self.remove(seq).or_else(|| self.acked.remove(seq)) {
                self.forget(facts);
            }
            dropped.push(seq);
        }
        dropped
    }

    /// The message whose retention ends first, and when.
    fn first_end(&self) -> Option<(Seq, Moment)> {
        let leaving = |seq| matches!(self.slots.get(&seq), Some(slot) if slot.at == At::Leaving);
        let open = self.pending.first().filter(|(seq, _)| !leaving(*seq));
        let first = open.into_iter().chain(self.acked.first());
        let ends = first.map(|(seq, facts)| (seq, facts.born + self.policy.retention));
        ends.min_by_key(|(_, end)| *end)
    }

    /// When [`Leases::tick`] next has something to do.
    pub fn next_due(&self) -> Option<Moment> {
        let first =
            |set: &std::collections::BTreeSet<(Moment, Seq)>| set.first().map(|(at, _)| *at);
        let old = self.first_end().map(|(_, end)| end);
        [first(&self.deadlines), first(&self.delayed), old]
            .into_iter()
            .flatten()
            .min()
    }
}

fn due(set: &std::collections::BTreeSet<(Moment, Seq)>, now: Moment) -> Option<(Moment, Seq)> {
    set.first().copied().filter(|(at, _)| *at <= now)
}
