//! A made-up history, the same each time: who committed what, and what came of it.

use farm_model::Timestamp;
use farm_model::id::{BuilderName, CommitId, RepoName};
use farm_model::record::{BuildKey, BuildKind, CommitInfo};
use farm_model::view::{SHEET_ROWS, Status};
use jiff::SignedDuration;

/// Its only branch.
pub const BRANCH: &str = "main";
/// Between two commits: 20,000 of them are two years.
const BETWEEN: SignedDuration = SignedDuration::from_mins(52);
/// Of a thousand builds.
const FAILED: u64 = 20;
/// Of a thousand builds.
const LOST: u64 = 3;

const SYSTEMS: [&str; 8] = [
    "linux", "darwin", "freebsd", "windows", "android", "openbsd", "netbsd", "plan9",
];
const ARCHITECTURES: [&str; 5] = ["amd64", "386", "arm", "arm64", "ppc64le"];
const VARIANTS: [&str; 5] = ["", "-race", "-nocgo", "-longtest", "-10_14"];
const WORDS: [&str; 12] = [
    "runtime",
    "shrink",
    "the",
    "timer",
    "heap",
    "net/http",
    "retry",
    "closed",
    "connections",
    "cmd/go",
    "vendor",
    "consistently",
];

/// Commits × builders.
pub struct History {
    pub commits: u64,
    pub repo: RepoName,
    pub builders: Vec<BuilderName>,
    pub now: Timestamp,
}

/// A build: a commit's number and a builder's.
#[derive(Clone, Copy)]
pub struct Place {
    pub commit: u64,
    pub builder: usize,
}

impl History {
    pub fn new(commits: u64, builders: u32) -> Self {
        let name = |n: usize| {
            let (system, rest) = (SYSTEMS[n % 8], n / 8);
            let (architecture, rest) = (ARCHITECTURES[rest % 5], rest / 5);
            let more = if rest < 5 {
                String::new()
            } else {
                format!("-{}", rest / 5)
            };
            format!("{system}-{architecture}{}{more}", VARIANTS[rest % 5])
        };
        let mut builders: Vec<BuilderName> = (0..builders as usize)
            .map(|n| name(n).parse().unwrap())
            .collect();
        builders.sort();
        Self {
            commits,
            repo: "go".parse().unwrap(),
            builders,
            now: "2026-11-24T12:00:00Z".parse().unwrap(),
        }
    }

    pub fn sheets(&self) -> u64 {
        self.commits.div_ceil(SHEET_ROWS)
    }

    pub fn id(&self, number: u64) -> CommitId {
        let parts = (0..3).map(|part| format!("{:016x}", mixed(number * 3 + part)));
        parts.collect::<String>()[..40].parse().unwrap()
    }

    pub fn commit(&self, number: u64) -> CommitInfo {
        let word = |n: u64| WORDS[(mixed(number * 7 + n) % 12) as usize];
        let behind = i32::try_from(self.commits - number).unwrap();
        CommitInfo {
            id: self.id(number),
            parents: number
                .checked_sub(1)
                .map(|parent| self.id(parent))
                .into_iter()
                .collect(),
            author: format!("Ann Example {}", mixed(number) % 300),
            email: format!("ann{}@example.com", mixed(number) % 300),
            time: self.now - BETWEEN * behind,
            subject: (0..7).map(word).collect::<Vec<_>>().join(" "),
        }
    }

    pub fn key(&self, place: Place) -> BuildKey {
        BuildKey {
            builder: self.builders[place.builder].clone(),
            repo: self.repo.clone(),
            commit: self.id(place.commit),
            branch: BRANCH.to_owned(),
            kind: BuildKind::PostSubmit,
            against: None,
        }
    }

    /// The newest commit is being built; of the others some failed.
    pub fn status(&self, place: Place) -> Status {
        let chance = mixed(place.commit * 1000 + place.builder as u64 + 1) % 1000;
        match chance {
            _ if place.commit + 1 == self.commits && chance > 500 => Status::Queued,
            ..FAILED => Status::Failed,
            chance if chance < FAILED + LOST => Status::Lost,
            _ => Status::Ok,
        }
    }

    /// The `n`th of a row of builds that lie all over the history.
    pub fn somewhere(&self, n: u64) -> Place {
        Place {
            commit: mixed(n * 2) % self.commits,
            builder: (mixed(n * 2 + 1) % self.builders.len() as u64) as usize,
        }
    }
}

/// A number that looks like chance: the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
