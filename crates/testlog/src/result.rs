//! What is found, and how much of it is kept.

use farm_model::message::progress::TestResult;

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
    /// Of these, tests that failed.
    pub dropped_failed: u64,
}
