//! Publishing: checked, numbered, made durable, then given to the subscriptions.

use std::sync::Arc;

use prost::Message;
use tokio::sync::oneshot;

use super::{Broker, State, Then};
use crate::clock::Moment;
use crate::encoded::{Draft, Encoded};
use crate::names::TopicName;
use crate::proto::PubsubMessage;
use crate::refusal::Refusal;
use crate::seqs::Seq;
use crate::store::catalog::HolderId;
use crate::store::{AppendError, Entry, Frames, Place};

const MOST_MESSAGES: usize = 1000;
/// Of one publish request.
pub(crate) const MOST_BYTES: usize = 10_000_000;
const MOST_ATTRIBUTES: usize = 100;
const LONGEST_KEY: usize = 256;
const LONGEST_VALUE: usize = 1024;

/// A message with its number, on its way to the disk.
pub(super) struct Outgoing {
    seq: Seq,
    targets: Vec<HolderId>,
    message: Encoded,
    ordering_key: String,
    born: Moment,
}

impl Broker {
    /// Publishes to a topic. Returns the messages' ids once they are durable.
    pub async fn publish(
        self: &Arc<Self>,
        topic: &str,
        mut messages: Vec<PubsubMessage>,
    ) -> Result<Vec<String>, Refusal> {
        let topic = TopicName::parse(topic)?;
        let size = check(&messages)?;
        self.conform(&topic, &mut messages)?;
        let count = messages.len();
        let drafts = self.repeated(&topic, messages).into_iter().map(Draft::new);
        let drafts = drafts.collect();
        let kib = u32::try_from(size / 1024 + 1).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room)
            .acquire_many_owned(kib)
            .await
            .map_err(|_| Refusal::shutting_down())?;
        let (answer, answered) = oneshot::channel();
        let ids = {
            let mut state = self.state.lock();
            self.check_room(&state, size)?;
            let outgoing = self.number(&mut state, &topic, drafts)?;
            let ids = outgoing.iter().take(count);
            let ids = ids.map(|o| o.seq.0.to_string()).collect();
            let then: Then = Box::new(move |_, _, result| {
                drop(room);
                // A publisher that has gone away does not hear the answer.
                let _ = answer.send(result);
            });
            self.submit(&mut state, outgoing, then);
            ids
        };
        match answered.await {
            Ok(Ok(())) => Ok(ids),
            Ok(Err(error)) => Err(Refusal::unavailable(error.to_string())),
            Err(_) => Err(Refusal::shutting_down()),
        }
    }

    /// The messages, and once more those that a disturbance repeats.
    fn repeated(&self, topic: &TopicName, messages: Vec<PubsubMessage>) -> Vec<PubsubMessage> {
        let mut all = messages;
        if let Some(disturbance) = &self.disturbance {
            let mut again = all.clone();
            again.retain(|_| disturbance.repeats(topic.as_str()));
            all.append(&mut again);
        }
        all
    }

    fn check_room(&self, state: &State, size: usize) -> Result<(), Refusal> {
        let bytes = state.messages.bytes().saturating_add(size as u64);
        if bytes <= self.max_backlog_bytes {
            return Ok(());
        }
        Err(Refusal::exhausted(format!(
            "the messages that are kept have reached their bound of {} bytes: acknowledge some, \
             shorten the retention, or delete subscriptions and snapshots",
            self.max_backlog_bytes
        )))
    }

    /// Gives messages their ids, their time and their subscriptions.
    pub(super) fn number(
        &self,
        state: &mut State,
        topic: &TopicName,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Outgoing>, Refusal> {
        if !state.catalog.topics.contains_key(topic) {
            return Err(Refusal::not_found(format!(
                "Resource not found (resource={}).",
                topic.id()
            )));
        }
        let now = self.clock.now();
        let numbered = drafts
            .into_iter()
            .map(|draft| Outgoing::number(state, topic, draft, now));
        let numbered: Vec<_> = numbered.collect();
        if self.watchers.receiver_count() > 0 {
            for outgoing in &numbered {
                let seen = (topic.clone(), outgoing.message.clone());
                // Whoever looked on may have gone this instant.
                let _nobody = self.watchers.send(seen);
            }
        }
        Ok(numbered)
    }

    /// Hands numbered messages to the log, in the order of their numbers, and to their
    /// subscriptions when that has written them.
    pub(super) fn submit(self: &Arc<Self>, state: &mut State, outgoing: Vec<Outgoing>, then: Then) {
        let mut wanted = outgoing;
        wanted.retain(|message| !message.targets.is_empty());
        if wanted.is_empty() || !self.log.is_durable() {
            if self.closing.is_cancelled() {
                return then(self, state, Err(AppendError::Stopped));
            }
            self.arrive(state, wanted, None);
            return then(self, state, Ok(()));
        }
        let mut frames = Frames::default();
        wanted.iter().for_each(|o| frames.push(&o.entry()));
        let broker = Arc::clone(self);
        let done = Box::new(move |result: Result<Vec<Place>, AppendError>| {
            let mut state = broker.state.lock();
            let result = result.map(|places| broker.arrive(&mut state, wanted, Some(places)));
            then(&broker, &mut state, result);
        });
        self.log.append(frames, true, state.next_seq, Some(done));
    }

    /// Written messages enter the subscriptions that still exist.
    fn arrive(&self, state: &mut State, outgoing: Vec<Outgoing>, places: Option<Vec<Place>>) {
        let mut places = places.map(Vec::into_iter);
        let born = outgoing.first().map(|message| message.born);
        for message in outgoing {
            let place = places.as_mut().and_then(Iterator::next);
            message.arrive(state, place.as_ref());
        }
        state.announce();
        // A new message's only date is the end of its retention.
        let end = born.map(|born| born + state.shortest_retention);
        let late = |end: Moment| state.wake_at.is_none_or(|wake| end < wake);
        if end.is_some_and(late) {
            self.sooner.notify_one();
        }
    }
}

impl Outgoing {
    fn number(state: &mut State, topic: &TopicName, mut draft: Draft, now: Moment) -> Self {
        let seq = Seq(state.next_seq);
        state.next_seq += 1;
        Self {
            seq,
            targets: state.targets(topic, &draft.message),
            ordering_key: std::mem::take(&mut draft.message.ordering_key),
            message: draft.stamp(seq, now),
            born: now,
        }
    }

    fn entry(&self) -> Entry {
        Entry::message(self.seq, &self.targets, &[], self.message.clone())
    }

    fn arrive(self, state: &mut State, place: Option<&Place>) {
        let Self {
            seq,
            targets,
            message,
            ordering_key,
            born,
        } = self;
        let size = message.len();
        if let Some(place) = place {
            state.messages.written_to(place.segment.number);
        }
        let mut holders = 0;
        for id in targets {
            holders += u32::from(state.admit(id, seq, &ordering_key, size, born));
        }
        if holders > 0 {
            state.messages.insert(seq, message, size, holders, place);
        }
    }
}

/// The limits of <https://cloud.google.com/pubsub/quotas#resource_limits>. Returns the bytes.
fn check(messages: &[PubsubMessage]) -> Result<usize, Refusal> {
    if messages.is_empty() {
        return Err(Refusal::invalid("no messages to publish"));
    }
    if messages.len() > MOST_MESSAGES {
        return Err(Refusal::invalid(format!(
            "more than {MOST_MESSAGES} messages in one request"
        )));
    }
    messages.iter().try_for_each(check_message)?;
    let size = messages.iter().map(Message::encoded_len).sum();
    if size > MOST_BYTES {
        return Err(Refusal::invalid(format!(
            "a request of {size} bytes: the limit is {MOST_BYTES}"
        )));
    }
    Ok(size)
}

fn check_message(message: &PubsubMessage) -> Result<(), Refusal> {
    if message.data.is_empty() && message.attributes.is_empty() {
        return Err(Refusal::invalid(
            "a message must have data or at least one attribute",
        ));
    }
    if message.ordering_key.len() > LONGEST_VALUE {
        return Err(Refusal::invalid(format!(
            "an ordering key of more than {LONGEST_VALUE} bytes"
        )));
    }
    if message.attributes.len() > MOST_ATTRIBUTES {
        return Err(Refusal::invalid(format!(
            "more than {MOST_ATTRIBUTES} attributes"
        )));
    }
    for (key, value) in &message.attributes {
        if key.is_empty() || key.len() > LONGEST_KEY || key.starts_with("goog") {
            return Err(Refusal::invalid(format!(
                "attribute key {key:?}: must be 1 to {LONGEST_KEY} bytes and not begin with \"goog\""
            )));
        }
        if value.len() > LONGEST_VALUE {
            return Err(Refusal::invalid(format!(
                "attribute {key:?} is longer than {LONGEST_VALUE} bytes"
            )));
        }
    }
    Ok(())
}
