//! A farm of the size and shape of the Go project's: 68 kinds of machines, 95 builders, 35 repositories.

use std::fmt::Write as _;

use farm_model::Timestamp;
use farm_model::config::FarmConfig;
use farm_model::record::{Branch, CommitInfo};

/// Kinds of machines.
pub const HOSTS: usize = 68;
/// Builders; each repository wants them all.
pub const BUILDERS: usize = 95;
/// Repositories: one main and its sub-repositories.
pub const REPOSITORIES: usize = 35;
/// Commits from each head that are wanted: what a grid shows.
pub const HISTORY: usize = 30;
/// The first builders have a kind of machine each, the rest share these.
const SHARED: usize = 5;

/// The configuration.
pub fn config() -> FarmConfig {
    let mut text = String::new();
    for host in 0..HOSTS {
        let _ = writeln!(text, "[hosts.{}]\nclean = \"halt\"", host_name(host));
    }
    for builder in 0..BUILDERS {
        let host = if builder < HOSTS {
            builder
        } else {
            builder % SHARED
        };
        let _ = writeln!(
            text,
            "[builders.{}]\nhost = \"{}\"\nsteps = [{{ name = \"all\", run = \"./all.bash\" }}]",
            builder_name(builder),
            host_name(host)
        );
    }
    for repository in 0..REPOSITORIES {
        let name = repository_name(repository);
        let _ = writeln!(
            text,
            "[repositories.{name}]\nurl = \"https://go.example/{name}\"\ngithub = \"golang/{name}\"\n\
             branches = [\"*\"]\nhistory = {HISTORY}"
        );
    }
    FarmConfig::parse("farm.toml", &text).unwrap()
}

/// As long as the Go project's names are.
pub fn host_name(number: usize) -> String {
    format!("host-linux-sid-{number:02}")
}

fn builder_name(number: usize) -> String {
    format!("linux-amd64-race-{number:02}")
}

/// `repo-07`.
pub fn repository_name(number: usize) -> String {
    format!("repo-{number:02}")
}

/// A commit that no other number has.
pub fn commit(number: usize) -> CommitInfo {
    // Spread like real ones, for indexes that are sorted by them.
    let spread = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    CommitInfo {
        id: format!("{spread:016x}{number:024x}").parse().unwrap(),
        parents: Vec::new(),
        author: "A Gopher".to_owned(),
        email: "gopher@go.example".to_owned(),
        time: Timestamp::UNIX_EPOCH,
        subject: format!("cmd/compile: make change {number} of many"),
    }
}

/// As many branches as `builds` open builds need, each with its wanted commits, by repository.
pub fn branches(builds: usize, now: Timestamp) -> Vec<Vec<Branch>> {
    let mut left = builds.div_ceil(BUILDERS);
    let mut repositories = vec![Vec::new(); REPOSITORIES];
    let mut made = 0;
    while left > 0 {
        let commits = left.min(HISTORY);
        left -= commits;
        let (number, of) = (made / REPOSITORIES, made % REPOSITORIES);
        let first = made * HISTORY;
        repositories[of].push(Branch {
            repo: repository_name(of).parse().unwrap(),
            name: if number == 0 {
                "master".to_owned()
            } else {
                format!("release-branch.go1.{number}")
            },
            default: number == 0,
            commits: (first..first + commits).rev().map(commit).collect(),
            total: 0,
            observed: now,
        });
        made += 1;
    }
    repositories.retain(|branches| !branches.is_empty());
    repositories
}
