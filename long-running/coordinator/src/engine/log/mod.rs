//! The log of decisions: what each was made of, exactly and in order, and a digest of what came of it. Rounds that changed
//! nothing of what is stored wait, and are written with the next that does: they may have changed what is in memory.

mod digest;
mod fold;
mod recorder;

use farm_core::{Fact, Policy};
use farm_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub(super) use digest::digest;
pub(super) use fold::{Folded, Folds};
pub(super) use recorder::{Played, Recorder};

/// The version that decides.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Rises with every change of the form of entries, of facts, or of what is decided.
pub(super) const SCHEMA: u32 = 4;

/// One decision, as it lies in the store.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Counted from 1 in each epoch.
    pub(super) count: u64,
    /// In the first of an epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<Start>,
    /// Whether the leader began anew from its own records, which is what a checkpoint holds: after `quiet`, before `facts`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) renewed: bool,
    /// Rounds before it that changed nothing of what is stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) quiet: Vec<Quiet>,
    /// Its own facts, in order.
    pub(super) facts: Vec<Folded>,
    /// Whether jobs were leased after that.
    pub(super) chose: bool,
    /// Of what came of it; empty where that is nothing.
    pub(super) effects: String,
}

/// A round that changed nothing of what is stored: nanoseconds since 1970, and its facts ([`Folded`]).
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Quiet(pub(super) i64, pub(super) Box<RawValue>);

/// How an epoch began.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Start {
    /// Who decides.
    #[serde(flatten)]
    pub(super) stamp: Stamp,
    /// When the records were restored.
    pub(super) at: Timestamp,
    /// The farm's numbers.
    pub(super) policy: Policy,
}

/// What must be the same for a replay to decide the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    version: String,
    schema: u32,
}

impl Stamp {
    /// Of this program.
    pub(super) fn own() -> Self {
        Self {
            version: VERSION.to_owned(),
            schema: SCHEMA,
        }
    }
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "version {} (decisions {})", self.version, self.schema)
    }
}

/// A moment as the log has it; those beyond the year 2262 count as its end.
fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}

/// The facts of a round, unfolded.
///
/// # Errors
/// They are not what this version writes.
pub(super) fn unfold(raw: &RawValue, folds: &mut Folds) -> Result<Vec<Fact>, String> {
    let folded: Vec<Folded> = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
    folded.into_iter().map(|fact| folds.unfold(fact)).collect()
}
