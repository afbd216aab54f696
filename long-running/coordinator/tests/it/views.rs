//! The documents that a coordinator writes of a history that is longer than its memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use coordinator::StateUrl;
use farm_bus::Bus;
use farm_core::{Farm, Policy, Saved, ViewKey, page};
use farm_model::Timestamp;
use farm_model::config::FarmConfig;
use farm_model::event::{Event, Topic};
use farm_model::message::command::{Ask, Command};
use farm_model::message::progress::Outcome;
use farm_model::record::{Branch, Build, Run};
use farm_store::testing::sample::{branch, build, commit_info, finished, numbered};
use farm_store::{Batch, Committed, Keep};
use serde_json::Value;

use super::{PATIENCE, Room, file};

/// Commits of the branch: more than a leader holds.
const COMMITS: u32 = 150;
/// Since when the history is over, in seconds.
const LONG_AGO: i64 = 1_700_000_000;

const CONFIG: &str = r#"
name = "t"
[hosts.local]
[builders.linux-test]
host = "local"
timeout = "1h"
steps = [{ name = "test", argv = ["true"], timeout = "60s" }]
[repositories.sample]
url = "/nowhere"
"#;

/// Two years in small: what an earlier coordinator has left in the state.
struct Past {
    branch: Branch,
    builds: Vec<Build>,
    runs: Vec<Run>,
}

fn past() -> Past {
    let builds = (0..COMMITS).map(|number| Build {
        number: Some(u64::from(number)),
        ..build(number)
    });
    let builds: Vec<Build> = builds.collect();
    let newest = (0..COMMITS).rev().take(Branch::KEPT);
    let runs = builds.iter().enumerate();
    Past {
        branch: Branch {
            commits: newest.map(commit_info).collect(),
            total: u64::from(COMMITS),
            ..branch("main", COMMITS - 1)
        },
        runs: runs.map(|(number, build)| run(number, build)).collect(),
        builds,
    }
}

/// Every third is red.
fn run(number: usize, build: &Build) -> Run {
    let mut run = finished(&build.id, 1);
    run.opened = Timestamp::from_second(LONG_AGO).unwrap();
    let verdict = run.verdict.as_mut().unwrap();
    verdict.at = Timestamp::from_second(LONG_AGO + 60).unwrap();
    if number.is_multiple_of(3) {
        verdict.outcome = Outcome::Failed;
        verdict.reason = format!("step test: exit status {number}");
    }
    run
}

fn store(past: &Past, state: &StateUrl) {
    let all: Vec<u32> = (0..COMMITS).collect();
    let mut store = farm_store::open(state).unwrap();
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let batch = Batch {
        branches: vec![past.branch.clone()],
        numbers: vec![numbered(0, &all, u64::from(COMMITS))],
        builds: past.builds.clone(),
        runs: past.runs.clone(),
        ..Batch::default()
    };
    assert_eq!(store.commit(epoch, &batch).unwrap(), Committed::Yes);
}

fn sheet(sheet: u64) -> ViewKey {
    ViewKey::Sheet {
        repo: "sample".parse().unwrap(),
        branch: "main".to_owned(),
        sheet,
    }
}

/// Every document that does not tell of the process that wrote it.
fn wanted(past: &Past) -> Vec<ViewKey> {
    let (repo, main) = (past.branch.repo.clone(), past.branch.name.clone());
    let commits = (0..COMMITS).map(|number| ViewKey::Commit {
        repo: repo.clone(),
        commit: commit_info(number).id,
    });
    let builds = past.builds.iter().map(|build| ViewKey::Build {
        id: build.id.clone(),
    });
    let builder = "linux-test".parse().unwrap();
    let mut keys = vec![
        ViewKey::Grid {
            repo: repo.clone(),
            branch: main.clone(),
        },
        ViewKey::Tests {
            repo: repo.clone(),
            branch: main,
        },
        ViewKey::Builder { builder },
    ];
    keys.extend((0..5).map(sheet));
    keys.extend(commits.chain(builds));
    keys
}

/// Once all of `paths` are there: what they say, less when they were made.
fn documents(views: &Path, paths: &[String]) -> BTreeMap<String, Value> {
    let start = Instant::now();
    let missing = |path: &&String| !views.join(path).is_file();
    while let Some(path) = paths.iter().find(missing) {
        assert!(start.elapsed() < PATIENCE, "{path} is not written");
        std::thread::yield_now();
    }
    paths
        .iter()
        .map(|path| (path.clone(), said(&views.join(path))))
        .collect()
}

fn said(path: &Path) -> Value {
    without_made(&std::fs::read_to_string(path).unwrap())
}

fn without_made(text: &str) -> Value {
    let mut said: Value = serde_json::from_str(text).unwrap();
    said.as_object_mut().unwrap().remove("made").unwrap();
    said
}

/// A coordinator is asked to write everything, does, and ends.
async fn rebuilt(room: &Room, state: &StateUrl, past: &Past, id: &str) -> BTreeMap<String, Value> {
    let mut coordinator = room.start("first", state);
    coordinator.leads(true).await;
    let command = Command {
        id: id.parse().unwrap(),
        actor: "user:gopher".to_owned(),
        ask: Ask::RebuildViews,
    };
    let at = Timestamp::from_second(LONG_AGO).unwrap();
    let event = Event::of(id.to_owned(), "/test", at, &command).unwrap();
    let url = format!("pubsub://farm?endpoint={}", room.endpoint);
    let bus = Bus::open(&url.parse().unwrap()).unwrap();
    bus.publish(Topic::Commands, &event).await.unwrap();
    let (views, keys) = (views(room), wanted(past));
    let paths: Vec<String> = keys.iter().map(ViewKey::path).collect();
    let found = tokio::task::spawn_blocking(move || documents(&views, &paths));
    let found = found.await.unwrap();
    coordinator.end().await;
    found
}

fn views(room: &Room) -> PathBuf {
    room.path().join("bucket/views")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bucket_has_lost_is_written_anew_as_it_was() {
    let room = Room::new().await;
    std::fs::write(room.path().join("farm.toml"), CONFIG).unwrap();
    let (past, state) = (past(), file(&room, "state.db"));
    store(&past, &state);
    let first = rebuilt(&room, &state, &past, "once").await;
    std::fs::remove_dir_all(views(&room)).unwrap();
    let second = rebuilt(&room, &state, &past, "again").await;
    assert_eq!(first, second);
    let row = &first[&sheet(0).path()]["rows"][29];
    assert_eq!(row["number"], 0);
    assert_eq!(
        row["cells"][0]["failure"]["reason"],
        "step test: exit status 0"
    );
    let old = ViewKey::Build {
        id: past.builds[0].id.clone(),
    };
    assert_eq!(
        first[&old.path()]["commit"]["id"],
        commit_info(0).id.as_str()
    );
    same_as_from_memory(past, &first);
}

/// A leader that held all of it would write the same sheets.
fn same_as_from_memory(past: Past, written: &BTreeMap<String, Value>) {
    let config = FarmConfig::parse("farm.toml", CONFIG).unwrap();
    let saved = Saved {
        config: Some(("d".to_owned(), config)),
        branches: vec![Branch {
            commits: (0..COMMITS).rev().map(commit_info).collect(),
            ..past.branch
        }],
        builds: past.builds,
        runs: past.runs,
        ..Saved::default()
    };
    let now = Timestamp::from_second(LONG_AGO + 60).unwrap();
    let farm = Farm::restore(Policy::default(), saved, now);
    for number in 0..5 {
        let key = sheet(number);
        assert_eq!(page::wants(&farm, &key), None);
        let text = page::render(&farm, &key, now).unwrap().unwrap();
        assert_eq!(without_made(&text), written[&key.path()], "sheet {number}");
    }
}
