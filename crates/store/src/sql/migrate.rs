//! The schema: steps, each done once, in order.

use super::{Sql, Value};
use crate::fault::Fault;

/// Schema n is what the first n of these make of an empty database.
const STEPS: &[&str] = &[
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];

/// What a database turned out to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Schema(i64),
}

/// Whether the database is empty or ours, and no newer than this program. Changes nothing.
pub fn check(sql: &mut dyn Sql) -> Result<(), Fault> {
    found(sql).map(drop)
}

/// Whether there is a database of just our schema, for who may not migrate.
pub fn check_same(sql: &mut dyn Sql) -> Result<(), Fault> {
    match found(sql)? {
        Found::Nothing => Err(Fault::Nothing),
        Found::Schema(found) if found < known() => Err(Fault::Older {
            found,
            known: known(),
        }),
        Found::Schema(_) => Ok(()),
    }
}

/// Brings the schema up to date. The caller holds the lock that keeps other processes from doing so: what is found
/// under it is what is changed.
///
/// Writes even when there is nothing to migrate: a file that cannot be written shows at start. (Beginning a writing
/// transaction does not tell: SQLite lets one begin on a read-only file.)
pub fn migrate(sql: &mut dyn Sql) -> Result<(), Fault> {
    let done = match found(sql)? {
        Found::Schema(number) => number,
        Found::Nothing => {
            sql.script(
                "CREATE TABLE farm_schema (version BIGINT NOT NULL);
                 INSERT INTO farm_schema (version) VALUES (0);",
            )?;
            0
        }
    };
    for step in STEPS.iter().skip(usize::try_from(done).unwrap_or(0)) {
        sql.script(step)?;
    }
    sql.execute(
        "UPDATE farm_schema SET version = $1",
        &[Value::Integer(known())],
    )
}

fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

fn found(sql: &mut dyn Sql) -> Result<Found, Fault> {
    let tables = sql.tables()?;
    if tables.is_empty() {
        return Ok(Found::Nothing);
    }
    if !tables.iter().any(|table| table == "farm_schema") {
        return Err(Fault::NotOurs);
    }
    let mut version = 0;
    sql.query("SELECT version FROM farm_schema", &[], &mut |row| {
        version = row.integer(0)?;
        Ok(())
    })?;
    match known() {
        known if version > known => Err(Fault::Newer {
            found: version,
            known,
        }),
        _ => Ok(Found::Schema(version)),
    }
}
