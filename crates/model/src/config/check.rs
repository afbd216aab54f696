//! What the tree of `farm.toml` means: names that exist, limits that fit, nothing said twice.

use std::collections::{BTreeMap, BTreeSet};

use super::duration::{parse_bytes, parse_seconds};
use super::parse::{Findings, Table, Value, did_you_mean, text_of};
use super::{Builder, Clean, FarmConfig, Host, Recipe, Repository};
use crate::id::{BuilderName, HostType, IdError, RepoName};
use crate::message::work::StepSpec;

const TIMEOUT: u64 = 30 * 60;
const LONGEST: u64 = 24 * 3600;
const LOG_LIMIT: u64 = 16 << 20;
const LARGEST_LOG: u64 = 1 << 30;
const MAX_LOSSES: u32 = 5;
/// History beyond what a branch keeps could not be planned.
const MAX_HISTORY: i64 = crate::record::Branch::KEPT as i64;

/// The whole file; none if it is not even a farm, otherwise `findings` decides.
pub(super) fn farm(mut root: Table<'_>, findings: &mut Findings<'_>) -> Option<FarmConfig> {
    let name = root.text("name", findings).map_or_else(|| "farm".to_owned(), |(_, name)| name);
    let hosts = section(&mut root, "hosts", "host", findings, host);
    let builders = section(&mut root, "builders", "builder", findings, |table, findings| {
        builder(table, &hosts, findings)
    });
    let repositories = section(&mut root, "repositories", "repository", findings, |table, findings| {
        repository(table, &builders, findings)
    });
    root.finish(findings);
    Some(FarmConfig { name, hosts, builders, repositories })
}

/// A table of named tables.
fn section<K, V>(
    root: &mut Table<'_>,
    key: &'static str,
    what: &str,
    findings: &mut Findings<'_>,
    mut read: impl FnMut(Table<'_>, &mut Findings<'_>) -> Option<V>,
) -> BTreeMap<K, V>
where
    K: Ord + std::str::FromStr<Err = IdError>,
{
    let mut entries = BTreeMap::new();
    let Some(value) = root.take(key) else { return entries };
    let Some(table) = Table::of(format!("{key:?}"), value, findings) else { return entries };
    for (name, at, value) in table.each() {
        let id = name.parse::<K>().map_err(|error| findings.add(at, error.to_string())).ok();
        let Some(mut table) = Table::of(format!("{what} {name:?}"), value, findings) else { continue };
        table.at = at;
        if let (Some(entry), Some(id)) = (read(table, findings), id) {
            entries.insert(id, entry);
        }
    }
    entries
}

fn host(mut table: Table<'_>, findings: &mut Findings<'_>) -> Option<Host> {
    let description = table.text("description", findings).map(|(_, text)| text).unwrap_or_default();
    let clean = match table.text("clean", findings) {
        None => Clean::Wipe,
        Some((at, text)) => match text.as_str() {
            "halt" => Clean::Halt,
            "wipe" => Clean::Wipe,
            "none" => Clean::None,
            other => {
                let suggestion = did_you_mean(other, ["halt", "wipe", "none"].into_iter());
                findings.suggest(at, format!("clean is \"halt\", \"wipe\" or \"none\", not {other:?}"), suggestion);
                Clean::Wipe
            }
        },
    };
    table.finish(findings);
    Some(Host { description, clean })
}

fn builder(
    mut table: Table<'_>,
    hosts: &BTreeMap<HostType, Host>,
    findings: &mut Findings<'_>,
) -> Option<Builder> {
    let what = table.what.clone();
    let host = reference(&mut table, "host", hosts, "hosts", findings);
    let description = table.text("description", findings).map(|(_, text)| text).unwrap_or_default();
    let env = table.map("env", findings);
    let timeout = seconds(&mut table, findings).unwrap_or(TIMEOUT);
    let log_limit = log_limit(&mut table, findings);
    let max_losses = losses(&mut table, findings);
    let at = table.at;
    let steps = table.list("steps", findings).unwrap_or_default();
    if steps.is_empty() {
        findings.add(at, format!("{what} has no steps: add steps = [{{ run = \"…\" }}]"));
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
fn reference<K, V>(
    table: &mut Table<'_>,
    key: &'static str,
    known: &BTreeMap<K, V>,
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

fn existing<K, V>(
    at: usize,
    text: &str,
    what: &str,
    known: &BTreeMap<K, V>,
    section: &str,
    findings: &mut Findings<'_>,
) -> Option<K>
where
    K: Ord + std::str::FromStr<Err = IdError> + std::fmt::Display,
{
    match text.parse::<K>() {
        Ok(id) if known.contains_key(&id) => Some(id),
        Ok(_) => {
            let names: Vec<String> = known.keys().map(ToString::to_string).collect();
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
            findings.add(at, format!("timeout of {} must be between 1s and 24h", table.what));
            None
        }
        Err(error) => {
            findings.add(at, error.to_string());
            None
        }
    }
}

fn log_limit(table: &mut Table<'_>, findings: &mut Findings<'_>) -> u64 {
    let Some((at, text)) = table.text("log-limit", findings) else { return LOG_LIMIT };
    match parse_bytes(&text) {
        Ok(bytes) if (1024..=LARGEST_LOG).contains(&bytes) => return bytes,
        Ok(_) => findings.add(at, format!("log-limit of {} must be between 1KiB and 1GiB", table.what)),
        Err(error) => findings.add(at, error.to_string()),
    }
    LOG_LIMIT
}

fn losses(table: &mut Table<'_>, findings: &mut Findings<'_>) -> u32 {
    let Some((at, number)) = table.number("max-losses", findings) else { return MAX_LOSSES };
    match u32::try_from(number) {
        Ok(number @ 1..=100) => number,
        _ => {
            findings.add(at, format!("max-losses of {} must be between 1 and 100", table.what));
            MAX_LOSSES
        }
    }
}

fn recipe_steps(values: Vec<Value<'_>>, what: &str, limit: u64, findings: &mut Findings<'_>) -> Vec<StepSpec> {
    let mut names = BTreeSet::new();
    let mut steps = Vec::new();
    for (number, value) in (1..).zip(values) {
        let at = value.span().start;
        let Some(mut table) = Table::of(format!("step {number} of {what}"), value, findings) else { continue };
        table.at = at;
        let Some(step) = step(table, number, limit, findings) else { continue };
        if !names.insert(step.name.clone()) {
            findings.add(at, format!("{what} has two steps named {:?}", step.name));
        }
        steps.push(step);
    }
    steps
}

fn step(mut table: Table<'_>, number: usize, limit: u64, findings: &mut Findings<'_>) -> Option<StepSpec> {
    let (what, at) = (table.what.clone(), table.at);
    let name = table.text("name", findings).map_or_else(|| format!("step-{number}"), |(_, name)| name);
    let argv = argv(&mut table, findings);
    let dir = table.text("dir", findings);
    if let Some((at, dir)) = &dir
        && !stays_inside(dir)
    {
        findings.add(*at, format!("dir of {what} must stay inside the source: relative, without .. and backslash"));
    }
    let timeout = seconds(&mut table, findings).unwrap_or(limit);
    if timeout > limit {
        findings.add(at, format!("{what} may take {timeout}s, but its builder only {limit}s"));
    }
    let env = table.map("env", findings);
    table.finish(findings);
    let dir = dir.map(|(_, dir)| dir).unwrap_or_default();
    Some(StepSpec { name, argv: argv?, dir, env, timeout_seconds: timeout })
}

/// `run`, a line for the shell, or `argv`: exactly one of them.
fn argv(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Option<Vec<String>> {
    let run = table.text("run", findings);
    let argv = table.texts("argv", findings);
    match (run, argv) {
        (Some((_, run)), None) if !run.trim().is_empty() => Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), run]),
        (None, Some(argv)) if argv.first().is_some_and(|(_, program)| !program.is_empty()) => {
            Some(argv.into_iter().map(|(_, word)| word).collect())
        }
        (Some(_), Some(_)) => {
            findings.add(table.at, format!("{} has both run and argv: keep one", table.what));
            None
        }
        _ => {
            findings.add(table.at, format!("{} runs nothing: add run = \"…\" or argv = [\"…\"]", table.what));
            None
        }
    }
}

fn stays_inside(dir: &str) -> bool {
    !dir.starts_with('/') && !dir.contains('\\') && dir.split('/').all(|part| part != "..")
}

fn repository(
    mut table: Table<'_>,
    known: &BTreeMap<BuilderName, Builder>,
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
            findings.add(at, format!("history of {what} must be between 1 and {MAX_HISTORY}"));
            1
        }
    };
    table.finish(findings);
    Some(Repository { url, github: github.map(|(_, name)| name), gerrit, branches, builders, history })
}

fn branches(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Vec<String> {
    let patterns = table.texts("branches", findings).unwrap_or_default();
    for (at, pattern) in &patterns {
        let bad = |c: char| c.is_whitespace() || c.is_control() || "~^:?[\\".contains(c);
        if pattern.is_empty() || pattern.contains(bad) || pattern.starts_with("refs/") {
            let message = format!("{pattern:?} is no pattern of branches: a short name, with * for any run of characters");
            findings.add(*at, message);
        }
    }
    patterns.into_iter().map(|(_, pattern)| pattern).collect()
}

fn builders(
    table: &mut Table<'_>,
    known: &BTreeMap<BuilderName, Builder>,
    findings: &mut Findings<'_>,
) -> Vec<BuilderName> {
    let Some(values) = table.list("builders", findings) else { return known.keys().cloned().collect() };
    let mut names = Vec::new();
    for value in values {
        let Some((at, text)) = text_of(&format!("\"builders\" in {}", table.what), value, findings) else { continue };
        let Some(name) = existing(at, &text, &table.what, known, "builders", findings) else { continue };
        if names.contains(&name) {
            findings.add(at, format!("{} names builder {text:?} twice", table.what));
        } else {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> String {
        FarmConfig::parse("farm.toml", text).unwrap_err().to_string()
    }

    const GOOD: &str = r#"
name = "sample"
[hosts.local]
clean = "none"
[builders.test]
host = "local"
timeout = "20m"
env = { CI = "true" }
[[builders.test.steps]]
name = "unit"
run = "cargo test"
timeout = "10m"
[[builders.test.steps]]
argv = ["cargo", "doc"]
[repositories.sample]
branches = ["main", "release-*"]
"#;

    #[test]
    fn a_good_file_says_what_it_means() {
        let config = FarmConfig::parse("farm.toml", GOOD).unwrap();
        let builder = &config.builders[&"test".parse().unwrap()];
        let Recipe::Steps { steps } = &builder.recipe;
        assert_eq!(steps[0].argv, ["/bin/sh", "-c", "cargo test"]);
        assert_eq!((steps[0].timeout_seconds, steps[1].timeout_seconds), (600, 1200));
        assert_eq!(steps[1].name, "step-2");
        assert_eq!(config.repositories[&"sample".parse().unwrap()].builders.len(), 1);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_likely_one() {
        let text = GOOD.replace("timeout = \"20m\"", "tiemout = \"20m\"");
        assert_eq!(errors(&text), "farm.toml:7:1: unknown key \"tiemout\" in builder \"test\"; did you mean \"timeout\"?");
    }

    #[test]
    fn a_dangling_name_is_refused() {
        let text = GOOD.replace("host = \"local\"", "host = \"locl\"");
        assert_eq!(
            errors(&text),
            "farm.toml:6:8: builder \"test\" names \"locl\", which is not in [hosts]; did you mean \"local\"?"
        );
        let text = format!("{GOOD}builders = [\"lint\"]\n");
        let error = errors(&text);
        assert!(error.contains("names \"lint\", which is not in [builders]; add [builders.lint]"), "{error}");
    }

    #[test]
    fn every_problem_is_told_at_once_in_the_order_of_the_text() {
        let error = errors("x = 1\n[builders.b]\nhost = \"nowhere\"\n[repositories.r]\nhistory = 0\n");
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines.len(), 4, "{error}");
        assert!(lines[0].starts_with("farm.toml:1:1: unknown key \"x\""), "{error}");
        assert!(lines[1].starts_with("farm.toml:2:") && lines[1].contains("has no steps"), "{error}");
        assert!(lines[3].starts_with("farm.toml:5:11: history"), "{error}");
    }

    #[test]
    fn contradictions_are_refused() {
        for (from, to, want) in [
            ("timeout = \"20m\"", "timeout = \"5m\"", "may take 600s, but its builder only 300s"),
            ("timeout = \"20m\"", "timeout = \"0s\"", "between 1s and 24h"),
            ("run = \"cargo test\"", "run = \"a\"\nargv = [\"b\"]", "both run and argv"),
            ("run = \"cargo test\"", "", "runs nothing"),
            ("run = \"cargo test\"", "run = \"a\"\ndir = \"../x\"", "stay inside"),
            ("argv = [\"cargo\", \"doc\"]", "argv = [\"a\"]\nname = \"unit\"", "two steps named \"unit\""),
            ("\"release-*\"", "\"bad branch\"", "no pattern of branches"),
            ("clean = \"none\"", "clean = \"nome\"", "did you mean \"none\"?"),
        ] {
            let error = errors(&GOOD.replace(from, to));
            assert!(error.contains(want), "{to}: {error}");
        }
    }

    #[test]
    fn text_that_is_no_toml_has_a_place_too() {
        let error = errors("[hosts\n");
        assert!(error.starts_with("farm.toml:1:"), "{error}");
    }
}
