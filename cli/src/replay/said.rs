//! What a replay found, for people and for programs.

use coordinator::{Difference, Replayed};
use serde::Serialize;
use serde_json::Value;

use crate::text::counted;

/// The line of `--json`.
#[derive(Debug, Serialize)]
struct Document {
    same: bool,
    decisions: u64,
    first: i64,
    last: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Other>,
}

#[derive(Debug, Serialize)]
struct Other {
    number: i64,
    at: String,
    logged: String,
    found: String,
    facts: Value,
}

/// For programs.
///
/// # Errors
/// A fact cannot be written as JSON.
pub fn json(replayed: &Replayed) -> anyhow::Result<String> {
    let difference = replayed.difference.as_ref().map(other).transpose()?;
    Ok(serde_json::to_string(&Document {
        same: difference.is_none(),
        decisions: replayed.decisions,
        first: replayed.first,
        last: replayed.last,
        difference,
    })?)
}

fn other(difference: &Difference) -> serde_json::Result<Other> {
    Ok(Other {
        number: difference.number,
        at: difference.at.to_string(),
        logged: difference.logged.clone(),
        found: difference.found.clone(),
        facts: serde_json::to_value(&difference.facts)?,
    })
}

/// For people.
///
/// # Errors
/// As [`json`].
pub fn text(replayed: &Replayed) -> anyhow::Result<String> {
    let count = usize::try_from(replayed.decisions).unwrap_or(usize::MAX);
    let counted = counted(count, "decision", "decisions");
    let first = replayed.first;
    let Some(difference) = &replayed.difference else {
        let last = replayed.last;
        return Ok(format!(
            "replayed {counted} from the checkpoint before {first} up to {last}: all the same"
        ));
    };
    let mut lines = vec![
        format!(
            "replayed {counted} from the checkpoint before {first}: the last came out otherwise"
        ),
        format!("decision {} at {}:", difference.number, difference.at),
        format!("  logged {}", name(&difference.logged)),
        format!("  found  {}", name(&difference.found)),
        "made of:".to_owned(),
    ];
    for fact in &difference.facts {
        lines.push(format!("  {}", serde_json::to_string(fact)?));
    }
    Ok(lines.join("\n"))
}

fn name(digest: &str) -> &str {
    match digest {
        "" => "nothing to store or tell",
        other => other,
    }
}
