//! Statements on a SQLite connection.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, ToSql};

use super::seat::Seat;
use crate::fault::Fault;
use crate::sql::{EachRow, Row, Sql, Value};

pub struct SqliteSql<'a> {
    pub connection: &'a Connection,
    pub seat: &'a mut Seat,
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Null => ValueRef::Null,
        }))
    }
}

impl Row for rusqlite::Row<'_> {
    fn text(&self, column: usize) -> Result<&str, Fault> {
        let value = self.get_ref(column)?;
        Ok(value.as_str().map_err(rusqlite::Error::from)?)
    }

    fn integer(&self, column: usize) -> Result<i64, Fault> {
        Ok(self.get(column)?)
    }
}

impl SqliteSql<'_> {
    fn prepared(
        &self,
        sql: &str,
        params: &[Value<'_>],
    ) -> Result<rusqlite::CachedStatement<'_>, Fault> {
        let mut statement = self.connection.prepare_cached(sql)?;
        bind(&mut statement, params)?;
        Ok(statement)
    }
}

fn bind(statement: &mut Statement<'_>, params: &[Value<'_>]) -> rusqlite::Result<()> {
    (1..)
        .zip(params)
        .try_for_each(|(place, value)| statement.raw_bind_parameter(place, value))
}

impl Sql for SqliteSql<'_> {
    fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<(), Fault> {
        self.prepared(sql, params)?.raw_execute()?;
        Ok(())
    }

    fn query(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), Fault> {
        let mut statement = self.prepared(sql, params)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            each(row)?;
        }
        Ok(())
    }

    fn script(&mut self, sql: &str) -> Result<(), Fault> {
        Ok(self.connection.execute_batch(sql)?)
    }

    fn tables(&mut self) -> Result<Vec<String>, Fault> {
        let mut names = Vec::new();
        // Not only tables: a file with nothing but somebody's view is somebody's.
        self.query("SELECT name FROM sqlite_master", &[], &mut |row| {
            names.push(row.text(0)?.to_owned());
            Ok(())
        })?;
        Ok(names)
    }

    fn locking(&self) -> &'static str {
        // A writing transaction holds the whole file.
        ""
    }

    fn take_seat(&mut self, epoch: i64) -> Result<(), Fault> {
        self.seat.take(epoch).map_err(Fault::Seat)
    }

    fn seat_taken(&mut self, epoch: i64) -> Result<bool, Fault> {
        self.seat.is_taken(epoch).map_err(Fault::Seat)
    }
}
