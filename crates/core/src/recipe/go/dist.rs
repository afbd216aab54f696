//! The toolchain's own tests: which of them run, and which share a run (spec builders 2.5, coordinator 5.6).

use farm_model::config::{Facts, Go, Policies};
use farm_model::id::BuilderName;

/// Tests of one package share a run as long as it takes no longer, in milliseconds: a lost machine costs no more.
const GROUP: u64 = 10_000;
/// What a test of a package was called before Go 1.21; since then the package alone is the name.
const PACKAGE: &str = "go_test:";
/// Tests that were renamed: what they begin with now, and before.
const RENAMED: [(&str, &str); 2] = [("cmd/internal/testdir:", "test:"), ("cmd/api:check", "api")];
/// Says the same everywhere: in tries one builder is enough, which has a rule of its own.
const API: &str = "api";

/// Whether a test runs. A rule sees each test by the names that it has had, and must agree to all of them.
#[must_use]
pub fn should_run(
    name: &BuilderName,
    go: &Go,
    policies: &Policies,
    test: &str,
    is_try: bool,
) -> bool {
    let agrees = |test: &str| match &go.dist_tests {
        None => !is_try || test != API,
        Some(rule) => rule.holds(
            &Facts {
                repo: "",
                branch: "",
                go: "",
                builder: name.as_str(),
                is_try,
                test,
            },
            policies,
        ),
    };
    agrees(test) && former_name(test).is_none_or(|former| agrees(&former))
}

/// What a test was called before Go 1.21, if it has another name now.
fn former_name(test: &str) -> Option<String> {
    let renamed = RENAMED.iter().find_map(|(now, before)| {
        let rest = test.strip_prefix(now)?;
        Some(format!("{before}{rest}"))
    });
    renamed.or_else(|| is_plain_package(test).then(|| format!("{PACKAGE}{test}")))
}

/// Since Go 1.21, a package's tests without a variant: `fmt`, `cmd/go`.
fn is_plain_package(test: &str) -> bool {
    !test.contains(':')
}

/// Tests in groups, a run each: packages, first those outside `cmd`, each part by name, as many as take ten seconds
/// together; then everything else alone, as listed.
#[must_use]
pub fn groups(tests: &[String], took: impl Fn(&str) -> u64) -> Vec<Vec<String>> {
    // In a list of before Go 1.21, plain names are tests of other kinds: `api`, `reboot`.
    let is_former = tests.iter().any(|test| test.starts_with(PACKAGE));
    let package = |test: &'_ str| match test.strip_prefix(PACKAGE) {
        Some(package) => Some(package.starts_with("cmd/")),
        None if is_former || !is_plain_package(test) => None,
        None => Some(test.starts_with("cmd/")),
    };
    let mut packages: Vec<(bool, &String)> = tests
        .iter()
        .filter_map(|test| Some((package(test)?, test)))
        .collect();
    packages.sort();
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut sum = 0;
    for (_, test) in packages {
        let milliseconds = took(test);
        match groups.last_mut() {
            Some(group) if sum + milliseconds <= GROUP => group.push(test.clone()),
            _ => {
                groups.push(vec![test.clone()]);
                sum = 0;
            }
        }
        sum += milliseconds;
    }
    let others = tests.iter().filter(|test| package(test).is_none());
    groups.extend(others.map(|test| vec![test.clone()]));
    groups
}
