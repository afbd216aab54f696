//! One request with as many messages as it takes.

use aws_sdk_sns::types::{MessageAttributeValue as SnsValue, PublishBatchRequestEntry};
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{MessageAttributeValue as SqsValue, SendMessageBatchRequestEntry};

use crate::aws::clients::Clients;
use crate::aws::envelope::Message;
use crate::aws::trouble::{self, Trouble};

/// Both services' limits on a batch
/// (<https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html>); SQS takes more bytes by now.
const MESSAGES: usize = 10;
const BYTES: usize = 256 * 1024;

/// Where messages go.
#[derive(Debug)]
pub(in crate::aws) enum Target {
    /// A topic's ARN.
    Topic(String),
    /// A queue's address.
    Queue(String),
}

/// One message of a batch was not taken.
#[derive(Debug)]
pub(super) struct Fault {
    /// Which, from 0.
    pub(super) at: usize,
    /// The message's own: no later try can go better.
    pub(super) is_ours: bool,
    pub(super) text: String,
}

/// Batches of `messages`, each within the limits.
pub(super) fn split(messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut batches: Vec<Vec<Message>> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let size = message.size();
        match batches.last_mut() {
            Some(last) if last.len() < MESSAGES && bytes + size <= BYTES => {
                bytes += size;
                last.push(message);
            }
            _ => {
                bytes = size;
                batches.push(vec![message]);
            }
        }
    }
    batches
}

/// Sends `batch`; says which of it were not taken.
///
/// # Errors
/// None was.
pub(super) async fn send(
    clients: &Clients,
    target: &Target,
    batch: &[Message],
) -> Result<Vec<Fault>, Trouble> {
    match target {
        Target::Topic(arn) => to_topic(&clients.sns, arn, batch).await,
        Target::Queue(url) => to_queue(&clients.sqs, url, batch).await,
    }
}

async fn to_topic(
    sns: &aws_sdk_sns::Client,
    arn: &str,
    batch: &[Message],
) -> Result<Vec<Fault>, Trouble> {
    let entries = batch.iter().enumerate().map(|(n, message)| {
        let entry = PublishBatchRequestEntry::builder().id(n.to_string());
        let mut entry = entry.message(&message.body);
        for (name, value) in &message.attributes {
            let value = SnsValue::builder().data_type("String").string_value(value);
            entry = entry.message_attributes(name, value.build()?);
        }
        entry.build()
    });
    let entries = entries.collect::<Result<_, _>>().map_err(unbuilt)?;
    let request = sns.publish_batch().topic_arn(arn);
    let sent = request.set_publish_batch_request_entries(Some(entries));
    let sent = sent.send().await.map_err(|error| trouble::sorted(&error))?;
    let failed = sent.failed().iter();
    Ok(failed
        .map(|one| fault(one.id(), one.sender_fault(), one.code(), one.message()))
        .collect())
}

async fn to_queue(
    sqs: &aws_sdk_sqs::Client,
    url: &str,
    batch: &[Message],
) -> Result<Vec<Fault>, Trouble> {
    let entries = batch.iter().enumerate().map(|(n, message)| {
        let entry = SendMessageBatchRequestEntry::builder().id(n.to_string());
        let mut entry = entry.message_body(&message.body);
        for (name, value) in &message.attributes {
            let value = SqsValue::builder().data_type("String").string_value(value);
            entry = entry.message_attributes(name, value.build()?);
        }
        entry.build()
    });
    let entries = entries.collect::<Result<_, _>>().map_err(unbuilt)?;
    let request = sqs.send_message_batch().queue_url(url);
    let sent = request.set_entries(Some(entries)).send().await;
    let sent = sent.map_err(|error| trouble::sorted(&error))?;
    let failed = sent.failed().iter();
    Ok(failed
        .map(|one| fault(one.id(), one.sender_fault(), one.code(), one.message()))
        .collect())
}

fn fault(id: &str, is_senders: bool, code: &str, message: Option<&str>) -> Fault {
    let text = message.unwrap_or("no more was said");
    Fault {
        // An id that is none names none of the batch.
        at: id.parse().unwrap_or(usize::MAX),
        // The sender's fault is also a key that it may not use.
        is_ours: is_senders && trouble::is_about_a_message(code, text),
        text: format!("{code}: {text}"),
    }
}

/// A request that lacks something: never, as all of it is set above.
fn unbuilt(error: BuildError) -> Trouble {
    Trouble::Refused {
        code: "InvalidRequest".to_owned(),
        text: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Message {
        Message {
            id: "e".to_owned(),
            body: "x".repeat(bytes),
            attributes: [].into(),
        }
    }

    fn sizes(messages: Vec<Message>) -> Vec<usize> {
        split(messages).iter().map(Vec::len).collect()
    }

    #[test]
    fn a_fault_is_the_messages_own_or_may_pass() {
        let ours = fault("3", true, "InvalidMessageContents", None);
        assert_eq!((ours.at, ours.is_ours), (3, true));
        assert!(!fault("3", true, "KMS.AccessDeniedException", None).is_ours);
        assert!(!fault("3", false, "InternalError", Some("Message")).is_ours);
    }

    #[test]
    fn a_batch_keeps_to_number_and_bytes() {
        assert_eq!(sizes(vec![]), [0; 0]);
        assert_eq!(sizes(vec![message(1); 25]), [10, 10, 5]);
        assert_eq!(sizes(vec![message(100 * 1024); 5]), [2, 2, 1]);
        assert_eq!(sizes(vec![message(128 * 1024); 3]), [2, 1]);
    }
}
