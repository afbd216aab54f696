//! A repository that is pushed to, and the configuration that it is built with.

use farm_core::Observation;
use farm_model::config::FarmConfig;
use farm_model::id::{BuilderName, RepoName};
use farm_model::message::activity::{Activity, GithubHint, Hint};
use farm_model::record::{Branch, BuildKey, BuildKind, CommitInfo};

use crate::outside::{Outside, time};

/// The repository.
const REPO: &str = "app";

/// A repository that is built with what it makes.
const SUB: &str = "tools";

/// Runs of a single job.
const PLAIN: &str = r#"
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

/// Runs on machines that are made for them, of which some halt after each job.
const POOLED: &str = r#"
name = "simulated"

[hosts.arm]
clean = "halt"
vm = { image = "debian", machine = "m7g.large", buildlet = "linux-arm64" }
[hosts.arm.pool]
name = "vms"
most = 2
idle = "3s"
live = "8s"
last = "20s"

[hosts.amd]
clean = "wipe"
container = { image = "debian", machine = "n1-standard-4", buildlet = "linux-amd64" }
[hosts.amd.pool]
name = "vms"
most = 2
idle = "3s"
live = "15s"
last = "10s"

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

/// Runs of several: shards, machines that are held and that halt, what is made across, what is built against it.
const GRAPH: &str = r#"
name = "simulated"

[hosts.arm]
description = "small"
clean = "halt"

[hosts.amd]
description = "large"
clean = "wipe"

[builders.arm-test]
host = "arm"
timeout = "1m"
max-losses = 3
steps = [{ name = "make", run = "make" }]
[builders.arm-test.tests]
list = "make list"
run = "make test"
shards = 2
target = "1s"

[builders.linux-amd64]
host = "amd"
recipe = "go"
timeout = "1m"
max-losses = 3
helpers = 1
cross = { host = "arm", cc = "cc" }

[repositories.app]
url = "https://example.org/app.git"
github = "example/app"
builders = ["arm-test", "linux-amd64"]
main = true

[repositories.tools]
url = "https://example.org/tools.git"
builders = ["linux-amd64"]
against = "app"
"#;

/// Of the repositories.
pub struct Source {
    config: FarmConfig,
    /// Newest first.
    commits: Vec<CommitInfo>,
    deliveries: u64,
}

impl Source {
    /// Of three worlds one has runs of several jobs, and one has its machines made.
    pub fn new(seed: u64) -> Self {
        let config = [PLAIN, GRAPH, POOLED][(seed % 3) as usize];
        Self {
            config: FarmConfig::parse("farm.toml", config).unwrap(),
            commits: Vec::new(),
            deliveries: 0,
        }
    }

    pub fn config(&self) -> &FarmConfig {
        &self.config
    }

    /// Whether machines are made for what waits, and none are there by themselves.
    pub fn is_pooled(&self) -> bool {
        self.config.hosts.values().any(|host| host.pool.is_some())
    }

    pub fn builders(&self) -> Vec<BuilderName> {
        self.config.builders.keys().cloned().collect()
    }

    /// Newest first.
    pub fn commits(&self) -> &[CommitInfo] {
        &self.commits
    }

    /// As they are read at `now`.
    pub fn observations(&self, now: i64) -> Vec<Observation> {
        let sub = [commit(1 << 32, None, 0)];
        let repositories = [(REPO, &self.commits[..]), (SUB, &sub[..])].into_iter();
        let of = repositories.filter(|(name, _)| {
            let names = self.config.repositories.keys();
            names.into_iter().any(|of| of.as_str() == *name)
        });
        of.map(|(name, commits)| observation(name, commits, now))
            .collect()
    }

    fn commit(&mut self, now: i64) {
        let number = self.commits.len() + 1;
        let commit = commit(number, self.commits.first(), now);
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

fn commit(number: usize, parent: Option<&CommitInfo>, now: i64) -> CommitInfo {
    CommitInfo {
        id: format!("{number:040x}").parse().unwrap(),
        parents: parent.map(|parent| parent.id.clone()).into_iter().collect(),
        author: "gopher".to_owned(),
        email: "gopher@example.org".to_owned(),
        time: time(now),
        subject: format!("change {number}"),
    }
}

fn observation(name: &str, commits: &[CommitInfo], now: i64) -> Observation {
    let branch = Branch {
        repo: name.parse().unwrap(),
        name: "main".to_owned(),
        default: true,
        commits: commits.to_vec(),
        total: 0,
        observed: time(now),
    };
    let some = !commits.is_empty();
    Observation {
        repo: name.parse().unwrap(),
        branches: some.then_some(branch).into_iter().collect(),
        at: time(now),
        trace: None,
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
    pub fn wanted(&self) -> Vec<(&CommitInfo, BuilderName)> {
        let shown = self.config.repositories.values().map(|of| of.history).max();
        let newest = self.commits.iter().take(shown.unwrap_or_default() as usize);
        newest
            .flat_map(|commit| self.builders().into_iter().map(move |name| (commit, name)))
            .collect()
    }

    /// Whether that is the repository that is pushed to.
    pub fn is_pushed_to(repo: &RepoName) -> bool {
        repo.as_str() == REPO
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
