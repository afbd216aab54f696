//! The frame around each entry of the log, and the entries.
//!
//! A frame is, little-endian: magic `u32`, length of the payload `u32`, CRC-32 of length and
//! payload `u32`, payload (an [`Entry`] as protobuf).

use prost::Message;

use crate::proto::PubsubMessage;

const MAGIC: u32 = 0x8d53_5046;
/// Bytes before the payload.
pub(super) const HEAD: usize = 12;
/// No payload is longer: a message is at most 10 MB.
const LONGEST: usize = 16 << 20;

/// An entry of the log.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Entry {
    #[prost(oneof = "EntryKind", tags = "1, 2, 3")]
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
}

/// A message, or the same message moved: the latest entry of a `seq` counts.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MessageEntry {
    #[prost(uint64, tag = "1")]
    pub seq: u64,
    /// The subscriptions that have yet to acknowledge it.
    #[prost(uint64, repeated, tag = "2")]
    pub targets: Vec<u64>,
    #[prost(message, optional, tag = "3")]
    pub message: Option<PubsubMessage>,
}

/// Messages that a subscription is done with.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DoneEntry {
    #[prost(uint64, tag = "1")]
    pub subscription: u64,
    #[prost(uint64, repeated, tag = "2")]
    pub seqs: Vec<u64>,
}

/// How often a message's delivery has failed, for dead-lettering across restarts.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FailedEntry {
    #[prost(uint64, tag = "1")]
    pub subscription: u64,
    #[prost(uint64, tag = "2")]
    pub seq: u64,
    #[prost(uint32, tag = "3")]
    pub failures: u32,
}

impl Entry {
    pub fn message(seq: u64, targets: Vec<u64>, message: PubsubMessage) -> Self {
        Self {
            kind: Some(EntryKind::Message(MessageEntry {
                seq,
                targets,
                message: Some(message),
            })),
        }
    }

    /// The message of a message entry.
    pub fn into_message(self) -> Option<PubsubMessage> {
        match self.kind? {
            EntryKind::Message(entry) => entry.message,
            EntryKind::Done(_) | EntryKind::Failed(_) => None,
        }
    }

    pub fn done(subscription: u64, seqs: Vec<u64>) -> Self {
        Self {
            kind: Some(EntryKind::Done(DoneEntry { subscription, seqs })),
        }
    }

    pub fn failed(subscription: u64, seq: u64, failures: u32) -> Self {
        Self {
            kind: Some(EntryKind::Failed(FailedEntry {
                subscription,
                seq,
                failures,
            })),
        }
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
        self.bytes.extend_from_slice(&entry.encode_to_vec());
        let payload = start + HEAD;
        let crc = checksum(length, &self.bytes[payload..]);
        self.bytes[start + 8..payload].copy_from_slice(&crc.to_le_bytes());
        self.payloads.push((payload, length));
    }

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
