//! What a zone is made to do.

use serde::{Deserialize, Serialize};

/// How a zone behaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knobs {
    /// Whether there are machines.
    pub stock: Stock,
    /// How long each operation takes, in milliseconds.
    pub operation_ms: u64,
}

/// Whether a zone has machines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stock {
    /// As many as are wanted.
    #[default]
    Plenty,
    /// None: the operation that is to make one fails.
    Exhausted,
    /// None: and the request is refused already.
    Refused,
}

/// How much each region grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Processors.
    pub cpus: u64,
    /// Instances.
    pub instances: u64,
    /// Whether going over it shows only in the operation.
    pub late: bool,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            cpus: 1_000,
            instances: 1_000,
            late: false,
        }
    }
}
