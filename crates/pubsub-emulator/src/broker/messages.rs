//! The messages themselves, shared by those that hold them: subscriptions, topics, snapshots.
//!
//! About forty bytes for a message on disk, since a backlog may be much larger than memory.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use crate::encoded::Encoded;
use crate::seqs::{Seq, SeqMap, SeqSet};
use crate::store::{Entry, MESSAGE_OVERHEAD, Place, RecoveredMessage, SegmentFile};

/// A message, or where to read it.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Resident(Encoded),
    OnDisk(Place),
}

impl Body {
    /// The message. Blocks for the disk if it is not in memory.
    pub fn read(&self) -> io::Result<Encoded> {
        match self {
            Body::Resident(message) => Ok(message.clone()),
            Body::OnDisk(place) => read(place),
        }
    }
}

fn read(place: &Place) -> io::Result<Encoded> {
    let bytes = place.segment.read(place.offset, place.length)?;
    Entry::decode(Bytes::from(bytes))
        .ok()
        .and_then(Entry::into_message)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no message at its place"))
}

/// A message with the number of those that hold it.
#[derive(Debug)]
struct Stored {
    /// In a box, since most of a large backlog has none.
    body: Option<Box<Encoded>>,
    size: u32,
    holders: u32,
    spot: Option<Spot>,
}

/// A [`Place`], its segment by number.
#[derive(Clone, Copy, Debug)]
struct Spot {
    segment: u32,
    offset: u32,
    length: NonZeroU32,
}

impl Spot {
    fn new(place: &Place) -> Option<Self> {
        Some(Self {
            segment: place.segment.number,
            offset: place.offset,
            length: NonZeroU32::new(place.length)?,
        })
    }
}

/// A segment and the messages that keep it on disk.
#[derive(Debug)]
struct Segment {
    file: Arc<SegmentFile>,
    live: SeqSet,
}

#[derive(Debug, Default)]
pub(super) struct Messages {
    stored: SeqMap<Stored>,
    segments: BTreeMap<u32, Segment>,
    /// The latest segment that is known to be written to.
    newest: u32,
    removed_before: u32,
    bytes: u64,
    resident: u64,
    keep: u64,
}

impl Messages {
    /// Keeps up to `keep` bytes of messages in memory, where there is a disk for the others.
    pub fn new(keep: u64) -> Self {
        Self {
            keep,
            ..Self::default()
        }
    }

    /// A message that so many hold.
    pub fn insert(
        &mut self,
        seq: Seq,
        message: Encoded,
        size: u32,
        holders: u32,
        place: Option<&Place>,
    ) {
        let fits = self.resident + memory(size) <= self.keep;
        let body = (fits || place.is_none()).then_some(message);
        self.put(seq, body, size, holders, place);
    }

    /// A message of an earlier run.
    pub fn recover(&mut self, seq: Seq, recovered: RecoveredMessage) {
        let RecoveredMessage {
            size,
            holders,
            body,
            place,
            ..
        } = recovered;
        self.put(seq, body, size, holders, Some(&place));
    }

    fn put(
        &mut self,
        seq: Seq,
        body: Option<Encoded>,
        size: u32,
        holders: u32,
        place: Option<&Place>,
    ) {
        let body = body.map(Box::new);
        if body.is_some() {
            self.resident += memory(size);
        }
        self.bytes += u64::from(size);
        if let Some(place) = place {
            self.lives_in(seq, place);
        }
        let stored = Stored {
            body,
            size,
            holders,
            spot: place.and_then(Spot::new),
        };
        self.stored.insert(seq, stored);
    }

    fn lives_in(&mut self, seq: Seq, place: &Place) {
        self.written_to(place.segment.number);
        let segment = self.segments.entry(place.segment.number);
        let segment = segment.or_insert_with(|| Segment {
            file: Arc::clone(&place.segment),
            live: SeqSet::default(),
        });
        segment.live.insert(seq);
    }

    pub fn written_to(&mut self, segment: u32) {
        self.newest = self.newest.max(segment);
    }

    pub fn contains(&self, seq: Seq) -> bool {
        self.stored.contains(seq)
    }

    /// One more holds a message.
    pub fn hold(&mut self, seq: Seq) {
        if let Some(stored) = self.stored.get_mut(seq) {
            stored.holders += 1;
        }
    }

    /// One that held a message is done with it; the last one lets it go.
    pub fn release(&mut self, seq: Seq) {
        let Some(stored) = self.stored.get_mut(seq) else {
            return;
        };
        stored.holders = stored.holders.saturating_sub(1);
        if stored.holders > 0 {
            return;
        }
        if let Some(stored) = self.stored.remove(seq) {
            self.bytes -= u64::from(stored.size);
            if stored.body.is_some() {
                self.resident -= memory(stored.size);
            }
            self.leaves(seq, stored.spot);
        }
    }

    fn leaves(&mut self, seq: Seq, spot: Option<Spot>) {
        let Some(number) = spot.map(|spot| spot.segment) else {
            return;
        };
        if let Some(segment) = self.segments.get_mut(&number) {
            segment.live.remove(seq);
            if segment.live.is_empty() {
                self.segments.remove(&number);
            }
        }
    }

    /// The message was written again at another place.
    pub fn moved(&mut self, seq: Seq, place: &Place) {
        let Some(stored) = self.stored.get_mut(seq) else {
            return self.written_to(place.segment.number);
        };
        let old = std::mem::replace(&mut stored.spot, Spot::new(place));
        self.leaves(seq, old);
        self.lives_in(seq, place);
    }

    /// The message, or where it is.
    pub fn body(&self, seq: Seq) -> Option<Body> {
        let stored = self.stored.get(seq)?;
        if let Some(message) = &stored.body {
            return Some(Body::Resident(Encoded::clone(message)));
        }
        let spot = stored.spot?;
        Some(Body::OnDisk(Place {
            segment: Arc::clone(&self.segments.get(&spot.segment)?.file),
            offset: spot.offset,
            length: spot.length.get(),
        }))
    }

    /// Bytes of a message.
    pub fn size(&self, seq: Seq) -> Option<u32> {
        self.stored.get(seq).map(|stored| stored.size)
    }

    /// Bytes of all messages, each counted once.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The number before which no segment is needed, if that has moved since the last call.
    pub fn front(&mut self) -> Option<u32> {
        let first = self.segments.keys().next().copied();
        let front = first.unwrap_or(self.newest).min(self.newest);
        let moved = front > self.removed_before;
        self.removed_before = self.removed_before.max(front);
        moved.then_some(front)
    }

    /// Messages in the oldest segment, unless that is the one being written.
    pub fn oldest(&self, most: usize) -> Vec<Seq> {
        match self.segments.first_key_value() {
            Some((number, segment)) if *number < self.newest => {
                segment.live.iter().take(most).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// What a message takes while it is in memory.
fn memory(size: u32) -> u64 {
    u64::from(size) + MESSAGE_OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_backlog_is_small() {
        assert_eq!(size_of::<Stored>(), 32);
    }
}
