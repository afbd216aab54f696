//! A map from message numbers.

use std::collections::BTreeMap;

use super::{Seq, bits};

/// A map, in order.
#[derive(Clone, Debug)]
pub(crate) struct SeqMap<T> {
    /// No group is empty.
    groups: BTreeMap<u64, Group<T>>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Group<T> {
    word: u64,
    /// Of the bits that are set, in their order.
    values: Vec<T>,
}

impl<T> Group<T> {
    /// Where the value of a bit is, or would be.
    fn index(&self, bit: u64) -> usize {
        (self.word & (bit - 1)).count_ones() as usize
    }

    fn has(&self, bit: u64) -> bool {
        self.word & bit != 0
    }

    /// Gives memory back once most of the group is gone.
    fn shrink(&mut self) {
        if self.values.len() * 4 <= self.values.capacity() {
            self.values.shrink_to(self.values.len() * 2);
        }
    }
}

impl<T> Default for SeqMap<T> {
    fn default() -> Self {
        Self {
            groups: BTreeMap::new(),
            len: 0,
        }
    }
}

impl<T> SeqMap<T> {
    /// Returns what was there before.
    pub fn insert(&mut self, seq: Seq, value: T) -> Option<T> {
        let (group, bit) = seq.split();
        let group = self.groups.entry(group).or_insert_with(|| Group {
            word: 0,
            values: Vec::new(),
        });
        let index = group.index(bit);
        if group.has(bit) {
            return Some(std::mem::replace(&mut group.values[index], value));
        }
        group.word |= bit;
        group.values.insert(index, value);
        self.len += 1;
        None
    }

    pub fn remove(&mut self, seq: Seq) -> Option<T> {
        let (number, bit) = seq.split();
        let group = self.groups.get_mut(&number).filter(|g| g.has(bit))?;
        let value = group.values.remove(group.index(bit));
        group.word &= !bit;
        group.shrink();
        if group.word == 0 {
            self.groups.remove(&number);
        }
        self.len -= 1;
        Some(value)
    }

    pub fn get(&self, seq: Seq) -> Option<&T> {
        let (group, bit) = seq.split();
        let group = self.groups.get(&group).filter(|g| g.has(bit))?;
        group.values.get(group.index(bit))
    }

    pub fn get_mut(&mut self, seq: Seq) -> Option<&mut T> {
        let (group, bit) = seq.split();
        let group = self.groups.get_mut(&group).filter(|g| g.has(bit))?;
        let index = group.index(bit);
        group.values.get_mut(index)
    }

    pub fn contains(&self, seq: Seq) -> bool {
        self.get(seq).is_some()
    }

    pub fn first(&self) -> Option<(Seq, &T)> {
        self.iter().next()
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn iter(&self) -> impl Iterator<Item = (Seq, &T)> + '_ {
        self.groups
            .iter()
            .flat_map(|(&number, group)| bits(number, group.word).zip(&group.values))
    }

    pub fn seqs(&self) -> impl Iterator<Item = Seq> + '_ {
        self.iter().map(|(seq, _)| seq)
    }

    /// All of it, in order; the memory goes as it is read.
    pub fn into_iter_owned(self) -> impl Iterator<Item = (Seq, T)> {
        self.groups
            .into_iter()
            .flat_map(|(number, group)| bits(number, group.word).zip(group.values))
    }
}
