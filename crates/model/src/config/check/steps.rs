//! The recipe of steps, and the tests that it splits.

use std::collections::BTreeSet;

use super::values::{choice, environment, number, seconds};
use crate::config::parse::{Findings, Table, Value};
use crate::config::{Recipe, RecipeStep, StepTests};
use crate::message::work::{SOURCE_ROOT, StepSpec, TestFormat};

/// Of a step's name, in characters.
const LONGEST_NAME: usize = 100;
const TARGET: u64 = 5 * 60;
const FORMATS: [(&str, TestFormat); 5] = [
    ("exit", TestFormat::Exit),
    ("go", TestFormat::Go),
    ("go-json", TestFormat::GoJson),
    ("junit", TestFormat::Junit),
    ("libtest", TestFormat::Libtest),
];

/// `steps` and `tests` of a builder of which a step may take `limit` seconds.
pub(super) fn recipe(
    table: &mut Table<'_>,
    limit: u64,
    findings: &mut Findings<'_>,
) -> Option<Recipe> {
    let what = table.what.clone();
    let values = table.list("steps", findings).unwrap_or_default();
    let tests = table.table("tests", findings);
    if values.is_empty() && tests.is_none() {
        let message = format!("{what} has no steps: add steps = [{{ run = \"…\" }}]");
        findings.add(table.at, message);
    }
    let steps = steps(values, &what, limit, findings);
    let tests = tests.map(|table| self::tests(table, limit, findings));
    Some(Recipe::Steps {
        steps,
        tests: tests.flatten(),
    })
}

fn steps(
    values: Vec<Value<'_>>,
    what: &str,
    limit: u64,
    findings: &mut Findings<'_>,
) -> Vec<RecipeStep> {
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
        if !names.insert(step.spec.name.clone()) {
            findings.add(
                at,
                format!("{what} has two steps named {:?}", step.spec.name),
            );
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
) -> Option<RecipeStep> {
    let name = step_name(&mut table, number, findings);
    let argv = argv(&mut table, findings);
    let dir = dir(&mut table, findings);
    let timeout = timeout(&mut table, limit, findings);
    let env = environment(&mut table, findings);
    let format = choice(&mut table, "format", &FORMATS, findings);
    let report = report(&mut table, format, &dir, findings);
    table.finish(findings);
    Some(RecipeStep {
        spec: StepSpec {
            name,
            argv: argv?,
            dir,
            root: SOURCE_ROOT.to_owned(),
            env,
            timeout_seconds: timeout,
        },
        format,
        report,
    })
}

/// `[builders.x.tests]`.
fn tests(mut table: Table<'_>, limit: u64, findings: &mut Findings<'_>) -> Option<StepTests> {
    let list = command(&mut table, "list", findings);
    let run = command(&mut table, "run", findings);
    let shards = number(&mut table, "shards", 1..=100, findings).unwrap_or(1);
    let target_seconds = seconds(&mut table, "target", findings).unwrap_or(TARGET);
    let format = choice(&mut table, "format", &FORMATS, findings);
    let dir = dir(&mut table, findings);
    let report = report(&mut table, format, &dir, findings);
    let keep = table.flag("keep", findings).unwrap_or(true);
    let timeout = timeout(&mut table, limit, findings);
    let env = environment(&mut table, findings);
    table.finish(findings);
    let spec = |name: &str, argv| StepSpec {
        name: name.to_owned(),
        argv,
        dir: dir.clone(),
        root: SOURCE_ROOT.to_owned(),
        env: env.clone(),
        timeout_seconds: timeout,
    };
    Some(StepTests {
        list: spec("list", list?),
        run: spec("test", run?),
        shards,
        target_seconds,
        format: format.unwrap_or_default(),
        report,
        keep,
    })
}

/// A line for the shell, whose `"$@"` are the tests, or a list of words that the tests are appended to.
fn command(
    table: &mut Table<'_>,
    key: &'static str,
    findings: &mut Findings<'_>,
) -> Option<Vec<String>> {
    let Some(at) = table.place(key) else {
        let message = format!("{} has no {key}: add {key} = \"…\"", table.what);
        findings.add(table.at, message);
        return None;
    };
    let argv = if table.is_list(key) {
        let words = table.texts(key, findings)?.into_iter();
        words.map(|(_, word)| word).collect()
    } else {
        let (_, line) = table.text(key, findings)?;
        let mut argv = shell(line);
        // What follows is `$1`, not `$0`.
        argv.push("sh".to_owned());
        argv
    };
    let empty = argv.iter().take(3).all(|word| word.trim().is_empty());
    if empty || argv.iter().any(|word| word.contains('\0')) {
        let message = format!("{key} of {} is no command", table.what);
        findings.add(at, message);
    }
    Some(argv)
}

fn shell(line: String) -> Vec<String> {
    vec!["/bin/sh".to_owned(), "-c".to_owned(), line]
}

/// Files of results, which only JUnit's format has.
fn report(
    table: &mut Table<'_>,
    format: Option<TestFormat>,
    dir: &str,
    findings: &mut Findings<'_>,
) -> Option<String> {
    let report = table.text("report", findings);
    let what = &table.what;
    match (&report, format) {
        (Some((at, _)), Some(TestFormat::Exit) | None) => findings.add(
            *at,
            format!("report of {what} needs a format that says what is in it: format = \"junit\""),
        ),
        (Some((at, path)), Some(_)) => {
            if let Some(wrong) = wrong_report(path, dir) {
                findings.add(*at, format!("report of {what} {wrong}"));
            }
        }
        (None, Some(TestFormat::Junit)) => findings.add(
            table.at,
            format!("{what} has JUnit's format and no report: add report = \"path/to/*.xml\""),
        ),
        (None, _) => {}
    }
    report.map(|(_, path)| path)
}

/// Why files of results cannot lie at `path` below `dir`: all that lies in their folder is fetched.
fn wrong_report(path: &str, dir: &str) -> Option<&'static str> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let is_here = |folder: &str| folder.split('/').all(|part| ["", "."].contains(&part));
    if path.is_empty() || !stays_inside(path) {
        Some("must stay inside the source: relative, without .. and backslash")
    } else if file.is_empty() {
        Some("must name files: path/to/*.xml")
    } else if folder.contains('*') {
        Some("must lie in one folder: * may stand in the name of files only")
    } else if is_here(folder) && is_here(dir) {
        Some(
            "must lie in a folder of its own, as path/to/*.xml: all that lies beside it is fetched",
        )
    } else {
        None
    }
}

fn dir(table: &mut Table<'_>, findings: &mut Findings<'_>) -> String {
    let Some((at, dir)) = table.text("dir", findings) else {
        return String::new();
    };
    if !stays_inside(&dir) {
        let message = format!(
            "dir of {} must stay inside the source: relative, without .. and backslash",
            table.what
        );
        findings.add(at, message);
    }
    dir
}

/// `timeout`, within the builder's.
fn timeout(table: &mut Table<'_>, limit: u64, findings: &mut Findings<'_>) -> u64 {
    let timeout = seconds(table, "timeout", findings).unwrap_or(limit);
    if timeout > limit {
        let message = format!(
            "{} may take {timeout}s, but its builder only {limit}s",
            table.what
        );
        findings.add(table.at, message);
    }
    timeout
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
        (Some((_, run)), None) if !run.trim().is_empty() => Some(shell(run)),
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

/// Whether a relative path cannot leave its folder.
pub(super) fn stays_inside(dir: &str) -> bool {
    !dir.starts_with('/') && !dir.contains('\\') && dir.split('/').all(|part| part != "..")
}
