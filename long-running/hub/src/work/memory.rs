//! Attempts that this hub has heard of, so that the same message twice is that message once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use farm_model::event::Event;
use farm_model::id::AttemptKey;
use tokio_util::sync::CancellationToken;

use crate::stop::Stop;
use crate::text::one_line;

/// Ended attempts that are remembered.
const ENDED: usize = 4096;
/// Bytes of what is remembered of them.
const ENDED_BYTES: usize = 16 << 20;
/// Before the reason of a cancel.
const CANCELLED_FOR: &str = "cancelled: ";
/// Cancels that came before their attempt.
const CANCELLED: usize = 4096;

/// Of why one was cancelled, in characters.
const REASON: usize = 300;

/// What is known of an attempt.
#[derive(Debug)]
pub enum Known {
    /// Nothing.
    New,
    /// It is being looked at: more is known once this is cancelled.
    Undecided(CancellationToken),
    /// This was the last thing said of it; say it again.
    Said(Event),
    /// It was cancelled before it came, for this reason.
    Cancelled(String),
}

/// Attempts by key.
#[derive(Default)]
pub struct Memory {
    running: HashMap<AttemptKey, Running>,
    ended: Recent<Event>,
    cancelled: Recent<String>,
}

struct Running {
    stop: Arc<Stop>,
    accepted: Event,
    /// Cancelled once it is decided that it is taken, or not.
    decided: CancellationToken,
}

impl Memory {
    /// What is known of an attempt that is offered.
    pub fn recall(&self, attempt: &AttemptKey) -> Known {
        if let Some(running) = self.running.get(attempt) {
            return match running.decided.is_cancelled() {
                true => Known::Said(running.accepted.clone()),
                false => Known::Undecided(running.decided.clone()),
            };
        }
        if let Some(event) = self.ended.get(attempt) {
            return Known::Said(event.clone());
        }
        match self.cancelled.get(attempt) {
            Some(reason) => Known::Cancelled(reason.clone()),
            None => Known::New,
        }
    }

    /// It is taken, unless something turns up before what is returned is cancelled.
    pub fn begin(
        &mut self,
        attempt: AttemptKey,
        stop: Arc<Stop>,
        accepted: Event,
    ) -> CancellationToken {
        let decided = CancellationToken::new();
        let running = Running {
            stop,
            accepted,
            decided: decided.clone(),
        };
        self.running.insert(attempt, running);
        decided
    }

    /// It is over, or was refused: the last word on it.
    pub fn end(&mut self, attempt: &AttemptKey, last: Event) {
        self.running.remove(attempt);
        let bytes = last.size();
        self.ended
            .insert(attempt.clone(), last, bytes, (ENDED, ENDED_BYTES));
    }

    /// It was never taken after all. A cancel that came meanwhile is remembered for when it comes again.
    pub fn forget(&mut self, attempt: &AttemptKey) {
        let running = self.running.remove(attempt);
        if let Some(reason) = running.and_then(|running| running.stop.reason()) {
            let reason = reason.trim_start_matches(CANCELLED_FOR).to_owned();
            self.cancelled
                .insert(attempt.clone(), reason, 0, (CANCELLED, usize::MAX));
        }
    }

    /// Nobody wants it any more: stops it, or remembers that for when it comes.
    pub fn cancel(&mut self, attempt: AttemptKey, reason: &str) {
        let reason = one_line(reason, REASON);
        if let Some(running) = self.running.get(&attempt) {
            running.stop.ask(&format!("{CANCELLED_FOR}{reason}"));
        } else if self.ended.get(&attempt).is_none() {
            self.cancelled
                .insert(attempt, reason, 0, (CANCELLED, usize::MAX));
        }
    }

    /// Stops all that run.
    pub fn stop_all(&self, reason: &str) {
        self.running
            .values()
            .for_each(|running| running.stop.ask(reason));
    }
}

/// A map that forgets what is oldest.
struct Recent<V> {
    values: HashMap<AttemptKey, (V, usize)>,
    order: VecDeque<AttemptKey>,
    bytes: usize,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<V> Recent<V> {
    fn get(&self, key: &AttemptKey) -> Option<&V> {
        self.values.get(key).map(|(value, _)| value)
    }

    /// Keeps at most `limits` values and bytes, and always the newest.
    fn insert(&mut self, key: AttemptKey, value: V, bytes: usize, limits: (usize, usize)) {
        self.bytes += bytes;
        match self.values.insert(key.clone(), (value, bytes)) {
            Some((_, before)) => self.bytes -= before,
            None => self.order.push_back(key),
        }
        while self.order.len() > 1 && (self.order.len() > limits.0 || self.bytes > limits.1) {
            let oldest = self
                .order
                .pop_front()
                .and_then(|oldest| self.values.remove(&oldest));
            self.bytes -= oldest.map_or(0, |(_, bytes)| bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use farm_model::Timestamp;

    use super::*;

    fn key(number: usize) -> AttemptKey {
        format!("{number:032x}/1/steps/1").parse().unwrap()
    }

    fn event(id: &str, data: usize) -> Event {
        Event {
            id: id.to_owned(),
            source: "/hub/h1".to_owned(),
            kind: "t".to_owned(),
            time: Timestamp::UNIX_EPOCH,
            extensions: BTreeMap::new(),
            data: "x".repeat(data),
        }
    }

    fn said(memory: &Memory, number: usize) -> Option<String> {
        match memory.recall(&key(number)) {
            Known::Said(event) => Some(event.id),
            Known::New => None,
            Known::Undecided(_) => Some("undecided".to_owned()),
            Known::Cancelled(reason) => Some(format!("cancelled: {reason}")),
        }
    }

    #[test]
    fn the_same_attempt_again_hears_what_was_said_last() {
        let mut memory = Memory::default();
        assert_eq!(said(&memory, 1), None);
        let decided = memory.begin(key(1), Arc::default(), event("accepted", 1));
        assert_eq!(said(&memory, 1).unwrap(), "undecided");
        decided.cancel();
        assert_eq!(said(&memory, 1).unwrap(), "accepted");
        memory.end(&key(1), event("finished", 1));
        assert_eq!(said(&memory, 1).unwrap(), "finished");
    }

    #[tokio::test]
    async fn a_cancel_stops_what_runs_and_is_remembered_for_what_comes() {
        let mut memory = Memory::default();
        let stop = Arc::<Stop>::default();
        memory.begin(key(1), Arc::clone(&stop), event("accepted", 1));
        memory.cancel(key(1), "superseded");
        assert_eq!(stop.asked().await, "cancelled: superseded");
        memory.cancel(key(2), "early");
        assert_eq!(said(&memory, 2).unwrap(), "cancelled: early");
        memory.end(&key(3), event("finished", 1));
        memory.cancel(key(3), "late");
        assert_eq!(said(&memory, 3).unwrap(), "finished");
    }

    #[test]
    fn memory_is_bounded_in_number_and_bytes() {
        let mut memory = Memory::default();
        for number in 0..ENDED + 10 {
            memory.end(&key(number), event("finished", 1));
            memory.cancel(key(number + (1 << 20)), "x");
        }
        assert_eq!(said(&memory, 9), None);
        assert!(said(&memory, 10).is_some());
        assert_eq!(memory.cancelled.values.len(), CANCELLED);
        for number in 0..400 {
            memory.end(&key(number), event("large", 100 << 10));
        }
        assert!(memory.ended.bytes <= ENDED_BYTES && memory.ended.order.len() < 400);
        let counted: usize = memory.ended.values.values().map(|(_, bytes)| bytes).sum();
        assert_eq!(counted, memory.ended.bytes);
    }
}
