//! Setting the acknowledgement state of all messages at once.

use std::collections::HashMap;

use super::{Arrival, Hold, KeyId, Leases, Seq, SeqSet};
use crate::clock::Moment;

/// What a seek has changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sought {
    /// Acknowledged now; not before.
    pub done: SeqSet,
    /// Not acknowledged now; acknowledged before, or not known to the subscription.
    pub opened: SeqSet,
    /// Of these, those that were not known.
    pub strangers: SeqSet,
}

impl Leases {
    /// Makes the messages for which `open` holds unacknowledged and all others acknowledged.
    /// `strangers` are messages that the subscription does not have, and gets.
    ///
    /// A lease lives on if its message stays unacknowledged; of a key that goes back, the later
    /// messages come again after the earlier ones.
    pub fn seek<'a>(
        &mut self,
        open: impl Fn(Seq, Moment) -> bool,
        strangers: impl Iterator<Item = Arrival<'a>>,
    ) -> Sought {
        let mut sought = Sought::default();
        let closing = self.unacked().filter(|(seq, born)| !open(*seq, *born));
        sought.done = closing.map(|(seq, _)| seq).collect();
        let opening = self.acked.iter().filter(|(seq, f)| open(*seq, f.born));
        sought.opened = opening.map(|(seq, _)| seq).collect();
        for seq in sought.opened.iter() {
            if let Some(facts) = self.acked.remove(seq) {
                self.enter(seq, facts);
            }
        }
        for seq in sought.done.iter() {
            self.finish(seq);
        }
        for arrival in strangers {
            if self.hold(arrival.seq).is_none() && !sought.done.contains(arrival.seq) {
                self.insert(&arrival, Hold::Open { failures: 0 });
                sought.opened.insert(arrival.seq);
                sought.strangers.insert(arrival.seq);
            }
        }
        self.rewind(&sought.opened);
        sought
    }

    /// Takes back the leased messages of each key that come after the first that was opened.
    fn rewind(&mut self, opened: &SeqSet) {
        let mut firsts: HashMap<KeyId, Seq> = HashMap::new();
        for seq in opened.iter() {
            if let Some(key) = self.key(seq) {
                firsts.entry(key).or_insert(seq);
            }
        }
        for (key, first) in firsts {
            self.take_back_after(first);
            if let Some(line) = self.lines.get_mut(key) {
                line.delay(None);
            }
            self.show(key);
        }
    }
}
