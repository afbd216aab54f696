//! Sets and maps of message numbers, small where the numbers are dense, as those of a backlog are.
//!
//! Numbers are grouped by 64: a group is one word of bits, and in a map the values of the bits that
//! are set, packed. A backlog without gaps costs less than one byte a message beside the values.

mod map;
mod set;
#[cfg(test)]
mod tests;

pub(crate) use map::SeqMap;
pub(crate) use set::SeqSet;

/// A message's place in the order of publishing; its id on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Seq(pub u64);

const BITS: u64 = 64;

impl Seq {
    /// The number's group, and its bit in it.
    fn split(self) -> (u64, u64) {
        (self.0 / BITS, 1 << (self.0 % BITS))
    }

    fn join(group: u64, bit: u32) -> Self {
        Self(group * BITS + u64::from(bit))
    }
}

/// The bits that are set in a word, as numbers in order.
fn bits(group: u64, word: u64) -> impl Iterator<Item = Seq> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let bit = rest.trailing_zeros();
        // Clears the lowest bit; of nothing there is none.
        rest &= rest.checked_sub(1)?;
        Some(Seq::join(group, bit))
    })
}
