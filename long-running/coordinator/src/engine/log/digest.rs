//! A short name of what came of a decision.

use farm_core::Effects;
use sha2::{Digest, Sha256};

/// Digits of the digest that are kept: enough to tell two decisions apart.
const BYTES: usize = 8;

/// Of everything that a decision stores and tells; empty for nothing.
///
/// # Errors
/// A record cannot be written as JSON.
pub(in crate::engine) fn digest(effects: &Effects) -> serde_json::Result<String> {
    if effects.is_empty() {
        return Ok(String::new());
    }
    let parts = (
        &effects.branches,
        &effects.numbers,
        effects.builds.values().collect::<Vec<_>>(),
        effects.runs.values().collect::<Vec<_>>(),
        &effects.outbox,
        &effects.inbox,
        &effects.history,
        &effects.feed,
        effects.owned.values().collect::<Vec<_>>(),
        effects.kept.iter().collect::<Vec<_>>(),
        &effects.dirty,
    );
    let text = serde_json::to_vec(&parts)?;
    Ok(hex::encode(&Sha256::digest(&text)[..BYTES]))
}
