//! Reading the log back at the start.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::Path;
use std::sync::Arc;

use prost::Message;

use super::Place;
use super::record::{self, Entry, EntryKind, MessageEntry};
use super::segment::{self, SegmentFile};
use crate::proto::PubsubMessage;

/// What the log says is still open.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// By sequence number, so in the order of publishing.
    pub messages: BTreeMap<u64, RecoveredMessage>,
    pub segments: Vec<Arc<SegmentFile>>,
    /// Number of the segment that is now written to.
    pub active: u64,
    /// Greater than every number used before.
    pub next_seq: u64,
    /// Bytes in the segments.
    pub bytes: u64,
    /// Bytes that could not be read, in the middle or as a torn tail.
    pub damaged: u64,
}

#[derive(Debug)]
pub(crate) struct RecoveredMessage {
    /// Subscriptions that have yet to acknowledge, with their failed deliveries.
    pub targets: BTreeMap<u64, u32>,
    /// Without its data unless `resident`.
    pub message: PubsubMessage,
    /// Bytes of the whole message.
    pub size: u64,
    /// False once the messages in memory fill `keep` bytes: the data is read when needed.
    pub resident: bool,
    pub place: Place,
}

/// Reads all segments of `folder`. Of the messages, those that first fill `keep` bytes stay in
/// memory with their data; the others without. Messages for none of `live` are left out.
pub(super) fn recover(folder: &Path, live: &BTreeSet<u64>, keep: u64) -> io::Result<Recovered> {
    let mut replay = Replay {
        live,
        keep,
        recovered: Recovered::default(),
        failures: HashMap::new(),
    };
    for number in segment::list(folder)? {
        replay.segment(Arc::new(SegmentFile::new(folder, number)))?;
    }
    replay.recovered.next_seq = replay.recovered.next_seq.max(1);
    Ok(replay.recovered)
}

struct Replay<'a> {
    live: &'a BTreeSet<u64>,
    keep: u64,
    recovered: Recovered,
    failures: HashMap<(u64, u64), u32>,
}

impl Replay<'_> {
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
                    offset: offset as u64,
                    length: u32::try_from(payload.len()).unwrap_or(u32::MAX),
                };
                self.message(entry, place);
            }
            Some(EntryKind::Done(entry)) => {
                for seq in entry.seqs {
                    self.done(entry.subscription, seq);
                }
            }
            Some(EntryKind::Failed(entry)) => {
                self.failures
                    .insert((entry.subscription, entry.seq), entry.failures);
                if let Some(message) = self.recovered.messages.get_mut(&entry.seq)
                    && let Some(failures) = message.targets.get_mut(&entry.subscription)
                {
                    *failures = entry.failures;
                }
            }
            None => tracing::warn!(offset, "a record of an unknown kind was left out"),
        }
    }

    fn message(&mut self, entry: MessageEntry, place: Place) {
        let seq = entry.seq;
        self.recovered.next_seq = self.recovered.next_seq.max(seq + 1);
        self.forget(seq);
        let targets: BTreeMap<u64, u32> = entry
            .targets
            .into_iter()
            .filter(|target| self.live.contains(target))
            .map(|target| {
                let failures = self.failures.get(&(target, seq)).copied();
                (target, failures.unwrap_or(0))
            })
            .collect();
        let Some(mut message) = entry.message.filter(|_| !targets.is_empty()) else {
            return;
        };
        let size = message.encoded_len() as u64;
        let resident = size <= self.keep;
        if resident {
            self.keep -= size;
        } else {
            message.data = bytes::Bytes::new();
        }
        let recovered = RecoveredMessage {
            targets,
            message,
            size,
            resident,
            place,
        };
        self.recovered.messages.insert(seq, recovered);
    }

    fn done(&mut self, subscription: u64, seq: u64) {
        self.failures.remove(&(subscription, seq));
        if let Some(message) = self.recovered.messages.get_mut(&seq) {
            message.targets.remove(&subscription);
            if message.targets.is_empty() {
                self.forget(seq);
            }
        }
    }

    fn forget(&mut self, seq: u64) {
        if let Some(old) = self.recovered.messages.remove(&seq)
            && old.resident
        {
            self.keep += old.size;
        }
    }
}
