//! Changes to messages that are lent to us, in batches: deleted, given back, kept longer.

use std::time::Duration;

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
};
use tokio::time::{Instant, timeout};

use super::{Answer, BATCH, LOAN};
use crate::aws::Aws;
use crate::aws::trouble::{self, Trouble};

/// A request that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Delete,
    /// Nobody sees it for so many seconds, and then everybody does.
    Hide(i32),
    /// It stays ours.
    Keep,
}

impl From<Answer> for What {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Done => Self::Delete,
            Answer::Again(seconds) => Self::Hide(seconds),
        }
    }
}

/// One change, and until when it is of use: later the message is somebody else's.
#[derive(Debug)]
pub(super) struct Change {
    receipt: String,
    what: What,
    until: Instant,
}

impl Change {
    pub(super) fn new(receipt: String, what: What) -> Self {
        Self {
            receipt,
            what,
            until: Instant::now() + LOAN,
        }
    }

    fn seconds(&self) -> i32 {
        match self.what {
            What::Hide(seconds) => seconds,
            What::Delete | What::Keep => i32::try_from(LOAN.as_secs()).unwrap_or(i32::MAX),
        }
    }
}

/// Tries all `changes` once; returns those that are to be tried again.
pub(super) async fn make(queue: &Aws, url: &str, changes: Vec<Change>) -> Vec<Change> {
    let now = Instant::now();
    let in_time = changes.into_iter().filter(|change| change.until > now);
    let (deletions, others): (Vec<_>, Vec<_>) =
        in_time.partition(|change| change.what == What::Delete);
    let mut left = Vec::new();
    for (mut rest, deletes) in [(deletions, true), (others, false)] {
        while !rest.is_empty() {
            let batch = rest.drain(..rest.len().min(BATCH)).collect();
            left.extend(one(queue, url, batch, deletes).await);
        }
    }
    left
}

async fn one(queue: &Aws, url: &str, batch: Vec<Change>, deletes: bool) -> Vec<Change> {
    let sqs = &queue.clients().await.sqs;
    let made = async {
        if deletes {
            delete(sqs, url, &batch).await
        } else {
            hide(sqs, url, &batch).await
        }
    };
    match timeout(PATIENCE, made).await {
        Ok(Ok(failed)) => again(batch, &failed),
        Ok(Err(Trouble::Passing(error))) => {
            tracing::debug!(error, "answers are tried again");
            batch
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "answers were refused: their messages come again");
            Vec::new()
        }
        Err(_) => batch,
    }
}

/// Those of `batch` that failed for the service's own reasons. Ours would be a receipt that has run out: then the message comes
/// again whatever we say.
fn again(batch: Vec<Change>, failed: &[BatchResultErrorEntry]) -> Vec<Change> {
    let is_passing = |at: usize| {
        let mut of_it = failed.iter().filter(|one| one.id() == at.to_string());
        of_it.any(|one| !one.sender_fault())
    };
    for one in failed.iter().filter(|one| one.sender_fault()) {
        tracing::debug!(code = one.code(), "a message was not ours any more");
    }
    let numbered = batch.into_iter().enumerate();
    let left = numbered.filter(|(at, _)| is_passing(*at));
    left.map(|(_, change)| change).collect()
}

async fn delete(
    sqs: &aws_sdk_sqs::Client,
    url: &str,
    batch: &[Change],
) -> Result<Vec<BatchResultErrorEntry>, Trouble> {
    let entries = batch.iter().enumerate().filter_map(|(n, change)| {
        let entry = DeleteMessageBatchRequestEntry::builder().id(n.to_string());
        entry.receipt_handle(&change.receipt).build().ok()
    });
    let request = sqs.delete_message_batch().queue_url(url);
    let made = request.set_entries(Some(entries.collect())).send().await;
    made.map(|made| made.failed)
        .map_err(|error| trouble::sorted(&error))
}

async fn hide(
    sqs: &aws_sdk_sqs::Client,
    url: &str,
    batch: &[Change],
) -> Result<Vec<BatchResultErrorEntry>, Trouble> {
    let entries = batch.iter().enumerate().filter_map(|(n, change)| {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(n.to_string());
        let entry = entry.visibility_timeout(change.seconds());
        entry.receipt_handle(&change.receipt).build().ok()
    });
    let request = sqs.change_message_visibility_batch().queue_url(url);
    let made = request.set_entries(Some(entries.collect())).send().await;
    made.map(|made| made.failed)
        .map_err(|error| trouble::sorted(&error))
}
