//! Entries of the log that are no messages: written lazily, or waited for.

use tokio::sync::oneshot;

use super::{Broker, State};
use crate::refusal::Refusal;
use crate::seqs::SeqSet;
use crate::store::catalog::HolderId;
use crate::store::{AppendError, Frames};

/// Entries on their way to the disk.
#[must_use = "nothing is promised before it is done"]
pub(super) struct Written(Option<oneshot::Receiver<Result<(), AppendError>>>);

impl Written {
    /// Nothing to wait for.
    pub fn now() -> Self {
        Self(None)
    }

    /// Resolves once the entries, and all before them, are durable.
    pub async fn done(self) -> Result<(), Refusal> {
        let Some(answer) = self.0 else { return Ok(()) };
        match answer.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Refusal::unavailable(error.to_string())),
            Err(_) => Err(Refusal::shutting_down()),
        }
    }
}

impl Broker {
    /// Hands entries to the log, to be durable at once.
    pub(super) fn write(&self, state: &State, frames: Frames) -> Written {
        if !self.log.is_durable() {
            return Written::now();
        }
        let (answer, answered) = oneshot::channel();
        let done = Box::new(move |result: Result<_, AppendError>| {
            // Whoever asked may have gone away.
            let _ = answer.send(result.map(|_| ()));
        });
        self.log.append(frames, true, state.next_seq, Some(done));
        Written(Some(answered))
    }

    /// Hands entries to the log, to be durable soon.
    pub(super) fn write_lazily(&self, state: &State, frames: Frames) {
        self.log.append(frames, false, state.next_seq, None);
    }

    /// A holder lets messages go for good: they are too old, or not retained any more.
    pub(super) fn let_go(&self, state: &mut State, holder: HolderId, seqs: &SeqSet) {
        if seqs.is_empty() {
            return;
        }
        for seq in seqs.iter() {
            state.messages.release(seq);
        }
        let mut frames = Frames::default();
        frames.push_done(holder, seqs, false);
        self.write_lazily(state, frames);
        self.remove_finished(state);
    }
}
