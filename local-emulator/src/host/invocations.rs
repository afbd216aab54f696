//! What was called, and what came of it: the last calls of each function, and counts of all.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;

/// Calls remembered of each function.
const REMEMBERED: usize = 50;
/// Functions told apart; the manifest has fewer.
const FUNCTIONS: usize = 64;
/// Messages whose deliveries are counted.
const MESSAGES: usize = 1000;

/// A call that was answered, or given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// Counts from 1, over all functions.
    pub(crate) number: u64,
    /// What was called.
    pub(crate) call: Call,
    /// The answer's status.
    pub(crate) status: u16,
    /// From the request until the head of the answer.
    pub(crate) took: Duration,
    /// Which try it was that got the answer: deliveries of the same message before, and processes that died over it.
    pub(crate) attempt: u32,
}

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// When it arrived.
    pub(crate) at: Timestamp,
    /// The function's name.
    pub(crate) function: Arc<str>,
    /// The method.
    pub(crate) method: String,
    /// The route's pattern, not the path: that may hold a secret.
    pub(crate) route: Arc<str>,
    /// By whom.
    pub(crate) cause: Cause,
}

/// What made a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    /// Somebody's request.
    Request,
    /// A message that a subscription pushed.
    Push {
        /// Its full name.
        subscription: String,
        /// The message's id.
        message: String,
    },
    /// The time.
    Tick,
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Calls.
    pub(crate) calls: u64,
    /// Of these, answered 500 or more.
    pub(crate) failed: u64,
    /// Of these, answered only by a second process or later.
    pub(crate) handed_on: u64,
}

#[derive(Debug, Default)]
pub(super) struct Invocations(Mutex<Books>);

#[derive(Debug, Default)]
struct Books {
    number: u64,
    functions: BTreeMap<Arc<str>, (Tally, VecDeque<Invocation>)>,
    deliveries: HashMap<Cause, u32>,
    order: VecDeque<Cause>,
}

impl Invocations {
    /// Notes a call that `tries` processes were given.
    pub(super) fn note(&self, call: Call, status: u16, took: Duration, tries: u32) {
        let mut books = self.0.lock();
        books.number += 1;
        let before = books.delivered_before(&call.cause);
        let invocation = Invocation {
            number: books.number,
            status,
            took,
            attempt: before + tries,
            call,
        };
        let function = &invocation.call.function;
        if !books.functions.contains_key(function) && books.functions.len() >= FUNCTIONS {
            return;
        }
        let (tally, last) = books.functions.entry(Arc::clone(function)).or_default();
        tally.calls += 1;
        tally.failed += u64::from(status >= 500);
        tally.handed_on += u64::from(tries > 1);
        last.push_front(invocation);
        last.truncate(REMEMBERED);
    }

    pub(super) fn list(&self) -> Vec<Invocation> {
        let books = self.0.lock();
        let all = books.functions.values().flat_map(|(_, last)| last);
        let mut all: Vec<_> = all.cloned().collect();
        all.sort_unstable_by_key(|invocation| std::cmp::Reverse(invocation.number));
        all
    }

    pub(super) fn tallies(&self) -> Vec<(String, Tally)> {
        let books = self.0.lock();
        let each = books.functions.iter();
        each.map(|(name, (tally, _))| (name.to_string(), *tally))
            .collect()
    }
}

impl Books {
    /// How often the same message has been delivered before, as far as that is remembered; counts this one.
    fn delivered_before(&mut self, cause: &Cause) -> u32 {
        if !matches!(cause, Cause::Push { .. }) {
            return 0;
        }
        if !self.deliveries.contains_key(cause) {
            self.order.push_back(cause.clone());
        }
        if self.order.len() > MESSAGES
            && let Some(oldest) = self.order.pop_front()
        {
            self.deliveries.remove(&oldest);
        }
        let count = self.deliveries.entry(cause.clone()).or_default();
        *count += 1;
        *count - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(function: &str, cause: Cause) -> Call {
        Call {
            at: Timestamp::UNIX_EPOCH,
            function: function.into(),
            method: "POST".to_owned(),
            route: "/".into(),
            cause,
        }
    }

    fn push(message: &str) -> Cause {
        Cause::Push {
            subscription: "s".to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn a_busy_function_does_not_push_out_the_calls_of_another() {
        let all = Invocations::default();
        all.note(call("rare", Cause::Request), 200, Duration::ZERO, 1);
        for _ in 0..200 {
            all.note(call("busy", Cause::Request), 503, Duration::ZERO, 2);
        }
        let list = all.list();
        assert_eq!(list.len(), REMEMBERED + 1);
        assert_eq!((list[0].number, list[REMEMBERED].number), (201, 1));
        let busy = Tally {
            calls: 200,
            failed: 200,
            handed_on: 200,
        };
        assert_eq!(all.tallies()[0], ("busy".to_owned(), busy));
    }

    #[test]
    fn attempts_count_deliveries_of_the_same_message() {
        let all = Invocations::default();
        for (message, tries) in [("1", 1), ("2", 1), ("1", 2), ("1", 1)] {
            all.note(call("f", push(message)), 503, Duration::ZERO, tries);
        }
        let attempts: Vec<u32> = all.list().iter().rev().map(|i| i.attempt).collect();
        assert_eq!(attempts, [1, 1, 3, 3]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let all = Invocations::default();
        for message in 0..3 * MESSAGES {
            all.note(
                call("f", push(&message.to_string())),
                200,
                Duration::ZERO,
                1,
            );
            let other = format!("f{message}");
            all.note(call(&other, Cause::Request), 200, Duration::ZERO, 1);
        }
        assert_eq!(all.tallies().len(), FUNCTIONS);
        assert_eq!(all.0.lock().deliveries.len(), MESSAGES);
    }
}
