//! What is found, and how much of it is kept.

use serde::{Deserialize, Serialize};

/// How one test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestOutcome {
    /// It passed.
    Ok,
    /// It did not.
    Failed,
    /// It was not run.
    Skipped,
}

/// One test, or one unit of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// What was scheduled.
    pub unit: String,
    /// Empty: the unit itself.
    pub name: String,
    /// How it ended.
    pub outcome: TestOutcome,
    /// How long it took.
    pub milliseconds: u64,
    /// What it printed, in part; of failed ones only.
    pub output: String,
}

/// What is kept at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Of one line, or one tag of XML, in bytes; the rest of it is not looked at.
    pub line: usize,
    /// Of the output of one failed test, in bytes: its beginning and its end.
    pub output: usize,
    /// Of everything, in bytes.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: 64 << 10,
            output: 8 << 10,
            memory: 16 << 20,
        }
    }
}

/// All there was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// In the order in which they ended.
    pub tests: Vec<TestResult>,
    /// Results that found no room.
    pub dropped: u64,
}
