//! `[builders]`.

use super::values::{MANY, environment, labels, log_limit, number, reference, seconds, text};
use super::{Known, go, policies, steps};
use crate::config::parse::{Findings, Table, did_you_mean};
use crate::config::{Builder, Recipe};
use crate::id::HostType;

const TIMEOUT: u64 = 30 * 60;
/// A toolchain with all its tests takes hours on slow machines.
const GO_TIMEOUT: u64 = 6 * 3600;
const LOG_LIMIT: u64 = 16 << 20;
const MAX_LOSSES: u32 = 5;

/// What a Go builder leaves would be in the next one's way.
fn check_clean(
    table: &Table<'_>,
    host: &HostType,
    recipe: &Recipe,
    known: &Known,
    findings: &mut Findings<'_>,
) {
    if matches!(recipe, Recipe::Go(_)) && known.unclean.contains(host) {
        let message = format!(
            "{} of recipe \"go\" needs an empty work dir, but host {host} has clean = \"none\"",
            table.what
        );
        findings.add(table.at, message);
    }
}

pub(super) fn builder(
    name: &str,
    mut table: Table<'_>,
    known: &Known,
    findings: &mut Findings<'_>,
) -> Option<Builder> {
    let host = reference(&mut table, "host", &known.hosts, "hosts", findings);
    let description = text(&mut table, "description", findings);
    let env = environment(&mut table, findings);
    let timeout = seconds(&mut table, "timeout", findings);
    let log_limit = log_limit(&mut table, findings).unwrap_or(LOG_LIMIT);
    let max_killed = number(&mut table, "max-killed", 1..=100, findings);
    let max_losses = number(&mut table, "max-losses", 1..=100, findings).unwrap_or(MAX_LOSSES);
    let recipe = recipe(
        name,
        &mut table,
        timeout.unwrap_or(TIMEOUT),
        known,
        findings,
    );
    let default = match &recipe {
        Some(Recipe::Go(_)) => GO_TIMEOUT,
        _ => TIMEOUT,
    };
    let notes = text(&mut table, "notes", findings);
    let labels = labels(&mut table, findings);
    let max_at_once = number(&mut table, "max-at-once", MANY, findings);
    let builds = policies::rule(&mut table, "builds", &known.policies, findings);
    let tries = policies::rule(&mut table, "tries", &known.policies, findings);
    let try_only = table.flag("try-only", findings).unwrap_or(false);
    let rerun_failed = table.flag("rerun-failed", findings).unwrap_or(true);
    let culprit = table.flag("culprit", findings).unwrap_or(true);
    if let (Some(host), Some(recipe)) = (&host, &recipe) {
        check_clean(&table, host, recipe, known, findings);
    }
    table.finish(findings);
    Some(Builder {
        host: host?,
        description,
        notes,
        labels,
        env,
        timeout_seconds: timeout.unwrap_or(default),
        log_limit_bytes: log_limit,
        max_losses,
        max_killed,
        max_at_once,
        builds,
        tries,
        try_only,
        rerun_failed,
        culprit,
        recipe: recipe?,
    })
}

/// `recipe`: steps, unless it says otherwise.
fn recipe(
    name: &str,
    table: &mut Table<'_>,
    timeout: u64,
    known: &Known,
    findings: &mut Findings<'_>,
) -> Option<Recipe> {
    match table.text("recipe", findings) {
        None => steps::recipe(table, timeout, findings),
        Some((_, recipe)) if recipe == "steps" => steps::recipe(table, timeout, findings),
        Some((_, recipe)) if recipe == "go" => go::recipe(name, table, known, findings),
        Some((at, other)) => {
            let suggestion = did_you_mean(&other, ["steps", "go"].into_iter());
            let message = format!("recipe is \"steps\" or \"go\", not {other:?}");
            findings.suggest(at, message, suggestion);
            None
        }
    }
}
