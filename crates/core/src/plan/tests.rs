use jiff::Timestamp;

use farm_model::record::CommitInfo;

use super::*;

const FARM: &str = r#"
[policies]
MM = 'branch == "master" and go == "master"'
[hosts.h]
[builders.linux-amd64]
host = "h"
recipe = "go"
[builders.linux-arm]
host = "h"
recipe = "go"
builds = 'repo == "net" and MM'
[builders.plan9-arm]
host = "h"
recipe = "go"
snapshot = false
builds = 'repo == "go" or go == "master"'
[builders.linux-make]
host = "h"
recipe = "go"
stop-after-make = true
[builders.linux-trial]
host = "h"
recipe = "go"
try-only = true
[repositories.go]
main = true
history = 2
[repositories.net]
against = "go"
[repositories.alone]
builders = ["linux-amd64"]
"#;

fn commit(number: u32) -> CommitInfo {
    CommitInfo {
        id: format!("{number:040x}").parse().unwrap(),
        parents: Vec::new(),
        author: String::new(),
        email: String::new(),
        time: Timestamp::UNIX_EPOCH,
        subject: String::new(),
    }
}

fn branch(repo: &str, name: &str, commits: &[u32]) -> Branch {
    Branch {
        repo: repo.parse().unwrap(),
        name: name.to_owned(),
        default: name == "master",
        commits: commits.iter().map(|number| commit(*number)).collect(),
        total: 0,
        observed: Timestamp::UNIX_EPOCH,
    }
}

/// What `plan` or `made` says, in short.
fn told(wanted: Vec<Wanted>) -> Vec<String> {
    let text = |wanted: Wanted| {
        let key = wanted.key;
        let number = |commit: &CommitId| commit.as_str().trim_start_matches('0').to_owned();
        let against = key
            .against
            .map(|against| format!(" with {} of {}", number(&against.commit), against.branch));
        format!(
            "{} {} {} -{}{}",
            key.builder,
            key.repo,
            number(&key.commit),
            wanted.behind,
            against.unwrap_or_default()
        )
    };
    wanted.into_iter().map(text).collect()
}

struct World {
    config: FarmConfig,
    branches: Branches,
    book: Book,
}

impl World {
    fn new(branches: &[Branch]) -> Self {
        let named = |branch: &Branch| ((branch.repo.clone(), branch.name.clone()), branch.clone());
        Self {
            config: FarmConfig::parse("farm.toml", FARM).unwrap(),
            branches: branches.iter().map(named).collect(),
            book: Book::default(),
        }
    }

    fn seen(&self) -> Seen<'_> {
        Seen {
            again: true,
            config: &self.config,
            branches: &self.branches,
            book: &self.book,
        }
    }
}

fn snapshot(number: u32) -> Snapshot {
    Snapshot {
        builder: "linux-amd64".parse().unwrap(),
        repo: "go".parse().unwrap(),
        commit: commit(number).id,
        trust: Trust::PostSubmit,
        blob: "a".repeat(64).parse().unwrap(),
        at: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn a_repository_by_itself_is_built_by_those_who_build_it() {
    let go = branch("go", "master", &[3, 2, 1]);
    let world = World::new(&[]);
    assert_eq!(
        told(plan(&world.seen(), &go)),
        [
            "linux-amd64 go 3 -0",
            "linux-make go 3 -0",
            "plan9-arm go 3 -0",
            "linux-amd64 go 2 -1",
            "linux-make go 2 -1",
            "plan9-arm go 2 -1",
        ]
    );
    let alone = branch("alone", "master", &[7]);
    assert_eq!(
        told(plan(&world.seen(), &alone)),
        ["linux-amd64 alone 7 -0"]
    );
}

#[test]
fn others_wait_until_their_builder_has_made_the_toolchain() {
    let go = branch("go", "master", &[3]);
    let net = branch("net", "master", &[9, 8]);
    let mut world = World::new(&[go.clone(), net.clone()]);
    // One makes no snapshot anyway, and one does not build the toolchain: they begin at once.
    let at_once = [
        "linux-arm net 9 -0 with 3 of master",
        "plan9-arm net 9 -0 with 3 of master",
    ];
    assert_eq!(told(plan(&world.seen(), &net)), at_once);
    assert_eq!(told(plan(&world.seen(), &go))[3..], at_once);
    assert_eq!(told(made(&world.seen(), &snapshot(2))), [""; 0]);
    let made_now = snapshot(3);
    world.book.put(
        farm_model::kept::Kept::Snapshot(made_now.clone()),
        &mut crate::effects::Effects::default(),
    );
    assert_eq!(
        told(made(&world.seen(), &made_now)),
        ["linux-amd64 net 9 -0 with 3 of master"]
    );
    assert_eq!(told(plan(&world.seen(), &net)).len(), 3);
}

#[test]
fn releases_that_are_still_mended_count_and_older_ones_do_not() {
    let net = branch("net", "master", &[9]);
    let releases = ["1.9", "1.10", "1.11", "1.12"]
        .map(|version| branch("go", &format!("release-branch.go{version}"), &[5]));
    let mut all = vec![branch("go", "master", &[3]), branch("go", "dev.link", &[4])];
    all.extend(releases.clone());
    all.push(net.clone());
    let mut world = World::new(&all);
    world.book.put(
        farm_model::kept::Kept::Snapshot(snapshot(5)),
        &mut crate::effects::Effects::default(),
    );
    let with = told(plan(&world.seen(), &net))
        .into_iter()
        .filter(|told| told.starts_with("linux-amd64"));
    assert_eq!(
        with.collect::<Vec<String>>(),
        [
            "linux-amd64 net 9 -0 with 5 of release-branch.go1.11",
            "linux-amd64 net 9 -0 with 5 of release-branch.go1.12",
        ]
    );
    let old = told(plan(&world.seen(), &releases[1]));
    assert!(old.iter().all(|told| !told.contains(" net ")), "{old:?}");
    let newest = told(plan(&world.seen(), &releases[3]));
    assert!(newest.contains(&"linux-amd64 net 9 -0 with 5 of release-branch.go1.12".to_owned()));
}
