//! The frame around each entry of the log, and the entries.
//!
//! A frame is, little-endian: magic `u32`, length of the payload `u32`, CRC-32 of length and
//! payload `u32`, payload (an [`Entry`] as protobuf).

use bytes::Bytes;
use prost::Message;

use super::catalog::HolderId;
use crate::encoded::Encoded;
use crate::seqs::{Seq, SeqSet};

const MAGIC: u32 = 0x8d53_5046;
/// Bytes before the payload.
pub(super) const HEAD: usize = 12;
/// No payload is longer: a message is at most 10 MB.
const LONGEST: usize = 16 << 20;

/// Numbers of runs in one entry: at most ten bytes each, so that it stays well below `LONGEST`.
const MOST_RUNS: usize = 1 << 19;

/// An entry of the log.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Entry {
    #[prost(oneof = "EntryKind", tags = "1, 2, 3, 4")]
    pub kind: Option<EntryKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum EntryKind {
    #[prost(message, tag = "1")]
    Message(MessageEntry),
    #[prost(message, tag = "2")]
    Done(DoneEntry),
    #[prost(message, tag = "3")]
    Failed(FailedEntry),
    #[prost(message, tag = "4")]
    Set(SetEntry),
}

/// A message, or the same message moved: the latest entry of a `seq` counts.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MessageEntry {
    #[prost(uint64, tag = "1")]
    pub seq: u64,
    /// The subscriptions that have yet to acknowledge it, and other holders.
    #[prost(uint64, repeated, tag = "2")]
    pub targets: Vec<u64>,
    /// A `PubsubMessage`.
    #[prost(bytes = "bytes", tag = "3")]
    pub message: Bytes,
    /// The subscriptions that have acknowledged and retain it.
    #[prost(uint64, repeated, tag = "4")]
    pub acked: Vec<u64>,
}

/// Messages that a holder is done with.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DoneEntry {
    #[prost(uint64, tag = "1")]
    pub holder: u64,
    /// As earlier versions wrote them.
    #[prost(uint64, repeated, tag = "2")]
    pub seqs: Vec<u64>,
    /// They are acknowledged, and retained.
    #[prost(bool, tag = "3")]
    pub kept: bool,
    /// [`SeqSet::to_runs`].
    #[prost(uint64, repeated, tag = "4")]
    pub runs: Vec<u64>,
}

/// What a seek has made of a subscription's messages, or what a new snapshot has.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SetEntry {
    #[prost(uint64, tag = "1")]
    pub holder: u64,
    /// [`SeqSet::to_runs`] of those that are acknowledged now.
    #[prost(uint64, repeated, tag = "2")]
    pub done: Vec<u64>,
    /// `done` are retained.
    #[prost(bool, tag = "3")]
    pub kept: bool,
    /// [`SeqSet::to_runs`] of those that are unacknowledged now, held before or not.
    #[prost(uint64, repeated, tag = "4")]
    pub open: Vec<u64>,
}

/// How often a message's delivery has failed, for dead-lettering across restarts.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FailedEntry {
    #[prost(uint64, tag = "1")]
    pub holder: u64,
    #[prost(uint64, tag = "2")]
    pub seq: u64,
    #[prost(uint32, tag = "3")]
    pub failures: u32,
}

impl Entry {
    /// A message with those that have yet to acknowledge it and those that retain it acknowledged.
    pub fn message(seq: Seq, targets: &[HolderId], acked: &[HolderId], message: Encoded) -> Self {
        Self::of(EntryKind::Message(MessageEntry {
            seq: seq.0,
            targets: targets.iter().map(|id| id.0).collect(),
            message: message.into_bytes(),
            acked: acked.iter().map(|id| id.0).collect(),
        }))
    }

    /// The message of a message entry.
    pub fn into_message(self) -> Option<Encoded> {
        match self.kind? {
            EntryKind::Message(entry) => Some(Encoded::from_log(entry.message)),
            EntryKind::Done(_) | EntryKind::Failed(_) | EntryKind::Set(_) => None,
        }
    }

    pub fn failed(holder: HolderId, seq: Seq, failures: u32) -> Self {
        Self::of(EntryKind::Failed(FailedEntry {
            holder: holder.0,
            seq: seq.0,
            failures,
        }))
    }

    fn of(kind: EntryKind) -> Self {
        Self { kind: Some(kind) }
    }
}

/// Entries ready to be written: bytes and where in them each payload is.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    pub(super) bytes: Vec<u8>,
    pub(super) payloads: Vec<(usize, u32)>,
}

impl Frames {
    /// Appends an entry.
    pub fn push(&mut self, entry: &Entry) {
        let length = u32::try_from(entry.encoded_len()).unwrap_or(u32::MAX);
        let start = self.bytes.len();
        self.bytes.reserve(HEAD + length as usize);
        self.bytes.extend_from_slice(&MAGIC.to_le_bytes());
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        // A vector takes as much as there is.
        let _ = entry.encode(&mut self.bytes);
        let payload = start + HEAD;
        let crc = checksum(length, &self.bytes[payload..]);
        self.bytes[start + 8..payload].copy_from_slice(&crc.to_le_bytes());
        self.payloads.push((payload, length));
    }

    /// Appends that a holder is done with messages, and retains them or not.
    pub fn push_done(&mut self, holder: HolderId, seqs: &SeqSet, kept: bool) {
        for runs in seqs.to_runs(MOST_RUNS) {
            self.push(&Entry::of(EntryKind::Done(DoneEntry {
                holder: holder.0,
                seqs: Vec::new(),
                kept,
                runs,
            })));
        }
    }

    /// Appends what a seek has changed: those done, retained or not, and those opened. One entry,
    /// so that it is found as a whole or not at all, unless there are millions of gaps.
    pub fn push_set(&mut self, holder: HolderId, done: &SeqSet, kept: bool, open: &SeqSet) {
        let mut done = done.to_runs(MOST_RUNS).into_iter();
        let mut open = open.to_runs(MOST_RUNS).into_iter();
        loop {
            let (done, open) = (done.next(), open.next());
            if done.is_none() && open.is_none() {
                return;
            }
            self.push(&Entry::of(EntryKind::Set(SetEntry {
                holder: holder.0,
                done: done.unwrap_or_default(),
                kept,
                open: open.unwrap_or_default(),
            })));
        }
    }

    #[cfg(test)]
    pub fn one(entry: &Entry) -> Self {
        let mut frames = Self::default();
        frames.push(entry);
        frames
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// The payload of the frame at the start of `bytes`, if there is a whole and undamaged one.
pub(super) fn frame(bytes: &[u8]) -> Option<&[u8]> {
    let word = |at: usize| -> Option<u32> {
        let four = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(four.try_into().ok()?))
    };
    let length = word(4)?;
    if word(0)? != MAGIC || length as usize > LONGEST {
        return None;
    }
    let payload = bytes.get(HEAD..HEAD + length as usize)?;
    (word(8)? == checksum(length, payload)).then_some(payload)
}

/// Where the next whole frame begins at or after `from`.
pub(super) fn next_frame(bytes: &[u8], from: usize) -> Option<usize> {
    let magic = MAGIC.to_le_bytes();
    let mut at = from;
    while let Some(found) = bytes
        .get(at..)
        .and_then(|rest| rest.windows(4).position(|window| window == magic))
    {
        at += found;
        if frame(&bytes[at..]).is_some() {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn checksum(length: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}
