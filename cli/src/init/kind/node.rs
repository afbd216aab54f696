//! Node: `package.json`.

use serde::Deserialize;
use std::collections::BTreeMap;

use super::{Plan, Top};

/// What `npm init` writes for a project without tests; it fails.
const NO_TESTS: &str = "no test specified";

/// How one package manager installs and tests.
struct Manager {
    /// It is this one if one of these is committed.
    locks: &'static [&'static str],
    install: &'static str,
    test: &'static str,
}

const MANAGERS: [Manager; 3] = [
    Manager {
        locks: &["package-lock.json", "npm-shrinkwrap.json"],
        install: "npm ci",
        test: "npm test",
    },
    Manager {
        locks: &["pnpm-lock.yaml"],
        install: "pnpm install --frozen-lockfile",
        test: "pnpm test",
    },
    Manager {
        locks: &["yarn.lock"],
        install: "yarn install --frozen-lockfile",
        test: "yarn test",
    },
];

const WITHOUT_LOCK: Manager = Manager {
    locks: &[],
    install: "npm install",
    test: "npm test",
};

/// The part of `package.json` that matters here.
#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    scripts: BTreeMap<String, String>,
}

/// Install, and test if there is a script for that.
pub fn plan(top: &Top) -> Option<Plan> {
    if !top.has("package.json") {
        return None;
    }
    let locked = |manager: &&Manager| manager.locks.iter().any(|lock| top.commits(lock));
    let manager = MANAGERS.iter().find(locked).unwrap_or(&WITHOUT_LOCK);
    let package = top.read("package.json").unwrap_or_default();
    let mut steps = vec![("install", manager.install)];
    let mut notes = vec![];
    if has_tests(&package) {
        steps.push(("test", manager.test));
    } else {
        notes.push(
            r#"package.json has no test script; with one: { name = "test", run = "npm test" },"#,
        );
    }
    Some(Plan {
        builder: "node",
        description: "the JavaScript tests",
        because: "There is a package.json.",
        steps,
        notes,
    })
}

/// A file that cannot be read has none.
fn has_tests(package: &str) -> bool {
    let package = serde_json::from_str::<Package>(package);
    let test = package
        .ok()
        .and_then(|mut package| package.scripts.remove("test"));
    test.is_some_and(|test| !test.trim().is_empty() && !test.contains(NO_TESTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_of_npm_init_is_no_test() {
        assert!(has_tests(r#"{"scripts":{"test":"node --test"}}"#));
        for no in [
            "",
            "{}",
            r#"{"scripts":{}}"#,
            r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#,
        ] {
            assert!(!has_tests(no), "{no}");
        }
    }
}
