//! make: a makefile, under any of the names that GNU make looks for.

use super::{Plan, Top};

const NAMES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];

/// `make test` or `make check` where there is such a target, else `make`.
pub fn plan(top: &Top) -> Option<Plan> {
    let name = NAMES.into_iter().find(|name| top.has(name))?;
    let makefile = top.read(name).unwrap_or_default();
    let step = if has_target(&makefile, "test") {
        ("test", "make test")
    } else if has_target(&makefile, "check") {
        ("check", "make check")
    } else {
        ("make", "make")
    };
    Some(Plan {
        builder: "make",
        description: "what the makefile tests",
        because: "There is a makefile.",
        steps: vec![step],
        notes: vec![],
    })
}

/// Whether a rule names the target. Rules made by includes and patterns are not seen.
fn has_target(makefile: &str, target: &str) -> bool {
    makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', '#']))
        .filter_map(|line| line.split_once(':'))
        // `test := value` and `test = a:b` give a variable a value.
        .filter(|(names, rest)| {
            !names.contains('=') && !rest.trim_start_matches(':').starts_with('=')
        })
        .any(|(names, _)| names.split_whitespace().any(|name| name == target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_stands_before_a_colon() {
        for yes in ["test:\n\techo", "test check : all", "all:\n\ntest::x"] {
            assert!(has_target(yes, "test"), "{yes:?}");
        }
        for no in [
            "",
            ".PHONY: test",
            "test := 1",
            "test ::= 1",
            "test:::=1",
            "# test: no",
            "\ttest: no",
            "tests:",
            "test = a:b",
        ] {
            assert!(!has_target(no, "test"), "{no:?}");
        }
    }
}
