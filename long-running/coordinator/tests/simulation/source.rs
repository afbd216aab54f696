//! A repository that is pushed to, and the configuration that it is built with.

use farm_core::Observation;
use farm_model::config::FarmConfig;
use farm_model::id::BuilderName;
use farm_model::message::activity::{Activity, GithubHint, Hint};
use farm_model::record::{Branch, BuildKey, BuildKind, CommitInfo};

use crate::outside::{Outside, time};

/// The repository.
const REPO: &str = "app";

const CONFIG: &str = r#"
name = "simulated"

[hosts.arm]
description = "small"
clean = "wipe"

[hosts.amd]
description = "large"
clean = "none"

[builders.arm-test]
host = "arm"
timeout = "1m"
max-losses = 3
steps = [{ name = "make", run = "make" }, { name = "test", run = "make test" }]

[builders.amd-test]
host = "amd"
timeout = "1m"
max-losses = 3
steps = [{ name = "test", run = "make test" }]

[repositories.app]
url = "https://example.org/app.git"
github = "example/app"
builders = ["arm-test", "amd-test"]
history = 2
"#;

/// Of the repository.
#[derive(Default)]
pub struct Source {
    /// Newest first.
    commits: Vec<CommitInfo>,
    deliveries: u64,
}

impl Source {
    pub fn config() -> FarmConfig {
        FarmConfig::parse("farm.toml", CONFIG).unwrap()
    }

    /// Newest first.
    pub fn commits(&self) -> &[CommitInfo] {
        &self.commits
    }

    /// As it is read at `now`.
    pub fn observation(&self, now: i64) -> Observation {
        let branch = Branch {
            repo: REPO.parse().unwrap(),
            name: "main".to_owned(),
            default: true,
            commits: self.commits.clone(),
            observed: time(now),
        };
        let some = !self.commits.is_empty();
        Observation {
            repo: REPO.parse().unwrap(),
            branches: some.then_some(branch).into_iter().collect(),
            at: time(now),
            trace: None,
        }
    }

    fn commit(&mut self, now: i64) {
        let number = self.commits.len() + 1;
        let parents = self.commits.first().map(|commit| commit.id.clone());
        let commit = CommitInfo {
            id: format!("{number:040x}").parse().unwrap(),
            parents: parents.into_iter().collect(),
            author: "gopher".to_owned(),
            email: "gopher@example.org".to_owned(),
            time: time(now),
            subject: format!("change {number}"),
        };
        self.commits.insert(0, commit);
    }

    fn delivery(&mut self, now: i64) -> Activity {
        self.deliveries += 1;
        Activity {
            delivery: format!("{:064x}", self.deliveries).parse().unwrap(),
            guid: None,
            received: time(now),
            hint: Hint::Github(GithubHint {
                event: "push".to_owned(),
                action: String::new(),
                owner: "example".to_owned(),
                repo: REPO.to_owned(),
                git_ref: Some("refs/heads/main".to_owned()),
                issue: None,
                pull_request: None,
            }),
        }
    }
}

/// Somebody pushes. The webhook may get lost: then only a look at the source finds the commit.
pub fn push(outside: &mut Outside) {
    let now = outside.now;
    outside.source.commit(now);
    let count = outside.source.commits.len();
    let lost = outside.storm && outside.rng.chance(250);
    outside.note(|| format!("push of change {count}, webhook lost: {lost}"));
    if !lost {
        let delivery = outside.source.delivery(now);
        for _ in 0..outside.copies() {
            let due = outside.arrival();
            outside.queues.activity.publish(delivery.clone(), due);
        }
    }
}

impl Source {
    /// What its newest commits want, with the builders that they want it of.
    pub fn wanted(commits: &[CommitInfo]) -> Vec<(&CommitInfo, BuilderName)> {
        let builders = Self::config().builders;
        let newest = commits.iter().take(2);
        newest
            .flat_map(|commit| builders.keys().map(move |name| (commit, name.clone())))
            .collect()
    }

    pub fn key(commit: &CommitInfo, builder: BuilderName, kind: BuildKind) -> BuildKey {
        BuildKey {
            builder,
            repo: REPO.parse().unwrap(),
            commit: commit.id.clone(),
            branch: "main".to_owned(),
            kind,
            against: None,
        }
    }
}
