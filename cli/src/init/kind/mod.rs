//! What kinds of projects we know. A new kind is a file here and a line in [`KINDS`].

mod cargo;
mod go;
mod make;
mod node;
mod python;

use super::top::Top;

/// A builder to suggest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub builder: &'static str,
    /// Its description.
    pub description: &'static str,
    /// What it was suggested for, as a sentence.
    pub because: &'static str,
    /// Names and lines for the shell; at least one.
    pub steps: Vec<(&'static str, &'static str)>,
    /// Lines below the steps, for whoever changes them.
    pub notes: Vec<&'static str>,
}

/// Looks for one kind of project.
type Kind = fn(&Top) -> Option<Plan>;

const KINDS: &[Kind] = &[cargo::plan, go::plan, node::plan, python::plan, make::plan];

/// A builder for each kind found; for none, one that shows how it is done.
pub fn find(top: &Top) -> Vec<Plan> {
    let found: Vec<Plan> = KINDS.iter().filter_map(|kind| kind(top)).collect();
    if found.is_empty() {
        vec![example()]
    } else {
        found
    }
}

fn example() -> Plan {
    Plan {
        builder: "test",
        description: "replace the step by what tests this repository",
        because: "Nothing that is known was found: say here how this repository is tested.",
        steps: vec![("test", "echo nothing is tested yet")],
        notes: vec![
            "Each line is run by /bin/sh -c in the source; the first that fails ends the build. For example:",
            r#"{ name = "build", run = "./configure && make" },"#,
            r#"{ name = "test", run = "./run-tests --all", dir = "tests", timeout = "10m", env = { LANG = "C" } },"#,
            r#"{ name = "exactly", argv = ["sh", "-c", "echo without a shell around it"] },"#,
        ],
    }
}
