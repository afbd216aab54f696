//! Making what is missing, and bringing up to date what is there. Everything here may be done twice, and by two at once.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use farm_model::event::{HUB_EXTENSION, Topic};
use serde_json::{Value, json};

use super::admin::{Failed, failed};
use super::clients::Clients;
use super::queues::url_of;
use super::trouble::{self, Trouble};
use super::{Aws, poll};
use crate::error::BusError;
use crate::subscription::SubscriptionSpec;

mod subscribed;

/// How long a queue keeps what nobody takes: as long as it can.
const RETENTION_SECONDS: u32 = 14 * 24 * 60 * 60;

/// Makes things in one account.
pub(super) struct Maker<'a> {
    queue: &'a Aws,
    clients: &'a Clients,
}

/// A queue that is there.
struct Made {
    url: String,
    arn: String,
    /// Whom it lets send to it.
    policy: Option<String>,
}

type Attributes = HashMap<Name, String>;

impl<'a> Maker<'a> {
    pub(super) async fn new(queue: &'a Aws) -> Self {
        Self {
            queue,
            clients: queue.clients().await,
        }
    }

    pub(super) async fn topic(&self, topic: Topic) -> Result<(), Failed> {
        let name = self.queue.names.topic(topic.name());
        let made = self.clients.sns.create_topic().name(&name).send().await;
        let made = made.map(drop).map_err(|error| trouble::sorted(&error));
        made.map_err(|trouble| failed(trouble, format!("the topic {name}")))
    }

    /// Its dead letters first: its queue names them.
    pub(super) async fn subscription(&self, spec: &SubscriptionSpec) -> Result<(), Failed> {
        let dead = self.queue.names.queue(&SubscriptionSpec::dead(&spec.name));
        let name = self.queue.names.queue(&spec.name);
        let what = |trouble| failed(trouble, format!("the queue {name}"));
        let dead = self.made(&dead, common()).await.map_err(what)?;
        let wanted = wanted(spec, &dead.arn);
        let made = self.made(&name, wanted.clone()).await.map_err(what)?;
        let topic = match spec.topic {
            Topic::Work => None,
            topic => Some(self.queue.topic_arn(topic.name()).await.map_err(what)?),
        };
        differs(spec, made.policy.as_deref(), topic.as_deref())?;
        let wanted = wanted
            .into_iter()
            .chain(policy(&made.arn, topic.as_deref()));
        self.set(&made.url, wanted.collect()).await.map_err(what)?;
        match topic {
            None => Ok(()),
            Some(topic) => self.subscribed(spec, &topic, &made.arn).await,
        }
    }

    /// The queue `name`, made with `attributes` if it is not there.
    async fn made(&self, name: &str, attributes: Attributes) -> Result<Made, Trouble> {
        let create = self.clients.sqs.create_queue().queue_name(name);
        let created = create.set_attributes(Some(attributes)).send().await;
        let url = match created.map_err(|error| trouble::sorted(&error)) {
            Ok(created) => created.queue_url.unwrap_or_default(),
            // It is there with other attributes. If it is not, this says so.
            Err(Trouble::Refused { .. }) => url_of(&self.clients.sqs, name).await?,
            Err(trouble) => return Err(trouble),
        };
        self.look(url).await
    }

    async fn look(&self, url: String) -> Result<Made, Trouble> {
        let asked = self.clients.sqs.get_queue_attributes().queue_url(&url);
        let asked = asked.attribute_names(Name::QueueArn);
        let found = asked.attribute_names(Name::Policy).send().await;
        let found = found.map_err(|error| trouble::sorted(&error))?;
        let mut attributes = found.attributes.unwrap_or_default();
        Ok(Made {
            url,
            arn: attributes.remove(&Name::QueueArn).unwrap_or_default(),
            policy: attributes
                .remove(&Name::Policy)
                .filter(|text| !text.is_empty()),
        })
    }

    async fn set(&self, url: &str, attributes: Attributes) -> Result<(), Trouble> {
        let set = self.clients.sqs.set_queue_attributes().queue_url(url);
        let set = set.set_attributes(Some(attributes)).send().await;
        set.map(drop).map_err(|error| trouble::sorted(&error))
    }
}

fn common() -> Attributes {
    Attributes::from([
        (Name::MessageRetentionPeriod, RETENTION_SECONDS.to_string()),
        (
            Name::ReceiveMessageWaitTimeSeconds,
            poll::WAIT.as_secs().to_string(),
        ),
    ])
}

fn wanted(spec: &SubscriptionSpec, dead: &str) -> Attributes {
    let redrive = json!({
        "deadLetterTargetArn": dead,
        "maxReceiveCount": spec.max_delivery_attempts.clamp(5, 100),
    });
    let mut attributes = common();
    attributes.insert(Name::RedrivePolicy, redrive.to_string());
    let deadline = spec.ack_deadline_seconds.clamp(10, 600);
    attributes.insert(Name::VisibilityTimeout, deadline.to_string());
    attributes
}

/// Lets the topic, and no other, send to the queue
/// (<https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html>).
fn policy(queue: &str, topic: Option<&str>) -> Option<(Name, String)> {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "sns.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": { "ArnEquals": { "aws:SourceArn": topic? } },
        }],
    });
    Some((Name::Policy, policy.to_string()))
}

/// A queue that is there listens to what its policy lets send to it.
fn differs(
    spec: &SubscriptionSpec,
    policy: Option<&str>,
    topic: Option<&str>,
) -> Result<(), Failed> {
    let found = policy.and_then(|policy| serde_json::from_str::<Value>(policy).ok());
    let found = found.and_then(|policy| {
        let source = &policy["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"];
        source.as_str().map(str::to_owned)
    });
    match found {
        Some(found) if Some(found.as_str()) != topic => {
            let wanted = topic.unwrap_or("none").to_owned();
            Err(other(spec, "topic", found, wanted))
        }
        _ => Ok(()),
    }
}

fn other(spec: &SubscriptionSpec, what: &'static str, found: String, wanted: String) -> Failed {
    Failed::Final(BusError::Differs {
        subscription: spec.name.clone(),
        what,
        found,
        wanted,
    })
}

/// What of the topic is for the subscription: all of it, or what names the hub.
fn filter(spec: &SubscriptionSpec) -> Option<String> {
    let hub = spec.hub.as_ref()?;
    let attribute = format!("ce-{HUB_EXTENSION}");
    Some(json!({ attribute: [hub.to_string()] }).to_string())
}
