//! Asking a queue for messages. A poll that has begun is never dropped, whoever asked: the service would hand its messages to
//! nobody, and until their loan ran out no one else would see them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Aws;
use super::answers::{Answers, LOAN, Lent};
use super::trouble::{self, Trouble};

/// How long the service waits for a message to come: as long as it can
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>).
pub(super) const WAIT: Duration = Duration::from_secs(20);
/// What an answer may take besides.
const SLACK: Duration = Duration::from_secs(10);
/// The most that one poll brings.
pub(super) const MOST: usize = 10;

/// Tasks that end by themselves, within the time of a poll or when what is lent is answered.
#[derive(Debug, Default)]
pub(super) struct Background(Mutex<JoinSet<()>>);

impl Background {
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
}

/// A message, and the loan of it.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) message: Message,
    pub(super) lent: Lent,
}

/// Waits for up to `most` messages of the queue at `url`. Dropping this gives back what still comes.
///
/// # Errors
/// The queue cannot be asked.
pub(super) async fn once(
    queue: &Arc<Aws>,
    url: &str,
    answers: &Answers,
    most: usize,
) -> Result<Vec<Brought>, Trouble> {
    let (tell, told) = oneshot::channel();
    let (queue_of_task, url, answers) = (Arc::clone(queue), url.to_owned(), answers.clone());
    queue.background.spawn(async move {
        let came = messages(&queue_of_task, &url, most, WAIT).await;
        let came = came.map(|messages| messages.into_iter().filter_map(|m| lend(m, &answers)));
        // If nobody listens any more, each loan is dropped, and so given back.
        drop(tell.send(came.map(Iterator::collect)));
    });
    let ended = |_| Trouble::Passing("the poll ended without a word".to_owned());
    told.await.map_err(ended)?
}

fn lend(message: Message, answers: &Answers) -> Option<Brought> {
    let receipt = message.receipt_handle.clone()?;
    let lent = answers.lend(receipt);
    Some(Brought { message, lent })
}

/// Up to `most` messages, for which the service waits as long as `wait`.
///
/// # Errors
/// The queue cannot be asked.
pub(super) async fn messages(
    queue: &Aws,
    url: &str,
    most: usize,
    wait: Duration,
) -> Result<Vec<Message>, Trouble> {
    let seconds = |span: Duration| i32::try_from(span.as_secs()).unwrap_or(i32::MAX);
    let sqs = &queue.clients().await.sqs;
    let request = sqs.receive_message().queue_url(url);
    let request = request
        .max_number_of_messages(i32::try_from(most.clamp(1, MOST)).unwrap_or(1))
        .visibility_timeout(seconds(LOAN))
        .wait_time_seconds(seconds(wait))
        .message_attribute_names("All")
        .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
        .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
        .message_system_attribute_names(MessageSystemAttributeName::DeadLetterQueueSourceArn);
    let Ok(answer) = timeout(wait + SLACK, request.send()).await else {
        return Err(Trouble::Passing("no answer in time".to_owned()));
    };
    let answer = answer.map_err(|error| trouble::sorted(&error))?;
    Ok(answer.messages.unwrap_or_default())
}
