//! Reading the log back at the start.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::Path;
use std::sync::Arc;

use prost::Message;

use super::catalog::HolderId;
use super::record::{self, DoneEntry, Entry, EntryKind, FailedEntry, MessageEntry, SetEntry};
use super::segment::{self, SegmentFile};
use super::{MESSAGE_OVERHEAD, Place};
use crate::clock::Moment;
use crate::encoded::Encoded;
use crate::lease::Hold;
use crate::seqs::{Seq, SeqMap, SeqSet};

/// What the log says is still there.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// By number, so in the order of publishing. Each has a holder.
    pub messages: SeqMap<RecoveredMessage>,
    /// Who has which of the messages.
    pub holders: HashMap<HolderId, Held>,
    pub segments: Vec<Arc<SegmentFile>>,
    /// Number of the segment that is now written to.
    pub active: u32,
    /// Greater than every number used before.
    pub next_seq: u64,
    /// Bytes in the segments.
    pub bytes: u64,
    /// Bytes that could not be read, in the middle or as a torn tail.
    pub damaged: u64,
}

/// The messages of one holder.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub open: SeqSet,
    pub acked: SeqSet,
    /// Failed deliveries, where there were any.
    failures: HashMap<Seq, u32>,
}

#[derive(Debug)]
pub(crate) struct RecoveredMessage {
    pub born: Moment,
    /// The ordering key.
    pub key: Option<Box<str>>,
    /// Bytes of the whole message.
    pub size: u32,
    /// How many have it.
    pub holders: u32,
    /// `None` once the messages in memory fill `keep` bytes: it is read when needed.
    pub body: Option<Encoded>,
    pub place: Place,
}

impl Held {
    /// How this holder has a message, if it does.
    pub fn hold(&self, seq: Seq) -> Option<Hold> {
        if self.open.contains(seq) {
            let failures = self.failures.get(&seq).copied().unwrap_or(0);
            return Some(Hold::Open { failures });
        }
        self.acked.contains(seq).then_some(Hold::Acked)
    }

    /// Every message, in order.
    pub fn seqs(&self) -> SeqSet {
        self.open.iter().chain(self.acked.iter()).collect()
    }

    /// True if the holder had it before.
    fn remove(&mut self, seq: Seq) -> bool {
        let open = self.open.remove(seq);
        self.acked.remove(seq) || open
    }
}

/// Reads all segments of `folder`. Of the messages, those that first fill `keep` bytes stay in
/// memory. What none of `live` has is left out.
pub(super) fn recover(
    folder: &Path,
    live: &BTreeSet<HolderId>,
    keep: u64,
) -> io::Result<Recovered> {
    let mut replay = Replay {
        keep,
        recovered: Recovered::default(),
    };
    for id in live {
        replay.recovered.holders.insert(*id, Held::default());
    }
    for number in segment::list(folder)? {
        replay.segment(Arc::new(SegmentFile::new(folder, number)))?;
    }
    replay.recovered.next_seq = replay.recovered.next_seq.max(1);
    Ok(replay.recovered)
}

struct Replay {
    keep: u64,
    recovered: Recovered,
}

impl Replay {
    fn segment(&mut self, file: Arc<SegmentFile>) -> io::Result<()> {
        let bytes = std::fs::read(file.path())?;
        let mut at = match segment::read_head(&bytes) {
            Some(next_seq) => {
                self.recovered.next_seq = self.recovered.next_seq.max(next_seq);
                segment::HEAD
            }
            // Killed while it was created: nothing can follow.
            None => bytes.len(),
        };
        while at < bytes.len() {
            match record::frame(&bytes[at..]) {
                Some(payload) => {
                    self.payload(&file, at + record::HEAD, payload);
                    at += record::HEAD + payload.len();
                }
                None => at = self.damage(&file, &bytes, at)?,
            }
        }
        self.recovered.bytes += bytes.len() as u64;
        self.recovered.segments.push(file);
        Ok(())
    }

    /// Skips to the next whole frame; if there is none, cuts the torn tail off.
    fn damage(&mut self, file: &SegmentFile, bytes: &[u8], at: usize) -> io::Result<usize> {
        let next = record::next_frame(bytes, at + 1);
        let lost = (next.unwrap_or(bytes.len()) - at) as u64;
        self.recovered.damaged += lost;
        let path = file.path().display();
        match next {
            Some(_) => tracing::error!(%path, at, bytes = lost, "damaged records skipped"),
            None => {
                tracing::warn!(%path, at, bytes = lost, "torn end of the log cut off");
                let file = std::fs::OpenOptions::new().write(true).open(file.path())?;
                file.set_len(at as u64)?;
                file.sync_all()?;
            }
        }
        Ok(next.unwrap_or(bytes.len()))
    }

    fn payload(&mut self, file: &Arc<SegmentFile>, offset: usize, payload: &[u8]) {
        let entry = Entry::decode(payload).ok().and_then(|entry| entry.kind);
        match entry {
            Some(EntryKind::Message(entry)) => {
                let place = Place {
                    segment: Arc::clone(file),
                    offset: u32::try_from(offset).unwrap_or(u32::MAX),
                    length: u32::try_from(payload.len()).unwrap_or(u32::MAX),
                };
                self.message(entry, place);
            }
            Some(EntryKind::Done(entry)) => self.done(&entry),
            Some(EntryKind::Failed(entry)) => self.failed(&entry),
            Some(EntryKind::Set(entry)) => self.set(&entry),
            None => tracing::warn!(offset, "a record of an unknown kind was left out"),
        }
    }

    fn message(&mut self, entry: MessageEntry, place: Place) {
        let seq = Seq(entry.seq);
        self.recovered.next_seq = self.recovered.next_seq.max(entry.seq + 1);
        self.withdraw(seq);
        let encoded = Encoded::from_log(entry.message);
        let Ok(message) = encoded.decode() else {
            return tracing::warn!(seq = seq.0, "a record without a message was left out");
        };
        let size = encoded.len();
        let born = message.publish_time.as_ref().map(Moment::from_proto);
        let key = Some(message.ordering_key.as_str()).filter(|key| !key.is_empty());
        let mut recovered = RecoveredMessage {
            born: born.unwrap_or_default(),
            key: key.map(Box::from),
            size,
            holders: 0,
            body: None,
            place,
        };
        for (ids, acked) in [(entry.targets, false), (entry.acked, true)] {
            for id in ids {
                let Some(held) = self.recovered.holders.get_mut(&HolderId(id)) else {
                    continue;
                };
                let set = if acked {
                    &mut held.acked
                } else {
                    &mut held.open
                };
                recovered.holders += u32::from(set.insert(seq));
            }
        }
        if recovered.holders == 0 {
            return;
        }
        let memory = u64::from(size) + MESSAGE_OVERHEAD;
        if let Some(rest) = self.keep.checked_sub(memory) {
            self.keep = rest;
            recovered.body = Some(encoded);
        }
        self.recovered.messages.insert(seq, recovered);
    }

    /// A message that is written again is whatever the later entry says; but how often it has
    /// failed is in entries of its own.
    fn withdraw(&mut self, seq: Seq) {
        if self.recovered.messages.contains(seq) {
            for held in self.recovered.holders.values_mut() {
                held.remove(seq);
            }
            self.forget(seq);
        }
    }

    fn done(&mut self, entry: &DoneEntry) {
        let seqs = entry.seqs.iter().copied().map(Seq);
        for seq in seqs.chain(SeqSet::from_runs(&entry.runs)) {
            self.close(HolderId(entry.holder), seq, entry.kept);
        }
    }

    fn set(&mut self, entry: &SetEntry) {
        let id = HolderId(entry.holder);
        for seq in SeqSet::from_runs(&entry.done) {
            self.close(id, seq, entry.kept);
        }
        for seq in SeqSet::from_runs(&entry.open) {
            self.open(id, seq);
        }
    }

    fn close(&mut self, id: HolderId, seq: Seq, kept: bool) {
        let Some(held) = self.recovered.holders.get_mut(&id) else {
            return;
        };
        held.failures.remove(&seq);
        if !held.remove(seq) {
            return;
        }
        if kept {
            held.acked.insert(seq);
        } else if let Some(message) = self.recovered.messages.get_mut(seq) {
            message.holders -= 1;
            if message.holders == 0 {
                self.forget(seq);
            }
        }
    }

    fn open(&mut self, id: HolderId, seq: Seq) {
        let (Some(held), Some(message)) = (
            self.recovered.holders.get_mut(&id),
            self.recovered.messages.get_mut(seq),
        ) else {
            return;
        };
        message.holders += u32::from(!held.remove(seq));
        held.open.insert(seq);
    }

    fn failed(&mut self, entry: &FailedEntry) {
        if let Some(held) = self.recovered.holders.get_mut(&HolderId(entry.holder)) {
            held.failures.insert(Seq(entry.seq), entry.failures);
        }
    }

    fn forget(&mut self, seq: Seq) {
        if let Some(old) = self.recovered.messages.remove(seq)
            && old.body.is_some()
        {
            self.keep += u64::from(old.size) + MESSAGE_OVERHEAD;
        }
    }
}
