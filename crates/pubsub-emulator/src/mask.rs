//! Field masks: which fields of an update count, and which of them may change at all.

use crate::proto::{
    DeadLetterPolicy, PushConfig, RetryPolicy, SchemaSettings, Snapshot, Subscription, Topic,
};
use crate::refusal::Refusal;

/// Copies the fields named by `paths`, in `snake_case` or `camelCase`.
pub(crate) fn update_topic(
    config: &mut Topic,
    update: &Topic,
    paths: &[String],
) -> Result<(), Refusal> {
    each(paths, |path| {
        match path {
            part if part.starts_with("schema_settings.") => {
                return schema_settings(config, update, part);
            }
            "schema_settings" => config.schema_settings.clone_from(&update.schema_settings),
            "labels" => config.labels.clone_from(&update.labels),
            "message_retention_duration" => {
                config.message_retention_duration = update.message_retention_duration;
            }
            "message_storage_policy" => {
                config
                    .message_storage_policy
                    .clone_from(&update.message_storage_policy);
            }
            "kms_key_name" => config.kms_key_name.clone_from(&update.kms_key_name),
            other => return Err(fixed("topic", other)),
        }
        Ok(())
    })
}

/// Copies the fields named by `paths`, in `snake_case` or `camelCase`.
pub(crate) fn update_subscription(
    config: &mut Subscription,
    update: &Subscription,
    paths: &[String],
) -> Result<(), Refusal> {
    each(paths, |path| match path.split_once('.') {
        Some(("dead_letter_policy", part)) => dead_letters(config, update, part),
        Some(("retry_policy", part)) => retries(config, update, part),
        Some(("push_config", part)) => push(config, update, part),
        _ => whole(config, update, path),
    })
}

/// Copies the fields named by `paths`, in `snake_case` or `camelCase`.
pub(crate) fn update_snapshot(
    config: &mut Snapshot,
    update: &Snapshot,
    paths: &[String],
) -> Result<(), Refusal> {
    each(paths, |path| {
        match path {
            "labels" => config.labels.clone_from(&update.labels),
            "expire_time" => config.expire_time = update.expire_time,
            other => return Err(fixed("snapshot", other)),
        }
        Ok(())
    })
}

fn whole(config: &mut Subscription, update: &Subscription, path: &str) -> Result<(), Refusal> {
    let update = update.clone();
    match path {
        "ack_deadline_seconds" => config.ack_deadline_seconds = update.ack_deadline_seconds,
        "labels" => config.labels = update.labels,
        "push_config" => config.push_config = update.push_config,
        "message_retention_duration" => {
            config.message_retention_duration = update.message_retention_duration;
        }
        "expiration_policy" => config.expiration_policy = update.expiration_policy,
        "dead_letter_policy" => config.dead_letter_policy = update.dead_letter_policy,
        "retry_policy" => config.retry_policy = update.retry_policy,
        "retain_acked_messages" => config.retain_acked_messages = update.retain_acked_messages,
        "enable_exactly_once_delivery" => {
            config.enable_exactly_once_delivery = update.enable_exactly_once_delivery;
        }
        other => return Err(fixed("subscription", other)),
    }
    Ok(())
}

fn schema_settings(config: &mut Topic, update: &Topic, path: &str) -> Result<(), Refusal> {
    let from = update.schema_settings.clone().unwrap_or_default();
    let to = config
        .schema_settings
        .get_or_insert_with(SchemaSettings::default);
    match path {
        "schema_settings.schema" => to.schema = from.schema,
        "schema_settings.encoding" => to.encoding = from.encoding,
        "schema_settings.first_revision_id" => to.first_revision_id = from.first_revision_id,
        "schema_settings.last_revision_id" => to.last_revision_id = from.last_revision_id,
        other => return Err(fixed("topic", other)),
    }
    Ok(())
}

fn dead_letters(
    config: &mut Subscription,
    update: &Subscription,
    part: &str,
) -> Result<(), Refusal> {
    let from = update.dead_letter_policy.clone().unwrap_or_default();
    let to = config
        .dead_letter_policy
        .get_or_insert_with(DeadLetterPolicy::default);
    match part {
        "dead_letter_topic" => to.dead_letter_topic = from.dead_letter_topic,
        "max_delivery_attempts" => to.max_delivery_attempts = from.max_delivery_attempts,
        other => return Err(fixed("dead-letter policy", other)),
    }
    Ok(())
}

fn retries(config: &mut Subscription, update: &Subscription, part: &str) -> Result<(), Refusal> {
    let from = update.retry_policy.unwrap_or_default();
    let to = config.retry_policy.get_or_insert_with(RetryPolicy::default);
    match part {
        "minimum_backoff" => to.minimum_backoff = from.minimum_backoff,
        "maximum_backoff" => to.maximum_backoff = from.maximum_backoff,
        other => return Err(fixed("retry policy", other)),
    }
    Ok(())
}

fn push(config: &mut Subscription, update: &Subscription, part: &str) -> Result<(), Refusal> {
    let from = update.push_config.clone().unwrap_or_default();
    let to = config.push_config.get_or_insert_with(PushConfig::default);
    match part {
        "push_endpoint" => to.push_endpoint = from.push_endpoint,
        "attributes" => to.attributes = from.attributes,
        "oidc_token" => to.authentication_method = from.authentication_method,
        "pubsub_wrapper" | "no_wrapper" => to.wrapper = from.wrapper,
        other => return Err(fixed("push config", other)),
    }
    Ok(())
}

fn each(
    paths: &[String],
    mut copy: impl FnMut(&str) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    if paths.is_empty() {
        return Err(Refusal::invalid_field(
            "update_mask",
            "The update_mask must be set, and must name at least one field.",
        ));
    }
    paths.iter().try_for_each(|path| copy(&snake_case(path)))
}

fn fixed(what: &str, path: &str) -> Refusal {
    Refusal::invalid_field(
        "update_mask",
        format!(
            "Invalid update_mask: {path} is not a field of a {what} that can be changed. Paths have \
             the form of \"schema_settings\"."
        ),
    )
}

fn snake_case(path: &str) -> String {
    let mut snake = String::with_capacity(path.len() + 4);
    for c in path.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(path: &str) -> Vec<String> {
        vec![path.to_owned()]
    }

    #[test]
    fn only_the_named_fields_are_taken_in_either_spelling() {
        for path in ["ack_deadline_seconds", "ackDeadlineSeconds"] {
            let mut config = Subscription::default();
            let update = Subscription {
                ack_deadline_seconds: 30,
                filter: "attributes:x".to_owned(),
                ..Subscription::default()
            };
            update_subscription(&mut config, &update, &paths(path)).unwrap();
            assert_eq!(
                (config.ack_deadline_seconds, config.filter.as_str()),
                (30, "")
            );
        }
    }

    #[test]
    fn fields_that_never_change_are_refused() {
        for path in [
            "filter",
            "topic",
            "name",
            "enable_message_ordering",
            "nonsense",
            "retryPolicy.x",
        ] {
            let mut config = Subscription::default();
            let result = update_subscription(&mut config, &Subscription::default(), &paths(path));
            assert!(result.is_err(), "{path}");
        }
        assert!(update_topic(&mut Topic::default(), &Topic::default(), &[]).is_err());
    }
}
