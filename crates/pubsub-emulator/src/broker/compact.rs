//! Keeping the log small: finished segments are deleted from the front; when a few messages hold a
//! long log, they are written again at its end.

use std::sync::Arc;

use super::messages::Body;
use super::{Broker, State};
use crate::encoded::Encoded;
use crate::seqs::Seq;
use crate::store::{AppendError, Entry, Frames, Place};

/// Messages moved in one step.
const STEP: usize = 256;
/// A log may be so many times as large as what lives in it.
const SLACK: u64 = 2;

impl Broker {
    /// Deletes the segments at the front that nothing needs any more.
    pub(super) fn remove_finished(&self, state: &mut State) {
        if let Some(front) = state.messages.front() {
            self.log.remove_before(front);
        }
        if self.is_wasteful(state) && !state.compacting {
            self.sooner.notify_one();
        }
    }

    fn is_wasteful(&self, state: &State) -> bool {
        let needed = state.messages.bytes().saturating_mul(SLACK);
        self.log.bytes() > needed.saturating_add(self.max_disk_slack)
    }

    /// One step of moving the oldest messages to the end, if the log is too large for what is in
    /// it. True if there was something to move.
    pub(super) async fn compact(self: &Arc<Self>) -> bool {
        let oldest = {
            let mut state = self.state.lock();
            if state.compacting || !self.is_wasteful(&state) {
                return false;
            }
            let oldest = bodies(&state, STEP);
            state.compacting = !oldest.is_empty();
            oldest
        };
        if oldest.is_empty() {
            return false;
        }
        let read = tokio::task::spawn_blocking(move || {
            let read = oldest
                .into_iter()
                .map(|(seq, body)| Some((seq, body.read().ok()?)));
            read.collect::<Option<Vec<_>>>()
        });
        match read.await {
            Ok(Some(messages)) => self.write_again(messages).await,
            _ => {
                tracing::error!("the front of the log cannot be read and stays as it is");
                false
            }
        }
    }

    async fn write_again(self: &Arc<Self>, messages: Vec<(Seq, Encoded)>) -> bool {
        let (finished, wait) = tokio::sync::oneshot::channel();
        {
            let state = self.state.lock();
            let mut frames = Frames::default();
            let mut moved = Vec::new();
            for (seq, message) in messages {
                // Only for those that have not acknowledged it until now: an acknowledgement from
                // here on comes after this entry in the log.
                let (open, acked) = state.holders(seq);
                if !open.is_empty() || !acked.is_empty() {
                    frames.push(&Entry::message(seq, &open, &acked, message));
                    moved.push(seq);
                }
            }
            let broker = Arc::clone(self);
            let done = Box::new(move |result: Result<Vec<Place>, AppendError>| {
                let _ = finished.send(broker.moved(&moved, result));
            });
            self.log.append(frames, true, state.next_seq, Some(done));
        }
        wait.await.unwrap_or(false)
    }

    fn moved(&self, moved: &[Seq], result: Result<Vec<Place>, AppendError>) -> bool {
        let mut state = self.state.lock();
        state.compacting = false;
        let Ok(places) = result else { return false };
        for (seq, place) in moved.iter().zip(places) {
            state.messages.moved(*seq, &place);
        }
        self.remove_finished(&mut state);
        true
    }
}

fn bodies(state: &State, most: usize) -> Vec<(Seq, Body)> {
    let oldest = state.messages.oldest(most).into_iter();
    let body = |seq| Some((seq, state.messages.body(seq)?));
    oldest.filter_map(body).collect()
}
