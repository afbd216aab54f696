//! Many rows in few statements: a round trip to a database far away costs more than a row.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::table::{Clash, Table};
use super::{Sql, Value};
use crate::fault::Fault;

/// Rows of one statement: few sizes, so that few statements are ever parsed. The largest stays far below the number of
/// parameters that either database takes (32,766).
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

/// A row, in the order of its table's columns.
pub type Record<'a> = Vec<Value<'a>>;

/// Writes `records`; of several with one key that replace each other, the last.
pub fn insert(sql: &mut dyn Sql, table: &Table, records: Vec<Record<'_>>) -> Result<(), Fault> {
    let records = match table.clash {
        Clash::Replaces => last_of_each_key(table, records),
        Clash::Yields => records,
    };
    in_portions(records, |portion| {
        let rows = portion.len();
        let values: Vec<_> = portion.into_iter().flatten().collect();
        sql.execute(&insertion(table, rows), &values)
    })
}

/// Removes the rows of `table` that have these keys.
pub fn delete(sql: &mut dyn Sql, table: &Table, keys: Vec<Record<'_>>) -> Result<(), Fault> {
    in_portions(keys, |portion| {
        let rows = portion.len();
        let values: Vec<_> = portion.into_iter().flatten().collect();
        sql.execute(&deletion(table, rows), &values)
    })
}

/// Hands `items` on in portions of [`SIZES`].
pub fn in_portions<T>(
    items: Vec<T>,
    mut each: impl FnMut(Vec<T>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut rest = items.into_iter();
    for size in SIZES {
        while rest.len() >= size {
            each(rest.by_ref().take(size).collect())?;
        }
    }
    Ok(())
}

/// `$first, …`, `count` of them.
pub fn places(first: usize, count: usize) -> String {
    let mut text = String::with_capacity(count * 6);
    for number in first..first + count {
        let comma = if number == first { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}${number}");
    }
    text
}

/// A statement cannot replace the same row twice.
fn last_of_each_key<'a>(table: &Table, records: Vec<Record<'a>>) -> Vec<Record<'a>> {
    let mut place: HashMap<Vec<Value<'a>>, usize> = HashMap::with_capacity(records.len());
    let mut kept: Vec<Record<'a>> = Vec::with_capacity(records.len());
    for record in records {
        match place.entry(record[..table.key].to_vec()) {
            std::collections::hash_map::Entry::Occupied(at) => kept[*at.get()] = record,
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(kept.len());
                kept.push(record);
            }
        }
    }
    kept
}

fn insertion(table: &Table, rows: usize) -> String {
    format!(
        "INSERT INTO {} ({}) VALUES {} ON CONFLICT ({}) {}",
        table.name,
        table.columns.join(", "),
        rows_of_places(table.columns.len(), rows),
        key(table),
        resolution(table),
    )
}

fn deletion(table: &Table, rows: usize) -> String {
    format!(
        "DELETE FROM {} WHERE ({}) IN (VALUES {})",
        table.name,
        key(table),
        rows_of_places(table.key, rows),
    )
}

fn rows_of_places(width: usize, rows: usize) -> String {
    let row = |row: usize| format!("({})", places(row * width + 1, width));
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

fn key(table: &Table) -> String {
    table.columns[..table.key].join(", ")
}

fn resolution(table: &Table) -> String {
    let replaced = table.columns[table.key..]
        .iter()
        .map(|column| format!("{column} = excluded.{column}"));
    match table.clash {
        Clash::Yields => "DO NOTHING".to_owned(),
        Clash::Replaces => format!("DO UPDATE SET {}", replaced.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{DIRTY, RUN};
    use super::*;

    #[test]
    fn statements_are_what_both_databases_take() {
        assert_eq!(
            insertion(&DIRTY, 2),
            "INSERT INTO dirty (key) VALUES ($1), ($2) ON CONFLICT (key) DO NOTHING"
        );
        assert_eq!(
            deletion(&RUN, 2),
            "DELETE FROM run WHERE (build, number) IN (VALUES ($1, $2), ($3, $4))"
        );
        let run = insertion(&RUN, 1);
        assert!(run.starts_with("INSERT INTO run (build, number, opened_at, outcome,"));
        assert!(run.contains("ON CONFLICT (build, number) DO UPDATE SET opened_at = excluded."));
    }

    #[test]
    fn portions_are_few_and_complete() {
        let mut sizes = Vec::new();
        in_portions((0..341).collect(), |portion| {
            sizes.push(portion.len());
            Ok(())
        })
        .unwrap();
        assert_eq!(sizes, [256, 64, 16, 4, 1]);
    }
}
