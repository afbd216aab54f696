//! Writes what one key stands for, a portion at a time: the documents of a sheet's commits and of their builds. The key
//! stays out of date until all of them are there, so that a next leader begins with it again.

use std::collections::{HashSet, VecDeque};

use farm_core::ViewKey;

/// Documents that are marked at once: what changes meanwhile does not wait behind more.
const PORTION: usize = 64;

/// One key at a time.
#[derive(Default)]
pub(super) struct Below {
    key: Option<ViewKey>,
    rest: VecDeque<ViewKey>,
    under_way: HashSet<ViewKey>,
}

impl Below {
    /// Whether the next may begin.
    pub(super) fn is_free(&self) -> bool {
        self.key.is_none()
    }

    /// `key` stands for `documents`.
    pub(super) fn begin(&mut self, key: ViewKey, documents: Vec<ViewKey>) {
        self.key = Some(key);
        self.rest = documents.into();
    }

    /// These are in the bucket.
    pub(super) fn written(&mut self, keys: &[ViewKey]) {
        for key in keys {
            self.under_way.remove(key);
        }
    }

    /// What to mark now; none while the last portion is under way.
    pub(super) fn portion(&mut self) -> Vec<ViewKey> {
        if !self.under_way.is_empty() {
            return Vec::new();
        }
        let portion: Vec<ViewKey> = self.rest.drain(..PORTION.min(self.rest.len())).collect();
        self.under_way.extend(portion.iter().cloned());
        portion
    }

    /// The key of which everything is there.
    pub(super) fn done(&mut self) -> Option<ViewKey> {
        let is_over = self.rest.is_empty() && self.under_way.is_empty();
        self.key.take_if(|_| is_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(number: u32) -> ViewKey {
        ViewKey::Build {
            id: format!("{number:032x}").parse().unwrap(),
        }
    }

    #[test]
    fn a_key_is_done_with_the_last_of_what_it_stands_for() {
        let mut below = Below::default();
        below.begin(ViewKey::Farm, (0..100).map(build).collect());
        let first = below.portion();
        assert_eq!((first.len(), below.portion().len()), (PORTION, 0));
        below.written(&first);
        let second = below.portion();
        assert_eq!((second.len(), below.done()), (36, None));
        below.written(&second);
        assert!(!below.is_free());
        assert_eq!((below.done(), below.is_free()), (Some(ViewKey::Farm), true));
    }

    #[test]
    fn what_stands_for_nothing_is_done_at_once() {
        let mut below = Below::default();
        below.begin(ViewKey::Farm, Vec::new());
        assert_eq!(
            (below.portion().len(), below.done()),
            (0, Some(ViewKey::Farm))
        );
    }
}
