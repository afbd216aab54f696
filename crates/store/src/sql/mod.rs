//! What both databases are told: each statement is said once, in text that SQLite and PostgreSQL both take, and runs
//! through the few calls of [`Sql`].

mod insert;
pub mod migrate;
mod parse;
mod read;
mod store;
mod table;
mod write;

use std::borrow::Cow;

use farm_model::Timestamp;

use crate::StoreError;
use crate::fault::Fault;

/// A parameter of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    Text(Cow<'a, str>),
    Integer(i64),
    Null,
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        // PostgreSQL stores no NUL, and keys come from outside. JSON has none: it writes them as an escape.
        Self::Text(match text.contains('\0') {
            true => Cow::Owned(text.replace('\0', "\u{fffd}")),
            false => Cow::Borrowed(text),
        })
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(at: Timestamp) -> Self {
        Self::Integer(nanoseconds(at))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row of an answer. Columns count from 0.
pub trait Row {
    fn text(&self, column: usize) -> Result<&str, Fault>;
    fn integer(&self, column: usize) -> Result<i64, Fault>;
}

/// What is done with each row.
pub type EachRow<'a> = dyn FnMut(&dyn Row) -> Result<(), Fault> + 'a;

/// A database inside a transaction.
pub trait Sql {
    /// Runs one statement; parameters are `$1`, `$2` and so on.
    fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<(), Fault>;

    /// The rows of one statement, one after the other as they come.
    fn query(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), Fault>;

    /// Runs several statements without parameters.
    fn script(&mut self, sql: &str) -> Result<(), Fault>;

    /// The tables that there are.
    fn tables(&mut self) -> Result<Vec<String>, Fault>;

    /// What a SELECT ends with that keeps its row from others until the transaction ends.
    fn locking(&self) -> &'static str;

    /// Shows, for as long as this store is open and its process lives, that the leader of `epoch` is there.
    fn take_seat(&mut self, epoch: i64) -> Result<(), Fault>;

    /// Whether the leader of `epoch` is there.
    fn seat_taken(&mut self, epoch: i64) -> Result<bool, Fault>;
}

/// What a store may do with its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Makes it, brings its schema up to date, writes.
    Full,
    /// Changes nothing, and takes no other schema than ours.
    Reading,
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Reads what was committed at one moment.
    Read,
    /// Writes, one after the other.
    Write,
}

/// A database that runs transactions.
pub trait Driver: Send {
    /// Runs `work` in a transaction, and commits unless it fails.
    fn transact(
        &mut self,
        purpose: Purpose,
        work: &mut dyn FnMut(&mut dyn Sql) -> Result<(), Fault>,
    ) -> Result<(), Fault>;

    /// The database's name for people, without secrets.
    fn name(&self) -> String;

    /// The same database once more.
    fn reopen(&self) -> Result<Box<dyn crate::Store>, StoreError>;
}

/// Nanoseconds since 1970, as the database keeps moments; those beyond the year 2262 count as its end.
fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(if at > Timestamp::UNIX_EPOCH {
        i64::MAX
    } else {
        i64::MIN
    })
}

/// As the database keeps a count.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Whole hours since 1970.
fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}
