//! Messages in the form in which they travel: encoded once, when they are published.
//!
//! On the wire a message within a message is a field of bytes. So the answers here are those of
//! `google.pubsub.v1`, with bytes in the place of each `PubsubMessage`.

use std::io;

use bytes::Bytes;
use prost::Message;

use crate::clock::Moment;
use crate::proto::{PubsubMessage, streaming_pull_response as of_stream};
use crate::seqs::Seq;

/// A `PubsubMessage` on the wire. A copy shares its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encoded(Bytes);

impl Encoded {
    /// From the log, whose entries are checked.
    pub fn from_log(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The message, to be looked into. Its data stays where it is.
    pub fn decode(&self) -> io::Result<PubsubMessage> {
        let decoded = PubsubMessage::decode(self.0.clone());
        decoded.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// Far below 4 GiB: it was checked.
    pub fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}

/// An encoded message that has no id and no time yet.
#[derive(Debug)]
pub(crate) struct Draft {
    /// For whoever has to look into it.
    pub message: PubsubMessage,
    bytes: Vec<u8>,
}

/// Most bytes of id and time on the wire.
const STAMP: usize = 48;

impl Draft {
    pub fn new(message: PubsubMessage) -> Self {
        let message = PubsubMessage {
            message_id: String::new(),
            publish_time: None,
            ..message
        };
        let mut bytes = Vec::with_capacity(message.encoded_len() + STAMP);
        // A vector takes as much as there is.
        let _ = message.encode(&mut bytes);
        Self { message, bytes }
    }

    /// Gives it its id and its time. What is encoded one after the other is read as one message.
    pub fn stamp(self, seq: Seq, born: Moment) -> Encoded {
        let mut bytes = self.bytes;
        let stamp = PubsubMessage {
            message_id: seq.0.to_string(),
            publish_time: Some(born.to_proto()),
            ..PubsubMessage::default()
        };
        let _ = stamp.encode(&mut bytes);
        // Exactly so large, since it may lie in memory for long.
        bytes.shrink_to_fit();
        Encoded(bytes.into())
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReceivedMessage {
    #[prost(string, tag = "1")]
    pub ack_id: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub message: Bytes,
    #[prost(int32, tag = "3")]
    pub delivery_attempt: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PullResponse {
    #[prost(message, repeated, tag = "1")]
    pub received_messages: Vec<ReceivedMessage>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamingPullResponse {
    #[prost(message, repeated, tag = "1")]
    pub received_messages: Vec<ReceivedMessage>,
    #[prost(message, optional, tag = "5")]
    pub acknowledge_confirmation: Option<of_stream::AcknowledgeConfirmation>,
    #[prost(message, optional, tag = "3")]
    pub modify_ack_deadline_confirmation: Option<of_stream::ModifyAckDeadlineConfirmation>,
    #[prost(message, optional, tag = "4")]
    pub subscription_properties: Option<of_stream::SubscriptionProperties>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto;

    fn message() -> PubsubMessage {
        PubsubMessage {
            data: "data".into(),
            attributes: [("a".to_owned(), "b".to_owned())].into(),
            ordering_key: "key".to_owned(),
            message_id: "not a publisher's to set".to_owned(),
            ..PubsubMessage::default()
        }
    }

    #[test]
    fn a_stamped_draft_is_the_message_with_id_and_time() {
        let born = Moment::from_micros(1_700_000_000_000_001);
        let encoded = Draft::new(message()).stamp(Seq(7), born);
        let expected = PubsubMessage {
            message_id: "7".to_owned(),
            publish_time: Some(born.to_proto()),
            ..message()
        };
        assert_eq!(encoded.decode().unwrap(), expected);
        let longest = Draft::new(message()).stamp(Seq(u64::MAX), Moment::from_micros(u64::MAX));
        let rest = Draft::new(message()).bytes.len();
        assert!(longest.0.len() - rest <= STAMP);
    }

    #[test]
    fn answers_are_those_of_the_protocol() {
        let encoded = Draft::new(message()).stamp(Seq(7), Moment::default());
        let received = ReceivedMessage {
            ack_id: "ack".to_owned(),
            message: encoded.clone().into_bytes(),
            delivery_attempt: 3,
        };
        let response = StreamingPullResponse {
            received_messages: vec![received],
            acknowledge_confirmation: Some(of_stream::AcknowledgeConfirmation {
                ack_ids: vec!["a".to_owned()],
                ..Default::default()
            }),
            modify_ack_deadline_confirmation: Some(of_stream::ModifyAckDeadlineConfirmation {
                ack_ids: vec!["m".to_owned()],
                ..Default::default()
            }),
            subscription_properties: Some(of_stream::SubscriptionProperties {
                message_ordering_enabled: true,
                exactly_once_delivery_enabled: false,
            }),
        };
        let read = proto::StreamingPullResponse::decode(&*response.encode_to_vec()).unwrap();
        let expected = proto::ReceivedMessage {
            ack_id: "ack".to_owned(),
            message: Some(encoded.decode().unwrap()),
            delivery_attempt: 3,
        };
        assert_eq!(read.received_messages, [expected]);
        assert_eq!(
            (
                read.acknowledge_confirmation,
                read.modify_ack_deadline_confirmation,
                read.subscription_properties
            ),
            (
                response.acknowledge_confirmation,
                response.modify_ack_deadline_confirmation,
                response.subscription_properties
            )
        );
    }
}
