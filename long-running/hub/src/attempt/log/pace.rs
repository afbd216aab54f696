//! How long chunks that are not full wait for each other.

use std::time::Duration;

use tokio::time::Instant;

/// The longest pause between two chunks.
const LONGEST: u32 = 10;

/// First bytes at once, those that follow at once too (a command's first words after the line that names it), then after
/// 1 s, 2 s, … up to 10 s since the last chunk.
#[derive(Debug)]
pub struct Pace {
    chunks: u32,
    due: Instant,
}

impl Pace {
    /// Due now.
    pub fn start() -> Self {
        Self {
            chunks: 0,
            due: Instant::now(),
        }
    }

    /// When the next chunk is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// A chunk goes out now.
    pub fn sent(&mut self) {
        let pause = Duration::from_secs(u64::from(self.chunks.min(LONGEST)));
        self.chunks = self.chunks.saturating_add(1);
        self.due = Instant::now() + pause;
    }
}
