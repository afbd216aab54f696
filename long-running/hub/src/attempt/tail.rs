//! The end of a running attempt's log in memory, for whoever wants to see it at once.
//!
//! Held is what is not stored yet, and what came last before that; readers copy from it at their own pace and never hold
//! up the writer. Offsets are those of the stored log.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use farm_model::id::AttemptKey;
use parking_lot::Mutex;
use tokio::sync::watch;

/// Stored bytes that are held all the same.
const BEHIND: usize = 64 << 10;

/// The most that is held, stored or not.
const MAX_HELD: usize = 1 << 20;

/// The most that a reader takes at once.
const PIECE: usize = 16 << 10;

/// One log's end. One writes, many read.
pub struct Tail {
    held: Mutex<Held>,
    /// Changes whenever there is more to read, or nothing more comes.
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Held {
    bytes: VecDeque<u8>,
    /// Offset of the first byte held.
    start: u64,
    /// Up to here the log is stored, or given up.
    stored: u64,
    closed: bool,
}

/// What there is to read at an offset.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Bytes(Bytes),
    /// Nothing yet.
    Wait,
    /// Nothing more comes.
    End,
    /// No longer held: what is begins at `start`.
    Passed {
        /// Offset of the first byte held.
        start: u64,
    },
    /// Not yet written: the log ends at `end`.
    Ahead {
        /// Offset behind the last byte.
        end: u64,
    },
}

impl Default for Tail {
    fn default() -> Self {
        Self {
            held: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl Tail {
    /// More of the log.
    pub fn push(&self, bytes: &[u8]) {
        let mut held = self.held.lock();
        held.bytes.extend(bytes);
        held.trim();
        drop(held);
        self.changed.send_replace(());
    }

    /// The log is stored up to `offset`.
    pub fn stored(&self, offset: u64) {
        let mut held = self.held.lock();
        held.stored = offset;
        held.trim();
    }

    /// Nothing more comes.
    pub fn close(&self) {
        self.held.lock().closed = true;
        self.changed.send_replace(());
    }

    /// Offset of the first byte held.
    pub fn start(&self) -> u64 {
        self.held.lock().start
    }

    /// What there is at `offset` now.
    pub fn read(&self, offset: u64) -> Piece {
        let held = self.held.lock();
        let end = held.end();
        if offset < held.start {
            return Piece::Passed { start: held.start };
        }
        if offset > end {
            return Piece::Ahead { end };
        }
        if offset == end {
            return if held.closed { Piece::End } else { Piece::Wait };
        }
        // Less than MAX_HELD.
        let from = usize::try_from(offset - held.start).unwrap_or(usize::MAX);
        let to = held.bytes.len().min(from.saturating_add(PIECE));
        Piece::Bytes(held.bytes.range(from..to).copied().collect())
    }

    /// Says when to read again.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}

impl Held {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Lets go of what is stored and far behind, and of what is too much in any case.
    fn trim(&mut self) {
        let stored = self.stored.saturating_sub(self.start);
        let behind = self.bytes.len().saturating_sub(BEHIND);
        let free = behind.min(usize::try_from(stored).unwrap_or(usize::MAX));
        let free = free.max(self.bytes.len().saturating_sub(MAX_HELD));
        self.bytes.drain(..free);
        self.start += free as u64;
        if self.bytes.capacity() > 8 * BEHIND && self.bytes.len() <= BEHIND {
            self.bytes.shrink_to(2 * BEHIND);
        }
    }
}

/// The ends of all logs that are being written.
#[derive(Default)]
pub struct Tails(Mutex<HashMap<AttemptKey, Arc<Tail>>>);

impl Tails {
    /// A new one, found under `attempt` until the guard is dropped.
    pub fn open(self: &Arc<Self>, attempt: &AttemptKey) -> (Arc<Tail>, Open) {
        let tail = Arc::<Tail>::default();
        self.0.lock().insert(attempt.clone(), Arc::clone(&tail));
        let open = Open {
            tails: Arc::clone(self),
            attempt: attempt.clone(),
            tail: Arc::clone(&tail),
        };
        (tail, open)
    }

    /// The end of that attempt's log, if the attempt runs here.
    pub fn get(&self, attempt: &AttemptKey) -> Option<Arc<Tail>> {
        self.0.lock().get(attempt).cloned()
    }
}

/// As long as a log is being written.
pub struct Open {
    tails: Arc<Tails>,
    attempt: AttemptKey,
    tail: Arc<Tail>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.tail.close();
        let mut tails = self.tails.0.lock();
        if tails
            .get(&self.attempt)
            .is_some_and(|tail| Arc::ptr_eq(tail, &self.tail))
        {
            tails.remove(&self.attempt);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tail: &Tail, offset: u64) -> String {
        match tail.read(offset) {
            Piece::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn readers_see_the_same_bytes_at_the_same_offsets_until_the_end() {
        let tail = Tail::default();
        assert_eq!(tail.read(0), Piece::Wait);
        tail.push(b"hello ");
        tail.push(b"world");
        assert_eq!(text(&tail, 0), "hello world");
        assert_eq!(text(&tail, 6), "world");
        assert_eq!(tail.read(11), Piece::Wait);
        assert_eq!(tail.read(12), Piece::Ahead { end: 11 });
        tail.close();
        assert_eq!(tail.read(11), Piece::End);
        assert_eq!(text(&tail, 10), "d");
    }

    #[test]
    fn what_is_not_stored_yet_is_held_and_then_only_the_last_of_it() {
        let tail = Tail::default();
        let size = 3 * BEHIND as u64;
        tail.push(&vec![b'x'; 3 * BEHIND]);
        assert_eq!(tail.start(), 0);
        tail.stored(BEHIND as u64);
        assert_eq!(tail.start(), BEHIND as u64);
        tail.stored(size);
        assert_eq!(tail.start(), size - BEHIND as u64);
        let start = tail.start();
        assert_eq!(tail.read(start - 1), Piece::Passed { start });
    }

    #[test]
    fn memory_is_bounded_even_if_nothing_is_ever_stored() {
        let tail = Tail::default();
        for _ in 0..100 {
            tail.push(&vec![b'x'; 100_000]);
        }
        assert_eq!(tail.held.lock().bytes.len(), MAX_HELD);
        assert_eq!(tail.start(), 10_000_000 - MAX_HELD as u64);
    }

    #[tokio::test]
    async fn whoever_waits_is_told_of_more_and_of_the_end() {
        let tails = Arc::<Tails>::default();
        let attempt: AttemptKey = format!("{}/1/steps/1", "a".repeat(32)).parse().unwrap();
        let (tail, open) = tails.open(&attempt);
        let reader = tails.get(&attempt).unwrap();
        let mut changed = reader.watch();
        tail.push(b"more");
        changed.changed().await.unwrap();
        assert_eq!(text(&reader, 0), "more");
        drop(open);
        changed.changed().await.unwrap();
        assert_eq!(reader.read(4), Piece::End);
        assert!(tails.get(&attempt).is_none());
    }
}
