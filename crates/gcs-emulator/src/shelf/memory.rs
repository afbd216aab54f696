//! How much is held in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Memory for content, shared by all that is in it.
#[derive(Debug, Clone)]
pub struct Memory {
    held: Arc<AtomicU64>,
    limit: u64,
}

impl Memory {
    /// With room for `limit` bytes.
    pub fn new(limit: u64) -> Self {
        let held = Arc::new(AtomicU64::new(0));
        Self { held, limit }
    }

    /// Nothing yet of something new.
    pub fn nothing(&self) -> Held {
        Held {
            memory: self.clone(),
            bytes: 0,
        }
    }
}

/// Memory that is taken, given back on drop.
#[derive(Debug)]
pub struct Held {
    memory: Memory,
    bytes: u64,
}

impl Held {
    /// Takes so many more; otherwise says how many there are.
    pub fn take(&mut self, bytes: u64) -> Result<(), u64> {
        let Memory { held, limit } = &self.memory;
        if held.fetch_add(bytes, Ordering::Relaxed) + bytes > *limit {
            held.fetch_sub(bytes, Ordering::Relaxed);
            return Err(*limit);
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_given_back() {
        let memory = Memory::new(10);
        let mut first = memory.nothing();
        first.take(6).unwrap();
        let mut second = memory.nothing();
        assert_eq!(second.take(5), Err(10));
        drop(first);
        second.take(10).unwrap();
        assert_eq!(memory.nothing().take(1), Err(10));
    }
}
