//! Documents that are out of date, in the order in which they became so: none waits for ever behind those that change always.

use std::collections::{BTreeMap, HashMap};

use farm_core::ViewKey;

/// Each once.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    order: BTreeMap<u64, ViewKey>,
    turns: HashMap<ViewKey, u64>,
    last: u64,
}

impl Dirty {
    /// These are out of date; one that is already keeps its turn.
    pub(crate) fn extend(&mut self, keys: impl IntoIterator<Item = ViewKey>) {
        for key in keys {
            if !self.turns.contains_key(&key) {
                self.last += 1;
                self.order.insert(self.last, key.clone());
                self.turns.insert(key, self.last);
            }
        }
    }

    /// Takes the first `most` of those that `may` be taken.
    pub(crate) fn take(&mut self, most: usize, may: impl Fn(&ViewKey) -> bool) -> Vec<ViewKey> {
        let taken: Vec<ViewKey> = self
            .iter()
            .filter(|key| may(key))
            .take(most)
            .cloned()
            .collect();
        for key in &taken {
            if let Some(turn) = self.turns.remove(key) {
                self.order.remove(&turn);
            }
        }
        taken
    }

    /// In their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ViewKey> {
        self.order.values()
    }

    pub(crate) fn contains(&self, key: &ViewKey) -> bool {
        self.turns.contains_key(key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_always_keeps_nobody_waiting() {
        let mut dirty = Dirty::default();
        dirty.extend([ViewKey::Feed, ViewKey::Status, ViewKey::Farm]);
        assert_eq!(dirty.take(1, |_| true), [ViewKey::Feed]);
        dirty.extend([ViewKey::Feed, ViewKey::Status]);
        assert_eq!(dirty.len(), 3);
        assert_eq!(
            dirty.take(1, |key| *key != ViewKey::Status),
            [ViewKey::Farm]
        );
        assert_eq!(dirty.take(9, |_| true), [ViewKey::Status, ViewKey::Feed]);
        assert!(dirty.is_empty() && !dirty.contains(&ViewKey::Feed));
    }
}
