//! `farm check`: what is wrong in a `farm.toml`.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use farm_model::config::{ConfigError, FarmConfig, Problem};
use serde::Serialize;

use crate::session::Session;
use crate::text::counted;

/// Of a `farm.toml`, in bytes.
const LARGEST: u64 = 4 << 20;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm check                     ./farm.toml
  farm check ../other            farm.toml in that folder
  farm check farm.toml --json    one line of JSON, for editors and scripts
  git show HEAD:farm.toml | farm check -

Exit code: 0 valid, 1 invalid, 3 it cannot be read.")]
pub struct Args {
    /// The file, the folder it lies in, or - for standard input
    #[arg(value_name = "FILE|DIR", default_value = "farm.toml")]
    file: PathBuf,
    /// One line of JSON instead of text
    #[arg(long)]
    json: bool,
}

/// The line of `--json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    file: &'a str,
    valid: bool,
    hosts: Vec<&'a str>,
    builders: Vec<&'a str>,
    repositories: Vec<&'a str>,
    problems: Vec<Line<'a>>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    line: usize,
    column: usize,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<&'a str>,
}

/// Checks the file and says what it found.
///
/// # Errors
/// The file cannot be read.
pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let (label, text) = read(&args.file, &mut session.input)?;
    let parsed = FarmConfig::parse(&label, &text);
    let said = match (&parsed, args.json) {
        (parsed, true) => serde_json::to_string(&report(&label, parsed.as_ref()))?,
        (Ok(config), false) => summary(&label, config),
        (Err(error), false) => problems(error),
    };
    session.print(&said)?;
    Ok(ExitCode::from(u8::from(parsed.is_err())))
}

/// The text, and what to call it.
fn read(path: &Path, input: &mut impl Read) -> anyhow::Result<(String, String)> {
    if path == Path::new("-") {
        let text = bounded(input).context("cannot read standard input")?;
        return Ok(("<stdin>".to_owned(), text));
    }
    let inside = path.join("farm.toml");
    let file = if path.is_dir() { &inside } else { path };
    let label = file.display().to_string();
    let mut open = match std::fs::File::open(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("there is no {label}: `farm init` suggests a farm.toml")
        }
        opened => opened.with_context(|| format!("cannot read {label}"))?,
    };
    let text = bounded(&mut open).with_context(|| format!("cannot read {label}"))?;
    Ok((label, text))
}

fn bounded(input: &mut impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    input.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        bail!("it is larger than {} MiB", LARGEST >> 20);
    }
    Ok(text)
}

fn summary(label: &str, config: &FarmConfig) -> String {
    let counts = [
        counted(config.hosts.len(), "host", "hosts"),
        counted(config.builders.len(), "builder", "builders"),
        counted(config.repositories.len(), "repository", "repositories"),
    ];
    let mut text = format!("{label} is valid: {}", counts.join(", "));
    let builds = |repository: &farm_model::config::Repository| !repository.builders.is_empty();
    if !config.repositories.values().any(builds) {
        text.push_str("; nothing is built: no repository has a builder");
    }
    for remark in unmade(config) {
        text.push('\n');
        text.push_str(&remark);
    }
    text
}

/// Builders that ask for labels which no machine of their host's pool is made with.
fn unmade(config: &FarmConfig) -> impl Iterator<Item = String> {
    config.builders.iter().filter_map(|(name, builder)| {
        let pool = config.hosts.get(&builder.host)?.pool.as_ref()?;
        let lacking: Vec<&str> = builder
            .labels
            .difference(&pool.labels)
            .map(String::as_str)
            .collect();
        (!lacking.is_empty()).then(|| {
            let (host, lacking) = (&builder.host, lacking.join(", "));
            format!(
                "builder {name} has no machine made: the pool of host {host} has no {lacking} among its labels"
            )
        })
    })
}

fn problems(error: &ConfigError) -> String {
    let count = counted(error.problems.len(), "problem", "problems");
    format!("{error}\n{} is not valid: {count}", error.file)
}

fn report<'a>(label: &'a str, parsed: Result<&'a FarmConfig, &'a ConfigError>) -> Report<'a> {
    let mut report = Report {
        file: label,
        valid: parsed.is_ok(),
        hosts: Vec::new(),
        builders: Vec::new(),
        repositories: Vec::new(),
        problems: Vec::new(),
    };
    match parsed {
        Ok(config) => {
            report.hosts = config.hosts.keys().map(|name| name.as_str()).collect();
            report.builders = config.builders.keys().map(|name| name.as_str()).collect();
            let repositories = config.repositories.keys();
            report.repositories = repositories.map(|name| name.as_str()).collect();
        }
        Err(error) => report.problems = error.problems.iter().map(line).collect(),
    }
    report
}

fn line(problem: &Problem) -> Line<'_> {
    Line {
        line: problem.line,
        column: problem.column,
        message: &problem.message,
        suggestion: problem.suggestion.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_summed_up_and_an_empty_farm_is_told_so() {
        let empty = FarmConfig::parse("f", "").unwrap();
        assert_eq!(
            summary("f", &empty),
            "f is valid: 0 hosts, 0 builders, 0 repositories; nothing is built: no repository has a builder"
        );
    }

    #[test]
    fn builders_for_which_no_machine_is_made_are_told() {
        let farm = |labels: &str| {
            let text = format!(
                r#"
[hosts.vm]
vm = {{ image = "debian", machine = "e2-standard-2", buildlet = "linux-amd64" }}
[hosts.vm.pool]
name = "vms"
most = 2
labels = {labels}
[hosts.own]
[builders.gpu]
host = "vm"
labels = ["big", "gpu"]
steps = [{{ run = "true" }}]
[builders.own]
host = "own"
labels = ["gpu"]
steps = [{{ run = "true" }}]
[builders.plain]
host = "vm"
steps = [{{ run = "true" }}]
[repositories.r]
"#
            );
            summary("f", &FarmConfig::parse("f", &text).unwrap())
        };
        let valid = "f is valid: 2 hosts, 3 builders, 1 repository";
        assert_eq!(farm(r#"["gpu", "big", "ssd"]"#), valid);
        assert_eq!(
            farm(r#"["gpu"]"#),
            format!(
                "{valid}\nbuilder gpu has no machine made: the pool of host vm has no big among its labels"
            )
        );
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        let mut endless = std::io::repeat(b'#');
        assert!(bounded(&mut endless).is_err());
    }
}
