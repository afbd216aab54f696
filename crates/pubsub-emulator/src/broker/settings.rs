//! Settings of subscriptions: checked, completed with the service's defaults, and understood.

use std::time::Duration;

use crate::filter::Filter;
use crate::labels;
use crate::lease::{Backoff, Policy};
use crate::names::TopicName;
use crate::proto::push_config::AuthenticationMethod;
use crate::proto::{ExpirationPolicy, PushConfig, RetryPolicy, Subscription, Topic, subscription};
use crate::refusal::Refusal;

const DAY: i64 = 24 * 3600;
const SHORTEST_RETENTION: i64 = 10 * 60;
const LONGEST_RETENTION: i64 = 31 * DAY;
/// Back-off of push endpoints where the subscription sets none.
const PUSH_BACKOFF: Backoff = Backoff {
    min: Duration::from_millis(100),
    max: Duration::from_secs(60),
};

/// Checks a subscription and fills in what was left out. Returns its filter.
pub(super) fn complete(config: &mut Subscription) -> Result<Option<Filter>, Refusal> {
    refuse_unsupported(config)?;
    labels::check(&config.labels)?;
    config.ack_deadline_seconds = match config.ack_deadline_seconds {
        0 => 10,
        seconds @ 10..=600 => seconds,
        other => {
            return Err(Refusal::invalid(format!(
                "ack deadline of {other} s: must be 10 to 600"
            )));
        }
    };
    let retention = config
        .message_retention_duration
        .get_or_insert(seconds(7 * DAY));
    check_retention(retention)?;
    check_expiration(config)?;
    config.push_config.get_or_insert_with(PushConfig::default);
    config.state = subscription::State::Active.into();
    complete_dead_letters(config)?;
    complete_retries(config)?;
    check_push(config)?;
    Filter::parse(&config.filter).map_err(|error| Refusal::invalid(error.to_string()))
}

fn refuse_unsupported(config: &Subscription) -> Result<(), Refusal> {
    let asked = [
        (config.bigquery_config.is_some(), "BigQuery subscriptions"),
        (
            config.cloud_storage_config.is_some(),
            "Cloud Storage subscriptions",
        ),
        (config.bigtable_config.is_some(), "Bigtable subscriptions"),
        (!config.message_transforms.is_empty(), "message transforms"),
    ];
    match asked.iter().find(|(asked, _)| *asked) {
        Some((_, what)) => Err(Refusal::unsupported(what)),
        None => Ok(()),
    }
}

fn check_retention(retention: &prost_types::Duration) -> Result<(), Refusal> {
    let longest = retention.seconds == LONGEST_RETENTION && retention.nanos > 0;
    if longest || !(SHORTEST_RETENTION..=LONGEST_RETENTION).contains(&retention.seconds) {
        return Err(Refusal::invalid(
            "message retention must be 10 minutes to 31 days",
        ));
    }
    Ok(())
}

/// Without a policy the default counts; with one that has no time, the subscription never expires.
fn check_expiration(config: &mut Subscription) -> Result<(), Refusal> {
    let policy = config.expiration_policy.get_or_insert(ExpirationPolicy {
        ttl: Some(seconds(31 * DAY)),
    });
    match &policy.ttl {
        Some(ttl) if ttl.seconds < DAY => Err(Refusal::invalid(
            "the time to live of an expiration policy must be at least 1 day",
        )),
        _ => Ok(()),
    }
}

fn complete_dead_letters(config: &mut Subscription) -> Result<(), Refusal> {
    let Some(policy) = &mut config.dead_letter_policy else {
        return Ok(());
    };
    TopicName::parse(&policy.dead_letter_topic)?;
    policy.max_delivery_attempts = match policy.max_delivery_attempts {
        0 => 5,
        attempts @ 5..=100 => attempts,
        other => {
            return Err(Refusal::invalid(format!(
                "max delivery attempts of {other}: must be 5 to 100"
            )));
        }
    };
    Ok(())
}

fn complete_retries(config: &mut Subscription) -> Result<(), Refusal> {
    let Some(policy) = &mut config.retry_policy else {
        return Ok(());
    };
    let min = *policy.minimum_backoff.get_or_insert(seconds(10));
    let max = *policy.maximum_backoff.get_or_insert(seconds(600));
    let limit = Duration::from_secs(600);
    if length(&min).max(length(&max)) > limit || min.seconds < 0 || max.seconds < 0 {
        return Err(Refusal::invalid("back-off must be 0 to 600 s"));
    }
    if length(&min) > length(&max) {
        return Err(Refusal::invalid(
            "minimum back-off is longer than maximum back-off",
        ));
    }
    Ok(())
}

fn check_push(config: &Subscription) -> Result<(), Refusal> {
    let push = config.push_config.as_ref();
    if let Some(AuthenticationMethod::OidcToken(token)) =
        push.and_then(|push| push.authentication_method.as_ref())
        && !token.service_account_email.contains('@')
    {
        return Err(Refusal::invalid_field(
            "push_config.oidc_token.service_account_email",
            format!(
                "{:?} is not the address of a service account",
                token.service_account_email
            ),
        ));
    }
    match push_endpoint(config) {
        Some(_) if config.enable_exactly_once_delivery => Err(Refusal::invalid(
            "a push subscription cannot have exactly-once delivery enabled",
        )),
        Some(url) if !is_web_address(url) => Err(Refusal::invalid_field(
            "push_config.push_endpoint",
            format!("push endpoint {url:?}: must be a URL of http:// or https:// with a host"),
        )),
        _ => Ok(()),
    }
}

fn is_web_address(text: &str) -> bool {
    reqwest::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Where to push, if this is a push subscription.
pub(super) fn push_endpoint(config: &Subscription) -> Option<&str> {
    let push = config.push_config.as_ref()?;
    Some(push.push_endpoint.as_str()).filter(|url| !url.is_empty())
}

/// How long a topic keeps messages for its subscriptions, if it does.
pub(super) fn topic_retention(config: &Topic) -> Option<Duration> {
    config.message_retention_duration.as_ref().map(length)
}

/// What the settings mean for the life of a message. A topic's retention prolongs the
/// subscription's: what the topic retains is always available.
pub(super) fn policy(config: &Subscription, topic_retention: Option<Duration>) -> Policy {
    let set = config.retry_policy.as_ref().map(backoff);
    let default = push_endpoint(config).map(|_| PUSH_BACKOFF);
    Policy {
        ordered: config.enable_message_ordering,
        backoff: set.or(default),
        max_attempts: config
            .dead_letter_policy
            .as_ref()
            .and_then(|policy| u32::try_from(policy.max_delivery_attempts).ok()),
        retention: config
            .message_retention_duration
            .as_ref()
            .map_or(Duration::from_secs(7 * 24 * 3600), length)
            .max(topic_retention.unwrap_or_default()),
        retain_acked: config.retain_acked_messages,
        exactly_once: config.enable_exactly_once_delivery,
    }
}

fn backoff(policy: &RetryPolicy) -> Backoff {
    let get = |set: &Option<prost_types::Duration>| set.as_ref().map(length).unwrap_or_default();
    Backoff {
        min: get(&policy.minimum_backoff),
        max: get(&policy.maximum_backoff),
    }
}

/// The subscription's own lease length.
pub(super) fn ack_deadline(config: &Subscription) -> Duration {
    Duration::from_secs(u64::try_from(config.ack_deadline_seconds).unwrap_or(10))
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

/// A duration of the wire; nothing for a negative one.
pub(super) fn length(duration: &prost_types::Duration) -> Duration {
    Duration::new(
        u64::try_from(duration.seconds).unwrap_or(0),
        u32::try_from(duration.nanos).unwrap_or(0),
    )
}
