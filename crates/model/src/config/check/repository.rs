//! `[repositories]`.

use std::collections::{BTreeMap, BTreeSet};

use super::Known;
use super::values::{MANY, existing, number};
use crate::config::parse::{Findings, Table, text_of};
use crate::config::{Repository, Role};
use crate::id::{BuilderName, RepoName};

/// History beyond what a branch keeps could not be planned.
const MAX_HISTORY: u32 = 100;

/// A repository that is to be built with what another makes.
pub(super) struct Claim {
    at: usize,
    what: String,
    main: RepoName,
}

pub(super) fn repository(
    mut table: Table<'_>,
    known: &Known,
    against: &mut Vec<Claim>,
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
    let repository = Repository {
        url,
        github: github.map(|(_, name)| name),
        gerrit: table.text("gerrit", findings).map(|(_, text)| text),
        branches: branches(&mut table, findings),
        builders: builders(&mut table, &known.builders, findings),
        history: number(&mut table, "history", 1..=MAX_HISTORY, findings).unwrap_or(1),
        role: role(&mut table, known, against, findings),
        import_path: import_path(&mut table, findings),
        max_at_once: number(&mut table, "max-at-once", MANY, findings),
    };
    table.finish(findings);
    Some(repository)
}

/// `main` or `against`.
fn role(
    table: &mut Table<'_>,
    known: &Known,
    claims: &mut Vec<Claim>,
    findings: &mut Findings<'_>,
) -> Role {
    let main = table.flag("main", findings).unwrap_or(false);
    let Some((at, name)) = table.text("against", findings) else {
        return if main { Role::Main } else { Role::Alone };
    };
    if main {
        let message = format!("{} is both main and against another: keep one", table.what);
        findings.add(at, message);
    }
    let what = &table.what;
    let Some(main) = existing(
        at,
        &name,
        what,
        &known.repositories,
        "repositories",
        findings,
    ) else {
        return Role::Alone;
    };
    claims.push(Claim {
        at,
        what: what.clone(),
        main: main.clone(),
    });
    Role::Against(main)
}

/// Those that others may be built against.
pub(super) fn mains(repositories: &BTreeMap<RepoName, Repository>) -> BTreeSet<RepoName> {
    let mains = repositories
        .iter()
        .filter(|(_, repository)| repository.role == Role::Main);
    mains.map(|(name, _)| name.clone()).collect()
}

pub(super) fn check_against(claims: Vec<Claim>, known: &Known, findings: &mut Findings<'_>) {
    for Claim { at, what, main } in claims {
        if !known.mains.contains(&main) {
            let message = format!("{what} is built against {main}, which is not a main repository");
            let suggestion = format!("add main = true to [repositories.{main}]");
            findings.suggest(at, message, Some(suggestion));
        }
    }
}

fn import_path(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Option<String> {
    let (at, path) = table.text("import-path", findings)?;
    if path.parse::<RepoName>().is_err() {
        let message = format!("{path:?} is no import path: write golang.org/x/net");
        findings.add(at, message);
    }
    Some(path)
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
