//! Statements in a PostgreSQL transaction.

use std::collections::HashMap;
use std::error::Error;

use postgres::fallible_iterator::FallibleIterator;
use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Statement, Transaction};

use crate::fault::Fault;
use crate::sql::{EachRow, Row, Sql, Value};

/// The seat of the leader of epoch $1: a lock of the session, in a space of its own for each schema.
const TAKE_SEAT: &str = "SELECT pg_try_advisory_lock(hashtext('farm ' || current_schema()), ($1::bigint & 2147483647)::int)";
const SEAT_TAKEN: &str = "SELECT COUNT(*) FROM pg_locks
     WHERE locktype = 'advisory' AND granted AND objsubid = 2
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND classid::bigint = (hashtext('farm ' || current_schema())::bigint & 4294967295)
     AND objid::bigint = ($1::bigint & 2147483647)";

pub struct PostgresSql<'a, 't> {
    pub transaction: &'a mut Transaction<'t>,
    pub statements: &'a mut HashMap<String, Statement>,
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Value::Text(text) => text.as_ref().to_sql(ty, out),
            Value::Integer(number) => number.to_sql(ty, out),
            Value::Null => Ok(IsNull::Yes),
        }
    }

    fn accepts(ty: &Type) -> bool {
        <&str as ToSql>::accepts(ty) || <i64 as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}

impl std::fmt::Debug for PostgresSql<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresSql")
    }
}

impl Row for postgres::Row {
    fn text(&self, column: usize) -> Result<&str, Fault> {
        Ok(self.try_get(column)?)
    }

    fn integer(&self, column: usize) -> Result<i64, Fault> {
        Ok(self.try_get(column)?)
    }
}

impl PostgresSql<'_, '_> {
    fn prepared(&mut self, sql: &str) -> Result<Statement, Fault> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.transaction.prepare(sql)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Sql for PostgresSql<'_, '_> {
    fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<(), Fault> {
        let statement = self.prepared(sql)?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|value| value as _).collect();
        self.transaction.execute(&statement, &params)?;
        Ok(())
    }

    fn query(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), Fault> {
        let statement = self.prepared(sql)?;
        let mut rows = self.transaction.query_raw(&statement, params)?;
        while let Some(row) = rows.next()? {
            each(&row)?;
        }
        Ok(())
    }

    fn script(&mut self, sql: &str) -> Result<(), Fault> {
        Ok(self.transaction.batch_execute(sql)?)
    }

    fn tables(&mut self) -> Result<Vec<String>, Fault> {
        let sql = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()";
        let mut names = Vec::new();
        self.query(sql, &[], &mut |row| {
            names.push(row.text(0)?.to_owned());
            Ok(())
        })?;
        Ok(names)
    }

    fn locking(&self) -> &'static str {
        " FOR UPDATE"
    }

    fn take_seat(&mut self, epoch: i64) -> Result<(), Fault> {
        // The seat of an earlier epoch of ours stays locked with the session, and means nothing any more.
        self.query(TAKE_SEAT, &[epoch.into()], &mut |_| Ok(()))
    }

    fn seat_taken(&mut self, epoch: i64) -> Result<bool, Fault> {
        let mut locks = 0;
        self.query(SEAT_TAKEN, &[epoch.into()], &mut |row| {
            locks = row.integer(0)?;
            Ok(())
        })?;
        Ok(locks > 0)
    }
}
