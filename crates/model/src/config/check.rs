//! What the tree of `farm.toml` means: names that exist, limits that fit, nothing said twice.

use std::collections::{BTreeMap, BTreeSet};

use super::duration::{parse_bytes, parse_seconds};
use super::parse::{Findings, Table, Value, did_you_mean, text_of};
use super::{Builder, Clean, FarmConfig, Host, Recipe, Repository};
use crate::id::{BuilderName, HostType, IdError, RepoName};
use crate::message::work::{SOURCE_ROOT, StepSpec};

const TIMEOUT: u64 = 30 * 60;
const LONGEST: u64 = 24 * 3600;
const LOG_LIMIT: u64 = 16 << 20;
const LARGEST_LOG: u64 = 1 << 30;
/// Of a step's name, in characters.
const LONGEST_NAME: usize = 100;
const MAX_LOSSES: u32 = 5;
/// History beyond what a branch keeps could not be planned.
const MAX_HISTORY: i64 = crate::record::Branch::KEPT as i64;

/// The whole file; none if it is not even a farm, otherwise `findings` decides.
pub(super) fn farm(mut root: Table<'_>, findings: &mut Findings<'_>) -> Option<FarmConfig> {
    let name = root
        .text("name", findings)
        .map_or_else(|| "farm".to_owned(), |(_, name)| name);
    let hosts = section(&mut root, "hosts", "host", findings, host);
    let builders = section(
        &mut root,
        "builders",
        "builder",
        findings,
        |table, findings| builder(table, &hosts.names, findings),
    );
    let repositories = section(
        &mut root,
        "repositories",
        "repository",
        findings,
        |table, findings| repository(table, &builders.names, findings),
    );
    root.finish(findings);
    Some(FarmConfig {
        name,
        hosts: hosts.entries,
        builders: builders.entries,
        repositories: repositories.entries,
    })
}

/// A table of named tables, read.
struct Section<K, V> {
    entries: BTreeMap<K, V>,
    /// Also of those with problems of their own: naming one of them is not a second problem.
    names: BTreeSet<K>,
}

/// Reads a table of named tables.
fn section<K, V>(
    root: &mut Table<'_>,
    key: &'static str,
    what: &str,
    findings: &mut Findings<'_>,
    mut read: impl FnMut(Table<'_>, &mut Findings<'_>) -> Option<V>,
) -> Section<K, V>
where
    K: Ord + Clone + std::str::FromStr<Err = IdError>,
{
    let mut section = Section {
        entries: BTreeMap::new(),
        names: BTreeSet::new(),
    };
    let Some(value) = root.take(key) else {
        return section;
    };
    let Some(table) = Table::of(format!("{key:?}"), value, findings) else {
        return section;
    };
    for (name, at, value) in table.each() {
        let id = name
            .parse::<K>()
            .map_err(|error| findings.add(at, error.to_string()))
            .ok();
        let Some(mut table) = Table::of(format!("{what} {name:?}"), value, findings) else {
            continue;
        };
        table.at = at;
        section.names.extend(id.clone());
        if let (Some(entry), Some(id)) = (read(table, findings), id) {
            section.entries.insert(id, entry);
        }
    }
    section
}

fn host(mut table: Table<'_>, findings: &mut Findings<'_>) -> Option<Host> {
    let description = table
        .text("description", findings)
        .map(|(_, text)| text)
        .unwrap_or_default();
    let clean = match table.text("clean", findings) {
        None => Clean::Wipe,
        Some((at, text)) => match text.as_str() {
            "halt" => Clean::Halt,
            "wipe" => Clean::Wipe,
            "none" => Clean::None,
            other => {
                let suggestion = did_you_mean(other, ["halt", "wipe", "none"].into_iter());
                findings.suggest(
                    at,
                    format!("clean is \"halt\", \"wipe\" or \"none\", not {other:?}"),
                    suggestion,
                );
                Clean::Wipe
            }
        },
    };
    table.finish(findings);
    Some(Host { description, clean })
}

fn builder(
    mut table: Table<'_>,
    hosts: &BTreeSet<HostType>,
    findings: &mut Findings<'_>,
) -> Option<Builder> {
    let what = table.what.clone();
    let host = reference(&mut table, "host", hosts, "hosts", findings);
    let description = table
        .text("description", findings)
        .map(|(_, text)| text)
        .unwrap_or_default();
    let env = environment(&mut table, findings);
    let timeout = seconds(&mut table, findings).unwrap_or(TIMEOUT);
    let log_limit = log_limit(&mut table, findings);
    let max_losses = losses(&mut table, findings);
    let at = table.at;
    let steps = table.list("steps", findings).unwrap_or_default();
    if steps.is_empty() {
        findings.add(
            at,
            format!("{what} has no steps: add steps = [{{ run = \"…\" }}]"),
        );
    }
    let steps = recipe_steps(steps, &what, timeout, findings);
    table.finish(findings);
    Some(Builder {
        host: host?,
        description,
        env,
        timeout_seconds: timeout,
        log_limit_bytes: log_limit,
        max_losses,
        recipe: Recipe::Steps { steps },
    })
}

/// A name that must exist in another section.
fn reference<K>(
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

fn existing<K>(
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

/// `timeout` of a builder or step.
fn seconds(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Option<u64> {
    let (at, text) = table.text("timeout", findings)?;
    match parse_seconds(&text) {
        Ok(seconds) if (1..=LONGEST).contains(&seconds) => Some(seconds),
        Ok(_) => {
            findings.add(
                at,
                format!("timeout of {} must be between 1s and 24h", table.what),
            );
            None
        }
        Err(error) => {
            findings.add(at, error.to_string());
            None
        }
    }
}

fn log_limit(table: &mut Table<'_>, findings: &mut Findings<'_>) -> u64 {
    let Some((at, text)) = table.text("log-limit", findings) else {
        return LOG_LIMIT;
    };
    match parse_bytes(&text) {
        Ok(bytes) if (1024..=LARGEST_LOG).contains(&bytes) => return bytes,
        Ok(_) => findings.add(
            at,
            format!("log-limit of {} must be between 1KiB and 1GiB", table.what),
        ),
        Err(error) => findings.add(at, error.to_string()),
    }
    LOG_LIMIT
}

fn losses(table: &mut Table<'_>, findings: &mut Findings<'_>) -> u32 {
    let Some((at, number)) = table.number("max-losses", findings) else {
        return MAX_LOSSES;
    };
    match u32::try_from(number) {
        Ok(number @ 1..=100) => number,
        _ => {
            findings.add(
                at,
                format!("max-losses of {} must be between 1 and 100", table.what),
            );
            MAX_LOSSES
        }
    }
}

fn recipe_steps(
    values: Vec<Value<'_>>,
    what: &str,
    limit: u64,
    findings: &mut Findings<'_>,
) -> Vec<StepSpec> {
    let mut names = BTreeSet::new();
    let mut steps = Vec::new();
    for (number, value) in (1..).zip(values) {
        let at = value.span().start;
        let Some(mut table) = Table::of(format!("step {number} of {what}"), value, findings) else {
            continue;
        };
        table.at = at;
        let Some(step) = step(table, number, limit, findings) else {
            continue;
        };
        if !names.insert(step.name.clone()) {
            findings.add(at, format!("{what} has two steps named {:?}", step.name));
        }
        steps.push(step);
    }
    steps
}

fn step(
    mut table: Table<'_>,
    number: usize,
    limit: u64,
    findings: &mut Findings<'_>,
) -> Option<StepSpec> {
    let (what, at) = (table.what.clone(), table.at);
    let name = step_name(&mut table, number, findings);
    let argv = argv(&mut table, findings);
    let dir = table.text("dir", findings);
    if let Some((at, dir)) = &dir
        && !stays_inside(dir)
    {
        findings.add(
            *at,
            format!(
                "dir of {what} must stay inside the source: relative, without .. and backslash"
            ),
        );
    }
    let timeout = seconds(&mut table, findings).unwrap_or(limit);
    if timeout > limit {
        findings.add(
            at,
            format!("{what} may take {timeout}s, but its builder only {limit}s"),
        );
    }
    let env = environment(&mut table, findings);
    table.finish(findings);
    let dir = dir.map(|(_, dir)| dir).unwrap_or_default();
    Some(StepSpec {
        name,
        argv: argv?,
        dir,
        root: SOURCE_ROOT.to_owned(),
        env,
        timeout_seconds: timeout,
    })
}

fn step_name(table: &mut Table<'_>, number: usize, findings: &mut Findings<'_>) -> String {
    let Some((at, name)) = table.text("name", findings) else {
        return format!("step-{number}");
    };
    let long = name.chars().count() > LONGEST_NAME;
    if name.trim().is_empty() || long || name.contains(char::is_control) {
        let message = format!(
            "name of {} must be one line of 1 to {LONGEST_NAME} characters",
            table.what
        );
        findings.add(at, message);
    }
    name
}

/// `env`: names that every system takes, values without NUL.
fn environment(table: &mut Table<'_>, findings: &mut Findings<'_>) -> BTreeMap<String, String> {
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

/// `run`, a line for the shell, or `argv`: exactly one of them.
fn argv(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Option<Vec<String>> {
    let run = table.text("run", findings);
    let argv = table.texts("argv", findings);
    let texts = run.iter().chain(argv.iter().flatten());
    for (at, _) in texts.filter(|(_, text)| text.contains('\0')) {
        findings.add(
            *at,
            format!(
                "{} holds a NUL character, which no program can be given",
                table.what
            ),
        );
    }
    match (run, argv) {
        (Some((_, run)), None) if !run.trim().is_empty() => {
            Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), run])
        }
        (None, Some(argv)) if argv.first().is_some_and(|(_, program)| !program.is_empty()) => {
            Some(argv.into_iter().map(|(_, word)| word).collect())
        }
        (Some(_), Some(_)) => {
            findings.add(
                table.at,
                format!("{} has both run and argv: keep one", table.what),
            );
            None
        }
        _ => {
            findings.add(
                table.at,
                format!(
                    "{} runs nothing: add run = \"…\" or argv = [\"…\"]",
                    table.what
                ),
            );
            None
        }
    }
}

fn stays_inside(dir: &str) -> bool {
    !dir.starts_with('/') && !dir.contains('\\') && dir.split('/').all(|part| part != "..")
}

fn repository(
    mut table: Table<'_>,
    known: &BTreeSet<BuilderName>,
    findings: &mut Findings<'_>,
) -> Option<Repository> {
    let what = table.what.clone();
    let url = table.text("url", findings).map(|(_, text)| text);
    let github = table.text("github", findings);
    if let Some((at, name)) = &github
        && (name.matches('/').count() != 1 || name.parse::<RepoName>().is_err())
    {
        findings.add(*at, format!("github of {what} is written owner/repository"));
    }
    let gerrit = table.text("gerrit", findings).map(|(_, text)| text);
    let branches = branches(&mut table, findings);
    let builders = builders(&mut table, known, findings);
    let history = match table.number("history", findings) {
        None => 1,
        Some((_, number @ 1..=MAX_HISTORY)) => u32::try_from(number).unwrap_or(1),
        Some((at, _)) => {
            findings.add(
                at,
                format!("history of {what} must be between 1 and {MAX_HISTORY}"),
            );
            1
        }
    };
    table.finish(findings);
    Some(Repository {
        url,
        github: github.map(|(_, name)| name),
        gerrit,
        branches,
        builders,
        history,
    })
}

fn branches(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Vec<String> {
    let patterns = table.texts("branches", findings).unwrap_or_default();
    for (at, pattern) in &patterns {
        let bad = |c: char| c.is_whitespace() || c.is_control() || "~^:?[\\".contains(c);
        if pattern.is_empty() || pattern.contains(bad) || pattern.starts_with("refs/") {
            let message = format!(
                "{pattern:?} is no pattern of branches: a short name, with * for any run of characters"
            );
            findings.add(*at, message);
        }
    }
    patterns.into_iter().map(|(_, pattern)| pattern).collect()
}

fn builders(
    table: &mut Table<'_>,
    known: &BTreeSet<BuilderName>,
    findings: &mut Findings<'_>,
) -> Vec<BuilderName> {
    let Some(values) = table.list("builders", findings) else {
        return known.iter().cloned().collect();
    };
    let mut names = Vec::new();
    for value in values {
        let Some((at, text)) = text_of(&format!("\"builders\" in {}", table.what), value, findings)
        else {
            continue;
        };
        let Some(name) = existing(at, &text, &table.what, known, "builders", findings) else {
            continue;
        };
        if names.contains(&name) {
            findings.add(at, format!("{} names builder {text:?} twice", table.what));
        } else {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests;
