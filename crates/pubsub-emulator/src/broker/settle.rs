//! Answers of consumers, and what follows from them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::ack_id::AckId;
use super::written::Written;
use super::{Broker, State};
use crate::lease::{Acked, Token};
use crate::refusal::Refusal;
use crate::seqs::Seq;
use crate::store::catalog::SubscriptionId;
use crate::store::{Entry, Frames};

const MOST_SECONDS: i32 = 600;

/// What a push endpoint made of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Failed,
}

/// What became of each acknowledgement id of a request.
///
/// Only exactly-once delivery tells: without it, ids of leases that are over are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// The subscription delivers exactly once, so that its streams confirm.
    pub exactly_once: bool,
    /// Ids that counted.
    pub done: Vec<String>,
    /// Ids that did not.
    pub failed: Vec<(String, AckFailure)>,
}

/// Why an acknowledgement id did not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckFailure {
    /// Malformed, or its lease is over.
    InvalidAckId,
}

impl AckFailure {
    /// As the metadata of the service's `ErrorInfo` spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidAckId => "PERMANENT_FAILURE_INVALID_ACK_ID",
        }
    }
}

impl Settled {
    fn add(&mut self, id: String, counts: bool) {
        if counts {
            self.done.push(id);
        } else if self.exactly_once {
            self.failed.push((id, AckFailure::InvalidAckId));
        }
    }

    /// The answer of a unary call.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with the reason `EXACTLY_ONCE_ACKID_FAILURE` if an id did not count; the
    /// others of the request did.
    pub fn into_unary(self) -> Result<(), Refusal> {
        if self.failed.is_empty() {
            return Ok(());
        }
        let failed = self.failed.into_iter();
        let metadata = failed.map(|(id, failure)| (id, failure.as_str().to_owned()));
        Err(Refusal::invalid(
            "Some acknowledgement ids in the request were invalid. This could be because the \
             acknowledgement ids have expired or the acknowledgement ids were malformed.",
        )
        .with_info("EXACTLY_ONCE_ACKID_FAILURE", metadata))
    }
}

/// Acknowledgement ids that are of this subscription, each with the text it came as and what is
/// asked for it.
struct Answers<T> {
    valid: Vec<(String, AckId, T)>,
    settled: Settled,
}

impl Broker {
    /// Acknowledges messages. With exactly-once delivery the answer waits for the disk.
    pub async fn acknowledge(
        self: &Arc<Self>,
        name: &str,
        ack_ids: &[String],
    ) -> Result<Settled, Refusal> {
        let (settled, written) = self.acknowledge_now(name, ack_ids)?;
        written.done().await?;
        Ok(settled)
    }

    fn acknowledge_now(
        self: &Arc<Self>,
        name: &str,
        ack_ids: &[String],
    ) -> Result<(Settled, Written), Refusal> {
        let now = self.clock.now();
        let state = &mut *self.state.lock();
        let id = state.find(name)?;
        let found = state.get_mut(id)?;
        found.touch(now);
        let leases = &mut found.leases;
        let Answers { valid, mut settled } =
            answers(id, leases.exactly_once(), ack_ids.iter().map(|id| (id, ())))?;
        let mut done = Vec::new();
        for (text, ack, ()) in valid {
            let counts = leases.ack(ack.seq, ack.token, now) == Acked::Done;
            done.extend(counts.then_some(ack.seq));
            settled.add(text, counts);
        }
        if !settled.exactly_once {
            self.settled(state, id, done);
            return Ok((settled, Written::now()));
        }
        let frames = self.acked(state, id, done);
        let written = self.write(state, frames);
        self.follow_up(state, id);
        Ok((settled, written))
    }

    /// Moves the deadlines of leases; 0 seconds gives the messages back as failed.
    pub fn modify_deadlines(
        self: &Arc<Self>,
        name: &str,
        deadlines: &[(String, i32)],
    ) -> Result<Settled, Refusal> {
        let now = self.clock.now();
        let lengths: Result<Vec<_>, _> = deadlines.iter().map(|(_, s)| length(*s)).collect();
        let asked = deadlines.iter().map(|(text, _)| text).zip(lengths?);
        let state = &mut *self.state.lock();
        let id = state.find(name)?;
        let found = state.get_mut(id)?;
        found.touch(now);
        let leases = &mut found.leases;
        let Answers { valid, mut settled } = answers(id, leases.exactly_once(), asked)?;
        for (text, AckId { seq, token, .. }, length) in valid {
            let counts = if length.is_zero() {
                leases.nack(seq, token, now)
            } else {
                leases.extend(seq, token, length, now)
            };
            settled.add(text, counts);
        }
        self.follow_up(state, id);
        Ok(settled)
    }

    /// Settles one lease by what the push endpoint said.
    pub fn settle(self: &Arc<Self>, id: SubscriptionId, seq: Seq, token: Token, outcome: Outcome) {
        let now = self.clock.now();
        let state = &mut *self.state.lock();
        let Ok(subscription) = state.get_mut(id) else {
            return;
        };
        let leases = &mut subscription.leases;
        let mut done = Vec::new();
        match outcome {
            Outcome::Done => {
                done.extend((leases.ack(seq, token, now) == Acked::Done).then_some(seq));
                subscription.touch(now);
            }
            Outcome::Failed => {
                leases.nack(seq, token, now);
            }
        }
        self.settled(state, id, done);
    }

    /// Writes down what has changed in a subscription, forwards what is to leave it, and wakes
    /// whoever has something to do now. `done` are the messages that it has acknowledged.
    pub(super) fn settled(self: &Arc<Self>, state: &mut State, id: SubscriptionId, done: Vec<Seq>) {
        if !done.is_empty() {
            let frames = self.acked(state, id, done);
            self.write_lazily(state, frames);
        }
        self.follow_up(state, id);
    }

    /// Lets acknowledged messages go, unless the subscription retains them. Returns the entries
    /// that say so.
    fn acked(&self, state: &mut State, id: SubscriptionId, done: Vec<Seq>) -> Frames {
        let subscription = state.subscriptions.get(&id);
        let kept = subscription.is_some_and(|found| found.leases.retains_acked());
        if !kept {
            for seq in &done {
                state.messages.release(*seq);
            }
            self.remove_finished(state);
        }
        let mut frames = Frames::default();
        frames.push_done(id.into(), &done.into_iter().collect(), kept);
        frames
    }

    /// Forwards what is to leave a subscription, and wakes whoever has something to do now.
    pub(super) fn follow_up(self: &Arc<Self>, state: &mut State, id: SubscriptionId) {
        let Some(subscription) = state.subscriptions.get_mut(&id) else {
            return;
        };
        let failed = subscription.leases.drain_failed();
        let leaving = subscription.leases.drain_leaving();
        if subscription.leases.has_ready() {
            subscription.wake();
        }
        subscription.signals.room.notify_waiters();
        self.note_failures(state, id, &failed);
        for seq in leaving {
            self.forward(state, id, seq);
        }
        self.remind(state, id);
    }

    fn note_failures(&self, state: &State, id: SubscriptionId, failed: &[Seq]) {
        let Some(subscription) = state.subscriptions.get(&id) else {
            return;
        };
        let mut frames = Frames::default();
        for seq in failed {
            let failures = subscription.leases.failures(*seq);
            frames.push(&Entry::failed(id.into(), *seq, failures));
        }
        if !failed.is_empty() {
            self.write_lazily(state, frames);
        }
    }
}

fn foreign(ack_id: &str) -> Refusal {
    Refusal::invalid(format!(
        "You have passed a subscription that does not belong to the given ack ID (ack_id={ack_id})."
    ))
}

/// Reads acknowledgement ids, each once. A malformed one is the request's fault, and with
/// exactly-once delivery its own.
fn answers<'a, T>(
    id: SubscriptionId,
    exactly_once: bool,
    asked: impl Iterator<Item = (&'a String, T)>,
) -> Result<Answers<T>, Refusal> {
    let mut answers = Answers {
        valid: Vec::new(),
        settled: Settled {
            exactly_once,
            ..Settled::default()
        },
    };
    let mut seen = HashSet::new();
    for (text, what) in asked.filter(|(text, _)| seen.insert(*text)) {
        match AckId::parse(text) {
            Ok(ack) if ack.subscription == id => answers.valid.push((text.clone(), ack, what)),
            Ok(_) if !exactly_once => return Err(foreign(text)),
            Err(refusal) if !exactly_once => return Err(refusal),
            _ => answers.settled.add(text.clone(), false),
        }
    }
    Ok(answers)
}

fn length(seconds: i32) -> Result<Duration, Refusal> {
    match u64::try_from(seconds) {
        Ok(length) if seconds <= MOST_SECONDS => Ok(Duration::from_secs(length)),
        _ => Err(Refusal::invalid(format!(
            "ack deadline of {seconds} s: must be 0 to {MOST_SECONDS}"
        ))),
    }
}
