//! A set of message numbers.

use std::collections::BTreeMap;

use super::{Seq, bits};

/// A set, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeqSet {
    /// By group; no word is 0.
    words: BTreeMap<u64, u64>,
    len: usize,
}

impl SeqSet {
    /// True if it was not there.
    pub fn insert(&mut self, seq: Seq) -> bool {
        let (group, bit) = seq.split();
        let word = self.words.entry(group).or_default();
        let new = *word & bit == 0;
        *word |= bit;
        self.len += usize::from(new);
        new
    }

    /// True if it was there.
    pub fn remove(&mut self, seq: Seq) -> bool {
        let (group, bit) = seq.split();
        let Some(word) = self.words.get_mut(&group) else {
            return false;
        };
        let there = *word & bit != 0;
        *word &= !bit;
        if *word == 0 {
            self.words.remove(&group);
        }
        self.len -= usize::from(there);
        there
    }

    pub fn contains(&self, seq: Seq) -> bool {
        let (group, bit) = seq.split();
        self.words.get(&group).is_some_and(|word| word & bit != 0)
    }

    pub fn first(&self) -> Option<Seq> {
        let (&group, word) = self.words.first_key_value()?;
        Some(Seq::join(group, word.trailing_zeros()))
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = Seq> + '_ {
        self.words
            .iter()
            .flat_map(|(&group, &word)| bits(group, word))
    }

    /// Those greater than `seq`.
    pub fn after(&self, seq: Seq) -> impl Iterator<Item = Seq> + '_ {
        let (group, _) = seq.split();
        self.words
            .range(group..)
            .flat_map(|(&group, &word)| bits(group, word))
            .filter(move |&other| other > seq)
    }

    /// For the disk: how many are left out, how many follow each other, again and again. In parts
    /// of at most `most` numbers, each of which reads back alone.
    pub fn to_runs(&self, most: usize) -> Vec<Vec<u64>> {
        let mut parts = Vec::new();
        let (mut runs, mut end) = (Vec::new(), 0);
        for Seq(seq) in self.iter() {
            match runs.last_mut() {
                Some(length) if seq == end => *length += 1,
                _ => {
                    if runs.len() + 2 > most && !runs.is_empty() {
                        parts.push(std::mem::take(&mut runs));
                        end = 0;
                    }
                    runs.extend([seq - end, 1]);
                }
            }
            end = seq + 1;
        }
        parts.extend((!runs.is_empty()).then_some(runs));
        parts
    }

    /// The numbers that [`SeqSet::to_runs`] has written; what cannot be one ends it.
    pub fn from_runs(runs: &[u64]) -> impl Iterator<Item = Seq> + '_ {
        let mut end = 0_u64;
        runs.chunks_exact(2).flat_map(move |run| {
            let (left_out, length) = (run[0], run[1]);
            let start = end.saturating_add(left_out);
            end = start.saturating_add(length);
            (start..end).map(Seq)
        })
    }
}

impl FromIterator<Seq> for SeqSet {
    fn from_iter<I: IntoIterator<Item = Seq>>(seqs: I) -> Self {
        let mut set = Self::default();
        seqs.into_iter().for_each(|seq| {
            set.insert(seq);
        });
        set
    }
}
