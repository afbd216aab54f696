//! Red builds of a branch's newest commits by why they are red: one trouble shows many times, with other numbers in it.

use std::collections::BTreeMap;

use farm_model::id::{AttemptKey, BuildId, BuilderName, CommitId};
use farm_model::view::{GridView, Status};
use serde::Serialize;

/// A hexadecimal word of so many characters is a name of something, not a word.
const HEX: usize = 7;

/// Builds that failed for the same reason, numbers and names of things apart.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Group {
    /// The reason, with `#` for each number and each hexadecimal name.
    pub(super) pattern: String,
    /// The newest reason as it is.
    pub(super) reason: String,
    /// All of them are known to fail by chance.
    pub(super) by_chance: bool,
    /// Newest commit first, then in the order of columns.
    pub(super) builds: Vec<Failed>,
}

/// A red build.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Failed {
    pub(super) build: BuildId,
    pub(super) builder: BuilderName,
    pub(super) commit: CommitId,
    pub(super) run: u32,
    /// Where the log is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempt: Option<AttemptKey>,
}

/// The red builds of `view` in groups: those that are not by chance first, then those of most builds.
pub(super) fn groups(view: &GridView) -> Vec<Group> {
    let mut groups = BTreeMap::<(bool, String), Group>::new();
    for row in &view.rows {
        for (builder, cell) in std::iter::zip(&view.builders, &row.cells) {
            let Some(cell) = cell.as_ref().filter(|cell| cell.status == Status::Failed) else {
                continue;
            };
            let failure = cell.failure.as_ref();
            let reason = failure.map_or("", |failure| failure.reason.as_str());
            let by_chance = failure.is_some_and(|failure| failure.by_chance);
            let key = (by_chance, pattern(reason));
            let group = groups.entry(key).or_insert_with_key(|(_, pattern)| Group {
                pattern: pattern.clone(),
                reason: reason.to_owned(),
                by_chance,
                builds: Vec::new(),
            });
            group.builds.push(Failed {
                build: cell.build.clone(),
                builder: builder.clone(),
                commit: row.commit.id.clone(),
                run: cell.run,
                attempt: failure.and_then(|failure| failure.attempt.clone()),
            });
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| (group.by_chance, std::cmp::Reverse(group.builds.len())));
    groups
}

/// A reason without what differs from build to build.
fn pattern(reason: &str) -> String {
    let mut pattern = String::with_capacity(reason.len());
    let mut rest = reason;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric();
        let end = rest
            .find(|c| is_word(c) != is_word(first))
            .unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        match is_name(piece) {
            true => pattern.push('#'),
            false => without_numbers(piece, &mut pattern),
        }
        rest = after;
    }
    // `1.25` and `3` are both numbers.
    while pattern.contains("#.#") {
        pattern = pattern.replace("#.#", "#");
    }
    pattern
}

/// An address or a hash.
fn is_name(word: &str) -> bool {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let mixed = digits.bytes().any(|b| b.is_ascii_digit());
    hex && (digits.len() < word.len() || (mixed && word.len() >= HEX))
}

fn without_numbers(word: &str, into: &mut String) {
    for c in word.chars() {
        match c {
            '0'..='9' if into.ends_with('#') => {}
            '0'..='9' => into.push('#'),
            c => into.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_of_things_do_not_make_a_reason() {
        for (reason, expected) in [
            ("exit status 2", "exit status #"),
            (
                "--- FAIL: TestDial19999 (0.25s)",
                "--- FAIL: TestDial# (#s)",
            ),
            ("panic at 0xdeadBEEF in f", "panic at # in f"),
            ("commit 7cced267 is bad", "commit # is bad"),
            ("a defaced facade", "a defaced facade"),
            ("0x is no number", "#x is no number"),
            ("größe 12 µs", "größe # µs"),
            ("10.0.0.1:8080", "#:#"),
            ("", ""),
        ] {
            assert_eq!(pattern(reason), expected, "{reason}");
        }
    }
}
