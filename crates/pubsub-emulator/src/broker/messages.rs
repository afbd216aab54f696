//! The messages themselves, shared by the subscriptions that have yet to acknowledge them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use prost::Message;

use crate::lease::Seq;
use crate::proto::PubsubMessage;
use crate::store::catalog::SubscriptionId;
use crate::store::{Entry, Place};

/// A message, or where to read it.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Resident(Arc<PubsubMessage>),
    OnDisk(Place),
}

impl Body {
    /// The message. Blocks for the disk if it is not in memory.
    pub fn read(&self) -> io::Result<Arc<PubsubMessage>> {
        match self {
            Body::Resident(message) => Ok(Arc::clone(message)),
            Body::OnDisk(place) => read(place).map(Arc::new),
        }
    }
}

fn read(place: &Place) -> io::Result<PubsubMessage> {
    let bytes = place.segment.read(place.offset, place.length)?;
    Entry::decode(bytes.as_slice())
        .ok()
        .and_then(Entry::into_message)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no message at its place"))
}

/// A message with those that wait for it.
#[derive(Debug)]
pub(super) struct Stored {
    pub body: Body,
    pub size: u64,
    pub targets: Vec<SubscriptionId>,
    pub place: Option<Place>,
}

#[derive(Debug, Default)]
pub(super) struct Messages {
    stored: HashMap<Seq, Stored>,
    /// By segment, the messages that keep it on disk.
    segments: BTreeMap<u64, BTreeSet<Seq>>,
    /// The latest segment that is known to be written to.
    newest: u64,
    removed_before: u64,
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

    pub fn insert(
        &mut self,
        seq: Seq,
        message: Arc<PubsubMessage>,
        size: u64,
        targets: Vec<SubscriptionId>,
        place: Option<Place>,
    ) {
        let body = match &place {
            Some(place) if self.resident + size > self.keep => Body::OnDisk(place.clone()),
            _ => Body::Resident(message),
        };
        self.insert_body(seq, body, size, targets, place);
    }

    pub fn insert_body(
        &mut self,
        seq: Seq,
        body: Body,
        size: u64,
        targets: Vec<SubscriptionId>,
        place: Option<Place>,
    ) {
        if matches!(body, Body::Resident(_)) {
            self.resident += size;
        }
        self.bytes += size;
        if let Some(place) = &place {
            self.lives_in(seq, place);
        }
        let stored = Stored {
            body,
            size,
            targets,
            place,
        };
        self.stored.insert(seq, stored);
    }

    fn lives_in(&mut self, seq: Seq, place: &Place) {
        self.written_to(place.segment.number);
        let live = self.segments.entry(place.segment.number).or_default();
        live.insert(seq);
    }

    pub fn written_to(&mut self, segment: u64) {
        self.newest = self.newest.max(segment);
    }

    /// A subscription is done with a message; the last one lets it go.
    pub fn release(&mut self, seq: Seq, subscription: SubscriptionId) {
        let Some(stored) = self.stored.get_mut(&seq) else {
            return;
        };
        stored.targets.retain(|target| *target != subscription);
        if !stored.targets.is_empty() {
            return;
        }
        if let Some(stored) = self.stored.remove(&seq) {
            self.bytes -= stored.size;
            if matches!(stored.body, Body::Resident(_)) {
                self.resident -= stored.size;
            }
            self.leaves(seq, stored.place.as_ref());
        }
    }

    fn leaves(&mut self, seq: Seq, place: Option<&Place>) {
        let Some(number) = place.map(|place| place.segment.number) else {
            return;
        };
        if let Some(live) = self.segments.get_mut(&number) {
            live.remove(&seq);
            if live.is_empty() {
                self.segments.remove(&number);
            }
        }
    }

    /// The message was written again at another place.
    pub fn moved(&mut self, seq: Seq, place: Place) {
        let Some(stored) = self.stored.get_mut(&seq) else {
            return self.written_to(place.segment.number);
        };
        let old = stored.place.replace(place.clone());
        if let Body::OnDisk(on_disk) = &mut stored.body {
            *on_disk = place.clone();
        }
        self.leaves(seq, old.as_ref());
        self.lives_in(seq, &place);
    }

    pub fn get(&self, seq: Seq) -> Option<&Stored> {
        self.stored.get(&seq)
    }

    /// Bytes of all unacknowledged messages, each counted once.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The number before which no segment is needed, if that has moved since the last call.
    pub fn front(&mut self) -> Option<u64> {
        let first = self.segments.keys().next().copied();
        let front = first.unwrap_or(self.newest).min(self.newest);
        let moved = front > self.removed_before;
        self.removed_before = self.removed_before.max(front);
        moved.then_some(front)
    }

    /// Messages in the oldest segment, unless that is the one being written.
    pub fn oldest(&self, most: usize) -> Vec<Seq> {
        match self.segments.first_key_value() {
            Some((number, live)) if *number < self.newest => {
                live.iter().take(most).copied().collect()
            }
            _ => Vec::new(),
        }
    }
}
