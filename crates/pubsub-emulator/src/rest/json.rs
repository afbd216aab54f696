//! Resources as JSON. Fields are read in both spellings of proto3's mapping, unknown ones refused
//! neither by the service's clients nor here, since newer clients send newer fields.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::proto::push_config::{
    AuthenticationMethod, NoWrapper, OidcToken, PubsubWrapper, Wrapper,
};
use crate::proto::{
    DeadLetterPolicy, ExpirationPolicy, PubsubMessage, PushConfig, ReceivedMessage, RetryPolicy,
    Subscription, Topic, subscription, topic,
};
use crate::refusal::Refusal;
use crate::text;

type Map = HashMap<String, String>;

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TopicJson {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    labels: Map,
    #[serde(
        skip_serializing_if = "Option::is_none",
        alias = "message_retention_duration"
    )]
    message_retention_duration: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty", alias = "kms_key_name")]
    kms_key_name: String,
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    state: Option<&'static str>,
    #[serde(skip_serializing, alias = "schema_settings")]
    schema_settings: Option<Value>,
    #[serde(skip_serializing, alias = "ingestion_data_source_settings")]
    ingestion_data_source_settings: Option<Value>,
    #[serde(skip_serializing, alias = "message_transforms")]
    message_transforms: Vec<Value>,
}

impl TopicJson {
    pub fn into_proto(self) -> Result<Topic, Refusal> {
        refuse(&[
            (self.schema_settings.is_some(), "schemas"),
            (
                self.ingestion_data_source_settings.is_some(),
                "ingestion from data sources",
            ),
            (!self.message_transforms.is_empty(), "message transforms"),
        ])?;
        Ok(Topic {
            name: self.name,
            labels: self.labels,
            message_retention_duration: duration(self.message_retention_duration.as_deref())?,
            kms_key_name: self.kms_key_name,
            ..Topic::default()
        })
    }
}

impl From<Topic> for TopicJson {
    fn from(topic: Topic) -> Self {
        let state = topic::State::try_from(topic.state).ok();
        Self {
            name: topic.name,
            labels: topic.labels,
            message_retention_duration: topic
                .message_retention_duration
                .as_ref()
                .map(text::duration),
            kms_key_name: topic.kms_key_name,
            state: state.map(|state| state.as_str_name()),
            ..Self::default()
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SubscriptionJson {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    topic: String,
    #[serde(skip_serializing_if = "Option::is_none", alias = "push_config")]
    push_config: Option<PushConfigJson>,
    #[serde(alias = "ack_deadline_seconds")]
    ack_deadline_seconds: i32,
    #[serde(skip_serializing_if = "is_false", alias = "retain_acked_messages")]
    retain_acked_messages: bool,
    #[serde(
        skip_serializing_if = "Option::is_none",
        alias = "message_retention_duration"
    )]
    message_retention_duration: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    labels: Map,
    #[serde(skip_serializing_if = "is_false", alias = "enable_message_ordering")]
    enable_message_ordering: bool,
    #[serde(skip_serializing_if = "Option::is_none", alias = "expiration_policy")]
    expiration_policy: Option<ExpirationJson>,
    #[serde(skip_serializing_if = "String::is_empty")]
    filter: String,
    #[serde(skip_serializing_if = "Option::is_none", alias = "dead_letter_policy")]
    dead_letter_policy: Option<DeadLetterJson>,
    #[serde(skip_serializing_if = "Option::is_none", alias = "retry_policy")]
    retry_policy: Option<RetryJson>,
    #[serde(skip_serializing_if = "is_false")]
    detached: bool,
    #[serde(
        skip_serializing_if = "is_false",
        alias = "enable_exactly_once_delivery"
    )]
    enable_exactly_once_delivery: bool,
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    state: Option<&'static str>,
    #[serde(skip_serializing, alias = "bigquery_config")]
    bigquery_config: Option<Value>,
    #[serde(skip_serializing, alias = "cloud_storage_config")]
    cloud_storage_config: Option<Value>,
    #[serde(skip_serializing, alias = "bigtable_config")]
    bigtable_config: Option<Value>,
    #[serde(skip_serializing, alias = "message_transforms")]
    message_transforms: Vec<Value>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct ExpirationJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DeadLetterJson {
    #[serde(alias = "dead_letter_topic")]
    dead_letter_topic: String,
    #[serde(alias = "max_delivery_attempts")]
    max_delivery_attempts: i32,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RetryJson {
    #[serde(skip_serializing_if = "Option::is_none", alias = "minimum_backoff")]
    minimum_backoff: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", alias = "maximum_backoff")]
    maximum_backoff: Option<String>,
}

impl SubscriptionJson {
    pub fn into_proto(self) -> Result<Subscription, Refusal> {
        refuse(&[
            (self.bigquery_config.is_some(), "BigQuery subscriptions"),
            (
                self.cloud_storage_config.is_some(),
                "Cloud Storage subscriptions",
            ),
            (self.bigtable_config.is_some(), "Bigtable subscriptions"),
            (!self.message_transforms.is_empty(), "message transforms"),
        ])?;
        let expiration = self
            .expiration_policy
            .map(|policy| duration(policy.ttl.as_deref()).map(|ttl| ExpirationPolicy { ttl }));
        let retry = self.retry_policy.map(RetryJson::into_proto);
        Ok(Subscription {
            name: self.name,
            topic: self.topic,
            push_config: self.push_config.map(PushConfigJson::into_proto),
            ack_deadline_seconds: self.ack_deadline_seconds,
            retain_acked_messages: self.retain_acked_messages,
            message_retention_duration: duration(self.message_retention_duration.as_deref())?,
            labels: self.labels,
            enable_message_ordering: self.enable_message_ordering,
            expiration_policy: expiration.transpose()?,
            filter: self.filter,
            dead_letter_policy: self.dead_letter_policy.map(|policy| DeadLetterPolicy {
                dead_letter_topic: policy.dead_letter_topic,
                max_delivery_attempts: policy.max_delivery_attempts,
            }),
            retry_policy: retry.transpose()?,
            enable_exactly_once_delivery: self.enable_exactly_once_delivery,
            ..Subscription::default()
        })
    }
}

impl RetryJson {
    fn into_proto(self) -> Result<RetryPolicy, Refusal> {
        Ok(RetryPolicy {
            minimum_backoff: duration(self.minimum_backoff.as_deref())?,
            maximum_backoff: duration(self.maximum_backoff.as_deref())?,
        })
    }
}

impl From<Subscription> for SubscriptionJson {
    fn from(config: Subscription) -> Self {
        let state = subscription::State::try_from(config.state).ok();
        let text = |length: Option<prost_types::Duration>| length.as_ref().map(text::duration);
        Self {
            name: config.name,
            topic: config.topic,
            push_config: config.push_config.map(PushConfigJson::from),
            ack_deadline_seconds: config.ack_deadline_seconds,
            retain_acked_messages: config.retain_acked_messages,
            message_retention_duration: text(config.message_retention_duration),
            labels: config.labels,
            enable_message_ordering: config.enable_message_ordering,
            expiration_policy: config.expiration_policy.map(|policy| ExpirationJson {
                ttl: text(policy.ttl),
            }),
            filter: config.filter,
            dead_letter_policy: config.dead_letter_policy.map(|policy| DeadLetterJson {
                dead_letter_topic: policy.dead_letter_topic,
                max_delivery_attempts: policy.max_delivery_attempts,
            }),
            retry_policy: config.retry_policy.map(|policy| RetryJson {
                minimum_backoff: text(policy.minimum_backoff),
                maximum_backoff: text(policy.maximum_backoff),
            }),
            detached: config.detached,
            enable_exactly_once_delivery: config.enable_exactly_once_delivery,
            state: state.map(|state| state.as_str_name()),
            ..Self::default()
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PushConfigJson {
    #[serde(skip_serializing_if = "String::is_empty", alias = "push_endpoint")]
    push_endpoint: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    attributes: Map,
    #[serde(skip_serializing_if = "Option::is_none", alias = "oidc_token")]
    oidc_token: Option<OidcJson>,
    #[serde(skip_serializing_if = "Option::is_none", alias = "pubsub_wrapper")]
    pubsub_wrapper: Option<PubsubWrapperJson>,
    #[serde(skip_serializing_if = "Option::is_none", alias = "no_wrapper")]
    no_wrapper: Option<NoWrapperJson>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OidcJson {
    #[serde(alias = "service_account_email")]
    service_account_email: String,
    audience: String,
}

#[derive(Default, Serialize, Deserialize)]
struct PubsubWrapperJson {}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NoWrapperJson {
    #[serde(alias = "write_metadata")]
    write_metadata: bool,
}

impl PushConfigJson {
    pub fn into_proto(self) -> PushConfig {
        let bare = self.no_wrapper.map(|bare| {
            Wrapper::NoWrapper(NoWrapper {
                write_metadata: bare.write_metadata,
            })
        });
        let wrapped = self
            .pubsub_wrapper
            .map(|_| Wrapper::PubsubWrapper(PubsubWrapper {}));
        let token = self.oidc_token.map(|token| {
            AuthenticationMethod::OidcToken(OidcToken {
                service_account_email: token.service_account_email,
                audience: token.audience,
            })
        });
        PushConfig {
            push_endpoint: self.push_endpoint,
            attributes: self.attributes,
            authentication_method: token,
            wrapper: bare.or(wrapped),
        }
    }
}

impl From<PushConfig> for PushConfigJson {
    fn from(config: PushConfig) -> Self {
        let mut json = Self {
            push_endpoint: config.push_endpoint,
            attributes: config.attributes,
            ..Self::default()
        };
        if let Some(AuthenticationMethod::OidcToken(token)) = config.authentication_method {
            json.oidc_token = Some(OidcJson {
                service_account_email: token.service_account_email,
                audience: token.audience,
            });
        }
        match config.wrapper {
            Some(Wrapper::NoWrapper(bare)) => {
                let write_metadata = bare.write_metadata;
                json.no_wrapper = Some(NoWrapperJson { write_metadata });
            }
            Some(Wrapper::PubsubWrapper(_)) => json.pubsub_wrapper = Some(PubsubWrapperJson {}),
            None => {}
        }
        json
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MessageJson {
    #[serde(skip_serializing_if = "String::is_empty")]
    data: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    attributes: Map,
    #[serde(skip_deserializing)]
    message_id: String,
    #[serde(skip_deserializing)]
    publish_time: String,
    #[serde(skip_serializing_if = "String::is_empty", alias = "ordering_key")]
    ordering_key: String,
}

impl MessageJson {
    pub fn into_proto(self) -> Result<PubsubMessage, Refusal> {
        let data = STANDARD
            .decode(&self.data)
            .or_else(|_| URL_SAFE.decode(&self.data))
            .map_err(|error| Refusal::invalid(format!("message data is not base64: {error}")))?;
        Ok(PubsubMessage {
            data: data.into(),
            attributes: self.attributes,
            ordering_key: self.ordering_key,
            ..PubsubMessage::default()
        })
    }
}

impl From<PubsubMessage> for MessageJson {
    fn from(message: PubsubMessage) -> Self {
        let time = message.publish_time.as_ref().map(text::timestamp);
        Self {
            data: STANDARD.encode(&message.data),
            attributes: message.attributes,
            message_id: message.message_id,
            publish_time: time.unwrap_or_default(),
            ordering_key: message.ordering_key,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReceivedJson {
    ack_id: String,
    message: MessageJson,
    #[serde(skip_serializing_if = "is_zero")]
    delivery_attempt: i32,
}

impl From<ReceivedMessage> for ReceivedJson {
    fn from(received: ReceivedMessage) -> Self {
        Self {
            ack_id: received.ack_id,
            message: received.message.unwrap_or_default().into(),
            delivery_attempt: received.delivery_attempt,
        }
    }
}

fn duration(text: Option<&str>) -> Result<Option<prost_types::Duration>, Refusal> {
    let read = |text: &str| {
        text::parse_duration(text)
            .ok_or_else(|| Refusal::invalid(format!("{text:?} is no duration such as \"600s\"")))
    };
    text.map(read).transpose()
}

fn refuse(asked: &[(bool, &str)]) -> Result<(), Refusal> {
    match asked.iter().find(|(asked, _)| *asked) {
        Some((_, what)) => Err(Refusal::unsupported(what)),
        None => Ok(()),
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &i32) -> bool {
    *number == 0
}
