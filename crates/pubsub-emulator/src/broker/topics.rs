//! Settings of topics: checked before they are in force.

use super::schemas::check_settings;
use crate::labels;
use crate::names::DELETED_SCHEMA;
use crate::proto::{Topic, topic};
use crate::refusal::Refusal;
use crate::store::catalog::Catalog;

const SHORTEST_RETENTION: i64 = 10 * 60;
const LONGEST_RETENTION: i64 = 31 * 24 * 3600;

/// Checks a topic and sets what the server says of it.
///
/// # Errors
/// Limits: <https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#topic>.
pub(super) fn complete(catalog: &Catalog, config: &mut Topic) -> Result<(), Refusal> {
    refuse_unsupported(config)?;
    labels::check(&config.labels)?;
    if let Some(retention) = &config.message_retention_duration {
        let whole = SHORTEST_RETENTION..=LONGEST_RETENTION;
        if !whole.contains(&retention.seconds)
            || retention.seconds == LONGEST_RETENTION && retention.nanos > 0
        {
            return Err(Refusal::invalid_field(
                "message_retention_duration",
                "message retention of a topic must be 10 minutes to 31 days",
            ));
        }
    }
    if let Some(settings) = &config.schema_settings
        && settings.schema != DELETED_SCHEMA
    {
        check_settings(catalog, settings)?;
    }
    config.state = topic::State::Active.into();
    Ok(())
}

fn refuse_unsupported(config: &Topic) -> Result<(), Refusal> {
    let asked = [
        (
            config.ingestion_data_source_settings.is_some(),
            "ingestion from data sources",
        ),
        (!config.message_transforms.is_empty(), "message transforms"),
    ];
    match asked.iter().find(|(asked, _)| *asked) {
        Some((_, what)) => Err(Refusal::unsupported(what)),
        None => Ok(()),
    }
}
