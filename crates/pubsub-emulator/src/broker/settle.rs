//! Answers of consumers, and what follows from them.

use std::sync::Arc;
use std::time::Duration;

use super::ack_id::AckId;
use super::{Broker, State};
use crate::lease::{Acked, Seq, Token};
use crate::refusal::Refusal;
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
    /// The answer of a unary call.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with the reason `EXACTLY_ONCE_ACKID_FAILURE` if an id did not count; the
    /// others of the request did.
    pub fn into_unary(self) -> Result<(), Refusal> {
        if self.failed.is_empty() {
            return Ok(());
        }
        Err(Refusal::invalid(
            "Some acknowledgement ids in the request were invalid. This could be because the \
             acknowledgement ids have expired or the acknowledgement ids were malformed.",
        ))
    }
}

impl Broker {
    /// Acknowledges messages. With exactly-once delivery the answer waits for the disk.
    pub async fn acknowledge(
        self: &Arc<Self>,
        name: &str,
        ack_ids: &[String],
    ) -> Result<Settled, Refusal> {
        let ids = parse(ack_ids)?;
        let state = &mut *self.state.lock();
        let id = state.find(name)?;
        let leases = &mut state.get_mut(id)?.leases;
        let done = ids
            .iter()
            .filter(|ack| ack.subscription == id)
            .filter(|ack| leases.ack(ack.seq, ack.token) == Acked::Done)
            .map(|ack| ack.seq)
            .collect();
        self.settled(state, id, done);
        Ok(Settled::default())
    }

    /// Moves the deadlines of leases; 0 seconds gives the messages back as failed.
    pub fn modify_deadlines(
        self: &Arc<Self>,
        name: &str,
        deadlines: &[(String, i32)],
    ) -> Result<Settled, Refusal> {
        let now = self.clock.now();
        let mut parsed = Vec::with_capacity(deadlines.len());
        for (id, seconds) in deadlines {
            parsed.push((AckId::parse(id)?, length(*seconds)?));
        }
        let state = &mut *self.state.lock();
        let id = state.find(name)?;
        let leases = &mut state.get_mut(id)?.leases;
        for (ack, length) in parsed {
            if ack.subscription != id {
                continue;
            }
            if length.is_zero() {
                leases.nack(ack.seq, ack.token, now);
            } else {
                leases.extend(ack.seq, ack.token, length, now);
            }
        }
        self.settled(state, id, Vec::new());
        Ok(Settled::default())
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
            Outcome::Done if leases.ack(seq, token) == Acked::Done => done.push(seq),
            Outcome::Done => {}
            Outcome::Failed => {
                leases.nack(seq, token, now);
            }
        }
        self.settled(state, id, done);
    }

    /// Writes down what has changed in a subscription, forwards what is to leave it, and wakes
    /// whoever has something to do now. `done` are the messages that it is rid of.
    pub(super) fn settled(self: &Arc<Self>, state: &mut State, id: SubscriptionId, done: Vec<Seq>) {
        for seq in &done {
            state.messages.release(*seq, id);
        }
        if !done.is_empty() {
            self.note_done(state, id, done);
        }
        let Some(subscription) = state.subscriptions.get_mut(&id) else {
            return;
        };
        let failed = subscription.leases.drain_failed();
        let leaving = subscription.leases.drain_leaving();
        if subscription.leases.has_ready() {
            subscription.arrivals.notify_waiters();
        }
        self.note_failures(state, id, &failed);
        for seq in leaving {
            self.forward(state, id, seq);
        }
        self.remind(state, id);
    }

    fn note_done(&self, state: &mut State, id: SubscriptionId, done: Vec<Seq>) {
        let seqs = done.into_iter().map(|seq| seq.0).collect();
        let frames = Frames::one(&Entry::done(id.0, seqs));
        self.log.append(frames, false, state.next_seq, None);
        self.remove_finished(state);
    }

    fn note_failures(&self, state: &State, id: SubscriptionId, failed: &[Seq]) {
        let Some(subscription) = state.subscriptions.get(&id) else {
            return;
        };
        let mut frames = Frames::default();
        for seq in failed {
            let failures = subscription.leases.failures(*seq);
            frames.push(&Entry::failed(id.0, seq.0, failures));
        }
        if !failed.is_empty() {
            self.log.append(frames, false, state.next_seq, None);
        }
    }
}

fn parse(ack_ids: &[String]) -> Result<Vec<AckId>, Refusal> {
    ack_ids.iter().map(|id| AckId::parse(id)).collect()
}

fn length(seconds: i32) -> Result<Duration, Refusal> {
    match u64::try_from(seconds) {
        Ok(length) if seconds <= MOST_SECONDS => Ok(Duration::from_secs(length)),
        _ => Err(Refusal::invalid(format!(
            "ack deadline of {seconds} s: must be 0 to {MOST_SECONDS}"
        ))),
    }
}
