//! Whose turn it is to ask for what takes much reading.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::trouble::Trouble;

/// Who reads at once, whoever asks: each takes what its bytes take.
const AT_ONCE: usize = 2;
/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(5);

/// Turns at one kind of reading.
pub(super) struct Turns(Semaphore);

impl Default for Turns {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

impl Turns {
    /// Waits for a turn; `busy` is what is said, as a sentence, when none comes.
    pub(super) async fn wait(&self, busy: &str) -> Result<SemaphorePermit<'_>, Trouble> {
        match tokio::time::timeout(TURN, self.0.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Trouble::Busy(busy.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_third_waits_a_while_and_is_sent_away() {
        let turns = Turns::default();
        let first = turns.wait("busy").await.unwrap();
        let _second = turns.wait("busy").await.unwrap();
        assert!(matches!(turns.wait("busy").await, Err(Trouble::Busy(_))));
        drop(first);
        assert!(turns.wait("busy").await.is_ok());
    }
}
