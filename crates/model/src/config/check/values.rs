//! Values that several sections have.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::config::duration::{parse_bytes, parse_seconds};
use crate::config::parse::{Findings, Table, did_you_mean};
use crate::id::IdError;
use crate::machine::MachineRecord;

const LONGEST: u64 = 24 * 3600;
const LARGEST_LOG: u64 = 1 << 30;
/// Of what counts machines or builds.
pub(super) const MANY: RangeInclusive<u32> = 1..=10_000;

/// Text; empty where the key is missing.
pub(super) fn text(
    table: &mut Table<'_>,
    key: &'static str,
    findings: &mut Findings<'_>,
) -> String {
    let text = table.text(key, findings);
    text.map(|(_, text)| text).unwrap_or_default()
}

/// Text that is not empty.
pub(super) fn required(
    table: &mut Table<'_>,
    key: &'static str,
    example: &str,
    findings: &mut Findings<'_>,
) -> Option<String> {
    let at = table.at;
    match table.text(key, findings) {
        Some((_, text)) if !text.trim().is_empty() => Some(text),
        said => {
            let at = said.map_or(at, |(at, _)| at);
            let message = format!("{} has no {key}: add {key} = {example:?}", table.what);
            findings.add(at, message);
            None
        }
    }
}

/// Texts; none of them empty.
pub(super) fn texts(
    table: &mut Table<'_>,
    key: &'static str,
    findings: &mut Findings<'_>,
) -> Option<Vec<String>> {
    let texts = table.texts(key, findings)?;
    for (at, _) in texts.iter().filter(|(_, text)| text.trim().is_empty()) {
        findings.add(*at, format!("{key} of {} holds an empty text", table.what));
    }
    Some(texts.into_iter().map(|(_, text)| text).collect())
}

/// A whole number within limits.
pub(super) fn number(
    table: &mut Table<'_>,
    key: &'static str,
    limits: RangeInclusive<u32>,
    findings: &mut Findings<'_>,
) -> Option<u32> {
    let (at, number) = table.number(key, findings)?;
    match u32::try_from(number) {
        Ok(number) if limits.contains(&number) => Some(number),
        _ => {
            let (least, most) = limits.into_inner();
            let message = format!("{key} of {} must be between {least} and {most}", table.what);
            findings.add(at, message);
            None
        }
    }
}

/// A duration within a day, in seconds.
pub(super) fn seconds(
    table: &mut Table<'_>,
    key: &'static str,
    findings: &mut Findings<'_>,
) -> Option<u64> {
    let (at, text) = table.text(key, findings)?;
    match parse_seconds(&text) {
        Ok(seconds) if (1..=LONGEST).contains(&seconds) => Some(seconds),
        Ok(_) => {
            findings.add(
                at,
                format!("{key} of {} must be between 1s and 24h", table.what),
            );
            None
        }
        Err(error) => {
            findings.add(at, error.to_string());
            None
        }
    }
}

/// `log-limit`, in bytes.
pub(super) fn log_limit(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Option<u64> {
    let (at, text) = table.text("log-limit", findings)?;
    match parse_bytes(&text) {
        Ok(bytes) if (1024..=LARGEST_LOG).contains(&bytes) => return Some(bytes),
        Ok(_) => findings.add(
            at,
            format!("log-limit of {} must be between 1KiB and 1GiB", table.what),
        ),
        Err(error) => findings.add(at, error.to_string()),
    }
    None
}

/// `labels`: such as a machine's record can have, no more of them than that, and none twice.
pub(super) fn labels(table: &mut Table<'_>, findings: &mut Findings<'_>) -> BTreeSet<String> {
    let at = table.place("labels").unwrap_or(table.at);
    let mut labels = BTreeSet::new();
    for (at, label) in table.texts("labels", findings).unwrap_or_default() {
        if !MachineRecord::is_label(&label) {
            let form = "up to 32 letters, digits and ., _, -, =, as in gpu or ram=64";
            findings.add(at, format!("{label:?} is no label: {form}"));
        } else if !labels.insert(label.clone()) {
            findings.add(at, format!("{} has label {label:?} twice", table.what));
        }
    }
    let (most, count) = (MachineRecord::LABELS, labels.len());
    if count > most {
        let message = format!(
            "{} has {count} labels: a machine has at most {most}",
            table.what
        );
        findings.add(at, message);
    }
    labels
}

/// One of a few words.
pub(super) fn choice<T: Copy>(
    table: &mut Table<'_>,
    key: &'static str,
    choices: &[(&str, T)],
    findings: &mut Findings<'_>,
) -> Option<T> {
    let (at, text) = table.text(key, findings)?;
    let chosen = choices.iter().find(|(word, _)| *word == text);
    if chosen.is_none() {
        let words: Vec<String> = choices
            .iter()
            .map(|(word, _)| format!("{word:?}"))
            .collect();
        let all = match words.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => words.concat(),
        };
        let suggestion = did_you_mean(&text, choices.iter().map(|(word, _)| *word));
        findings.suggest(at, format!("{key} is {all}, not {text:?}"), suggestion);
    }
    chosen.map(|(_, value)| *value)
}

/// `env`: names that every system takes, values without NUL.
pub(super) fn environment(
    table: &mut Table<'_>,
    findings: &mut Findings<'_>,
) -> BTreeMap<String, String> {
    let what = table.what.clone();
    let entries = table.map("env", findings);
    for (name, (at, value)) in &entries {
        if name.is_empty() || name.contains(['=', '\0']) {
            findings.add(
                *at,
                format!("{name:?} in \"env\" of {what} is no name of a variable"),
            );
        } else if value.contains('\0') {
            findings.add(
                *at,
                format!("{name:?} in \"env\" of {what} holds a NUL character"),
            );
        }
    }
    entries
        .into_iter()
        .map(|(name, (_, value))| (name, value))
        .collect()
}

/// A name that must exist in another section.
pub(super) fn reference<K>(
    table: &mut Table<'_>,
    key: &'static str,
    known: &BTreeSet<K>,
    section: &str,
    findings: &mut Findings<'_>,
) -> Option<K>
where
    K: Ord + std::str::FromStr<Err = IdError> + std::fmt::Display,
{
    let Some((at, text)) = table.text(key, findings) else {
        findings.add(table.at, format!("{} names no {key}", table.what));
        return None;
    };
    existing(at, &text, &table.what, known, section, findings)
}

/// The id that `text` is, of something in another section.
pub(super) fn existing<K>(
    at: usize,
    text: &str,
    what: &str,
    known: &BTreeSet<K>,
    section: &str,
    findings: &mut Findings<'_>,
) -> Option<K>
where
    K: Ord + std::str::FromStr<Err = IdError> + std::fmt::Display,
{
    match text.parse::<K>() {
        Ok(id) if known.contains(&id) => Some(id),
        Ok(_) => {
            let names: Vec<String> = known.iter().map(ToString::to_string).collect();
            let suggestion = did_you_mean(text, names.iter().map(String::as_str));
            let add = format!("add [{section}.{text}]");
            let message = format!("{what} names {text:?}, which is not in [{section}]");
            findings.suggest(at, message, Some(suggestion.unwrap_or(add)));
            None
        }
        Err(error) => {
            findings.add(at, error.to_string());
            None
        }
    }
}
