//! The recipe `go`: makes a Go toolchain and tests it, or a repository of its project with it.

use serde::{Deserialize, Serialize};

use super::rule::Rule;
use super::version::GoVersion;
use crate::id::HostType;

/// How. What is `None` follows from the builder's name, as that project names builders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Go {
    /// Whether tests run under the race detector; `None`: if the name ends in `-race`.
    pub race: Option<bool>,
    /// Whether long tests run too; `None`: if the name ends in `-longtest`.
    pub long: Option<bool>,
    /// Whether tests may use the network; `None`: if long tests run.
    pub network: Option<bool>,
    /// Whether tests are told that the network is not to be relied on.
    pub flaky_net: bool,
    /// Whether tests are compiled and not run.
    pub compile_only: bool,
    /// Whether it ends with `make`.
    pub stop_after_make: bool,
    /// Whether what `make` made is never kept: each build makes it anew, on one machine.
    pub skip_snapshot: bool,
    /// Built with the race detector after `make`; `None`: `std` if tests run under it.
    pub race_packages: Option<Vec<String>>,
    /// Commits that what is built must have among its ancestors, by the first digits of their names.
    pub go_deps: Vec<String>,
    /// The oldest release of which branches are built.
    pub min_go: Option<GoVersion>,
    /// Which tests of the toolchain run; `None`: all, but the check of its exported names not in tries.
    pub dist_tests: Option<Rule>,
    /// Machines that help with the tests of a post-submit build, beside the one that makes.
    pub helpers: u32,
    /// The same in tries; 0: as many as otherwise.
    pub try_helpers: u32,
    /// Below `src`; `None`: by the name.
    pub make_script: Option<String>,
    /// Below `src`: makes and tests in one; `None`: by the name.
    pub all_script: Option<String>,
    /// Whether making and testing are jobs of their own; `None`: by the script.
    pub split: Option<bool>,
    /// Arguments of both scripts; `None`: by the name.
    pub args: Option<Vec<String>>,
    /// Arguments of the make script, where they differ.
    pub make_args: Option<Vec<String>>,
    /// Besides those that every list and every run of tests has.
    pub test_args: Vec<String>,
    /// Whether all tests run though one has failed.
    pub keep_going: bool,
    /// Made on another kind of machine.
    pub cross: Option<Cross>,
}

/// A toolchain that is made on another, faster kind of machine (spec coordinator 5.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cross {
    /// Which.
    pub host: HostType,
    /// The C compiler for what is made.
    pub cc: String,
    /// `GOARM`, where it matters.
    #[serde(default)]
    pub goarm: Option<String>,
    /// Whether only in tries.
    pub tries_only: bool,
}
