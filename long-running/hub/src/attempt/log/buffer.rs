//! What lies between the two halves of a log.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{CHUNK, MAX_PENDING};
use crate::attempt::Tail;

/// Shared by one writer and one flusher.
pub struct Shared {
    state: Mutex<State>,
    /// Sees every byte that is taken in.
    tail: Arc<Tail>,
    more: Notify,
    room: Notify,
}

#[derive(Default)]
struct State {
    pending: BytesMut,
    /// Bytes dropped because there was no room for too long.
    lost: u64,
    closed: bool,
}

/// What there is for the flusher to do.
pub enum Next {
    /// Store this.
    Chunk(Bytes),
    /// Wait for more, or until the pause between chunks is over if there is something.
    Wait {
        /// Something lies there.
        some: bool,
    },
    /// All is stored.
    End,
}

impl Shared {
    /// Nothing lies there yet.
    pub fn new(tail: Arc<Tail>) -> Self {
        Self {
            state: Mutex::default(),
            tail,
            more: Notify::new(),
            room: Notify::new(),
        }
    }

    /// Takes in what there is room for; returns how many bytes that was.
    pub fn add(&self, bytes: &[u8]) -> usize {
        let mut state = self.state.lock();
        let taken = bytes.len().min(MAX_PENDING - state.pending.len());
        state.pending.extend_from_slice(&bytes[..taken]);
        drop(state);
        if taken > 0 {
            self.tail.push(&bytes[..taken]);
            self.more.notify_one();
        }
        taken
    }

    /// Counts bytes that nobody keeps.
    pub fn lose(&self, bytes: usize) {
        self.state.lock().lost += bytes as u64;
    }

    /// Bytes lost so far.
    pub fn lost(&self) -> u64 {
        self.state.lock().lost
    }

    /// All up to `offset` is stored, or given up.
    pub fn stored(&self, offset: u64) {
        self.tail.stored(offset);
    }

    /// Nothing more comes.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.tail.close();
        self.more.notify_one();
    }

    /// Returns once a chunk has been taken out. For the one writer.
    pub async fn room(&self) {
        self.room.notified().await;
    }

    /// Returns once something has changed. For the one flusher.
    pub async fn more(&self) {
        self.more.notified().await;
    }

    /// What to do now, where smaller chunks than full ones are due at `due`.
    pub fn next(&self, due: Instant) -> Next {
        let mut state = self.state.lock();
        let len = state.pending.len();
        if len >= CHUNK || (len > 0 && (state.closed || Instant::now() >= due)) {
            let chunk = state.pending.split_to(len.min(CHUNK)).freeze();
            drop(state);
            self.room.notify_one();
            return Next::Chunk(chunk);
        }
        if len == 0 && state.closed {
            return Next::End;
        }
        Next::Wait { some: len > 0 }
    }
}
