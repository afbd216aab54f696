//! The recipe `go`.

use super::values::{number, reference, required, texts};
use super::{Known, policies};
use crate::config::parse::{Findings, Table};
use crate::config::{Cross, Go, GoVersion, Recipe};

/// Helpers of one build.
const MOST_HELPERS: u32 = 100;

/// The keys of a builder of this recipe.
pub(super) fn recipe(
    name: &str,
    table: &mut Table<'_>,
    known: &Known,
    findings: &mut Findings<'_>,
) -> Option<Recipe> {
    check_name(name, table, findings);
    let go = Go {
        race: table.flag("race", findings),
        long: table.flag("long", findings),
        network: table.flag("network", findings),
        flaky_net: table.flag("flaky-net", findings).unwrap_or(false),
        compile_only: table.flag("compile-only", findings).unwrap_or(false),
        stop_after_make: table.flag("stop-after-make", findings).unwrap_or(false),
        skip_snapshot: !table.flag("snapshot", findings).unwrap_or(true),
        race_packages: texts(table, "race-packages", findings),
        go_deps: go_deps(table, findings),
        min_go: min_go(table, findings),
        dist_tests: policies::test_rule(table, "dist-tests", &known.policies, findings),
        helpers: number(table, "helpers", 0..=MOST_HELPERS, findings).unwrap_or(0),
        try_helpers: number(table, "try-helpers", 0..=MOST_HELPERS, findings).unwrap_or(0),
        make_script: script(table, "make-script", findings),
        all_script: script(table, "all-script", findings),
        split: table.flag("split", findings),
        args: texts(table, "args", findings),
        make_args: texts(table, "make-args", findings),
        test_args: texts(table, "test-args", findings).unwrap_or_default(),
        keep_going: table.flag("keep-going", findings).unwrap_or(false),
        cross: cross(table, known, findings),
    };
    check_helpers(&go, table, findings);
    Some(Recipe::Go(go))
}

/// The name says system and processor.
fn check_name(name: &str, table: &Table<'_>, findings: &mut Findings<'_>) {
    let mut parts = name.split('-');
    let named = [parts.next(), parts.next()];
    if named.iter().any(|part| part.is_none_or(str::is_empty)) {
        let message = format!(
            "{} of recipe \"go\" must be named after system and processor: linux-amd64, linux-amd64-race",
            table.what
        );
        findings.add(table.at, message);
    }
}

/// Who helps begins with the snapshot.
fn check_helpers(go: &Go, table: &Table<'_>, findings: &mut Findings<'_>) {
    if go.skip_snapshot && go.helpers + go.try_helpers > 0 {
        let message = format!(
            "{} has helpers, which begin with a snapshot, and snapshot = false: keep one",
            table.what
        );
        findings.add(table.at, message);
    }
}

/// A file below `src`.
fn script(table: &mut Table<'_>, key: &'static str, findings: &mut Findings<'_>) -> Option<String> {
    let (at, script) = table.text(key, findings)?;
    if script.is_empty() || script.contains(['/', '\\', '\0']) {
        let message = format!(
            "{key} of {} is the name of a file in Go's src folder",
            table.what
        );
        findings.add(at, message);
    }
    Some(script)
}

fn go_deps(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Vec<String> {
    let commits = table.texts("go-deps", findings).unwrap_or_default();
    for (at, commit) in &commits {
        let hex = commit
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !hex || !(7..=64).contains(&commit.len()) {
            let message = format!("{commit:?} is no commit: 7 to 64 lower-case hex digits");
            findings.add(*at, message);
        }
    }
    commits.into_iter().map(|(_, commit)| commit).collect()
}

fn min_go(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Option<GoVersion> {
    let (at, text) = table.text("min-go", findings)?;
    let version = text.parse();
    version
        .map_err(|error: crate::config::VersionError| findings.add(at, error.to_string()))
        .ok()
}

fn cross(table: &mut Table<'_>, known: &Known, findings: &mut Findings<'_>) -> Option<Cross> {
    let mut table = table.table("cross", findings)?;
    let host = reference(&mut table, "host", &known.hosts, "hosts", findings);
    let cc = required(&mut table, "cc", "arm-linux-gnueabihf-gcc", findings);
    let goarm = table.text("goarm", findings).map(|(_, goarm)| goarm);
    let tries_only = table.flag("tries-only", findings).unwrap_or(false);
    table.finish(findings);
    Some(Cross {
        host: host?,
        cc: cc?,
        goarm,
        tries_only,
    })
}
