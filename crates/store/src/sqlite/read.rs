//! Reading. Every query gives a key first, which only errors use, and the record's JSON second.

use farm_model::Timestamp;
use farm_model::event::Event;
use farm_model::record::{Build, Run, Transition};
use rusqlite::{Connection, OptionalExtension, Params, Row};
use serde::de::DeserializeOwned;

use super::fault::Fault;
use super::hour;
use crate::{ConfigRecord, Decision, Epoch, Loaded, NumberedDecision, OutboxEntry};

/// The newest leader's epoch.
pub fn epoch(connection: &Connection) -> Result<Epoch, Fault> {
    let mut statement = connection.prepare_cached("SELECT epoch FROM leader WHERE id = 1")?;
    Ok(Epoch(statement.query_row([], |row| row.get(0))?))
}

/// Everything that a leader starts from, as of one moment where `connection` is in a transaction.
pub fn loaded(connection: &Connection, epoch: Epoch) -> Result<Loaded, Fault> {
    // The two large tables are sorted here: in the order of an index, the database would jump about in its file.
    let mut builds: Vec<Build> = records(connection, "build", "SELECT id, body FROM build", [])?;
    builds.sort_by(|a, b| (a.wanted, &a.id).cmp(&(b.wanted, &b.id)));
    let mut runs: Vec<Run> = records(connection, "run", "SELECT build, body FROM run", [])?;
    runs.sort_by(|a, b| (&a.build, a.number).cmp(&(&b.build, b.number)));
    Ok(Loaded {
        epoch,
        branches: records(
            connection,
            "branch",
            "SELECT name, body FROM branch ORDER BY repo, name",
            [],
        )?,
        builds,
        runs,
        inbox: texts(connection, "SELECT key FROM inbox ORDER BY at, key")?,
        outbox: outbox(connection)?,
        dirty: texts(connection, "SELECT key FROM dirty ORDER BY key")?,
        config: config(connection)?,
        feed: records(
            connection,
            "feed",
            "SELECT at, body FROM feed ORDER BY at",
            [],
        )?,
        owned: records(
            connection,
            "owned_machine",
            "SELECT name, body FROM owned_machine ORDER BY name",
            [],
        )?,
    })
}

/// The transitions of the hour of `at`.
pub fn history(connection: &Connection, at: Timestamp) -> Result<Vec<Transition>, Fault> {
    let sql = "SELECT build, body FROM history WHERE hour = $1 ORDER BY seq";
    records(connection, "history", sql, [hour(at)])
}

/// The starts of the hours that have transitions.
pub fn history_hours(connection: &Connection) -> Result<Vec<Timestamp>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT hour FROM history ORDER BY hour")?;
    let hours = statement.query_map([], |row| row.get::<_, i64>(0))?;
    let start = |hour: i64| Timestamp::from_second(hour * 3600).unwrap_or(Timestamp::MIN);
    Ok(hours
        .map(|hour| hour.map(start))
        .collect::<Result<_, _>>()?)
}

/// The decision log after `after`.
pub fn decisions(
    connection: &Connection,
    after: i64,
    limit: u32,
) -> Result<Vec<NumberedDecision>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, epoch, at, config_digest, inputs FROM decision WHERE seq > $1 ORDER BY seq LIMIT $2",
    )?;
    let rows = statement.query_map((after, limit), decision)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn decision(row: &Row<'_>) -> rusqlite::Result<NumberedDecision> {
    // Every i64 of nanoseconds is a moment that jiff knows.
    let at = i128::from(row.get::<_, i64>(2)?);
    Ok(NumberedDecision {
        number: row.get(0)?,
        epoch: Epoch(row.get(1)?),
        decision: Decision {
            at: Timestamp::from_nanosecond(at).unwrap_or(Timestamp::UNIX_EPOCH),
            config_digest: row.get(3)?,
            inputs: row.get(4)?,
        },
    })
}

fn config(connection: &Connection) -> Result<Option<ConfigRecord>, Fault> {
    let newest = "SELECT digest, source, body FROM config ORDER BY seq DESC LIMIT 1";
    let record = |row: &Row<'_>| {
        Ok(ConfigRecord {
            digest: row.get(0)?,
            source: row.get(1)?,
            text: row.get(2)?,
        })
    };
    Ok(connection.query_row(newest, [], record).optional()?)
}

fn outbox(connection: &Connection) -> Result<Vec<OutboxEntry>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT id, body, topic FROM outbox ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let event: Event = record(row, "outbox")?;
        let topic: String = row.get(2)?;
        let topic = serde_json::from_value(topic.into())
            .map_err(|error| unreadable(row, "outbox", error))?;
        entries.push(OutboxEntry { topic, event });
    }
    Ok(entries)
}

fn texts(connection: &Connection, sql: &str) -> Result<Vec<String>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn records<T: DeserializeOwned>(
    connection: &Connection,
    table: &'static str,
    sql: &str,
    params: impl Params,
) -> Result<Vec<T>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(row, table)?);
    }
    Ok(records)
}

fn record<T: DeserializeOwned>(row: &Row<'_>, table: &'static str) -> Result<T, Fault> {
    let body = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
    serde_json::from_str(body).map_err(|error| unreadable(row, table, error))
}

fn unreadable(row: &Row<'_>, table: &'static str, error: serde_json::Error) -> Fault {
    let key = match row.get::<_, rusqlite::types::Value>(0) {
        Ok(rusqlite::types::Value::Text(text)) => text,
        other => format!("{other:?}"),
    };
    Fault::Record { table, key, error }
}
