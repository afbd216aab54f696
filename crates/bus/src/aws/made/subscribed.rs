//! A queue's subscription to its topic.

use super::{Failed, Maker, failed, filter, other};
use crate::aws::trouble::{self, Trouble};
use crate::subscription::SubscriptionSpec;

/// Bodies arrive as they were published, and attributes as attributes.
const RAW: &str = "RawMessageDelivery";
const FILTER: &str = "FilterPolicy";

impl Maker<'_> {
    /// Subscribes `queue` to `topic`, or brings the subscription that is there up to date.
    pub(super) async fn subscribed(
        &self,
        spec: &SubscriptionSpec,
        topic: &str,
        queue: &str,
    ) -> Result<(), Failed> {
        let what = |trouble| failed(trouble, format!("the subscription of {queue} to {topic}"));
        let Some(there) = self.found(topic, queue).await.map_err(what)? else {
            return self.subscribe(spec, topic, queue).await.map_err(what);
        };
        let asked = self.clients.sns.get_subscription_attributes();
        let found = asked.subscription_arn(&there).send().await;
        let found = found.map_err(|error| what(trouble::sorted(&error)))?;
        let found = found.attributes.unwrap_or_default();
        let filtered = found.get(FILTER).filter(|text| !text.is_empty());
        let wanted = filter(spec);
        if filtered.map(|text| plain(text)) != wanted.as_deref().map(plain) {
            let shown = |text: Option<&String>| text.cloned().unwrap_or_else(|| "none".to_owned());
            return Err(other(
                spec,
                "filter",
                shown(filtered),
                shown(wanted.as_ref()),
            ));
        }
        if found.get(RAW).is_some_and(|raw| raw == "true") {
            return Ok(());
        }
        let set = self.clients.sns.set_subscription_attributes();
        let set = set.subscription_arn(there).attribute_name(RAW);
        let set = set.attribute_value("true").send().await.map(drop);
        set.map_err(|error| what(trouble::sorted(&error)))
    }

    /// The subscription of `queue`, if there is one.
    async fn found(&self, topic: &str, queue: &str) -> Result<Option<String>, Trouble> {
        let asked = self.clients.sns.list_subscriptions_by_topic();
        let mut pages = asked.topic_arn(topic).into_paginator().items().send();
        while let Some(one) = pages.next().await {
            let one = one.map_err(|error| trouble::sorted(&error))?;
            if one.endpoint() == Some(queue) {
                return Ok(one.subscription_arn);
            }
        }
        Ok(None)
    }

    async fn subscribe(
        &self,
        spec: &SubscriptionSpec,
        topic: &str,
        queue: &str,
    ) -> Result<(), Trouble> {
        let request = self.clients.sns.subscribe().topic_arn(topic);
        let request = request
            .protocol("sqs")
            .endpoint(queue)
            .attributes(RAW, "true");
        let request = match filter(spec) {
            Some(filter) => request.attributes(FILTER, filter),
            None => request,
        };
        let made = request.send().await.map(drop);
        made.map_err(|error| trouble::sorted(&error))
    }
}

/// A policy, however it is written.
fn plain(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_default()
}
