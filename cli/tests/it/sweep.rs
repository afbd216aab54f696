//! `farm sweep --dry-run` on what a real coordinator left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use farm_bucket::{Bucket, folder_url};
use farm_model::Timestamp;
use farm_model::id::{AttemptKey, DeliveryId};
use farm_model::view::{StatusView, key};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::replay::lead;
use crate::typed::{NOW, farm, farm_interrupted};

fn data(folder: &TempDir) -> &str {
    folder.path().to_str().unwrap()
}

/// What the clock shows, so many days ago.
fn days_ago(days: i64) -> Timestamp {
    let now: Timestamp = NOW.parse().unwrap();
    now - SignedDuration::from_hours(24 * days)
}

/// All files below a folder, and when each was written.
fn files(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        match entry.path().is_dir() {
            true => all.append(&mut files(&entry.path())),
            false => {
                let written = entry.metadata().unwrap().modified().unwrap();
                all.insert(entry.path(), written);
            }
        }
    }
    all
}

/// What has been written below a folder so far was written so many days ago.
fn age(folder: &Path, days: i64) {
    let second = u64::try_from(days_ago(days).as_second()).unwrap();
    for path in files(folder).into_keys() {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        file.set_modified(at).unwrap();
    }
}

/// A farm whose coordinator has led, with old and new things in its bucket.
async fn lived_in() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    lead(folder.path(), async || ()).await;
    fill(folder.path()).await;
    folder
}

async fn fill(folder: &Path) {
    let folder = folder.join("bucket");
    let bucket = Bucket::open(&folder_url(&folder).unwrap()).unwrap();
    let attempt = |digit: &str| -> AttemptKey {
        let build = digit.repeat(32);
        format!("{build}/1/steps/1").parse().unwrap()
    };
    let log = |digit: &str, text: String| {
        let (bucket, attempt) = (bucket.clone(), attempt(digit));
        async move {
            let put = bucket.put_log_chunk(&attempt, 0, text.into());
            put.await.unwrap();
        }
    };
    log("a", "x".repeat(1500)).await;
    age(&folder.join("logs"), 300);
    log("b", "x".repeat(10)).await;
    let name = format!("logs/{}", attempt("b"));
    age(&folder.join(name), 100);
    bucket.put_blob("nobody's".into()).await.unwrap();
    age(&folder.join("blobs"), 31);
    bucket.put_blob("new".into()).await.unwrap();
    let delivery: DeliveryId = "d".repeat(64).parse().unwrap();
    for days in [40, 3] {
        let put = bucket.put_delivery("github", days_ago(days), &delivery, None, "x".into());
        put.await.unwrap();
    }
}

async fn looked(words: &[&str]) -> Value {
    let all = ["sweep", "--dry-run", "--json"].iter().chain(words);
    let all: Vec<&str> = all.copied().collect();
    serde_json::from_str(&farm(&all).await.printed()).unwrap()
}

fn area<'a>(looked: &'a Value, name: &str) -> &'a Value {
    let areas = looked["areas"].as_array().unwrap();
    areas.iter().find(|area| area["area"] == name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_go_is_shown_and_nothing_goes() {
    let folder = lived_in().await;
    let bucket = folder.path().join("bucket");
    let state = || std::fs::read(folder.path().join("coordinator/state.db")).unwrap();
    let before = (files(&bucket), state());
    let found = looked(&["--data", data(&folder)]).await;
    assert_eq!(found["at"], NOW);
    assert_eq!(found["keep"]["logs"], 180);
    let logs = area(&found, "logs");
    assert_eq!(logs["setting"], "--keep-logs");
    assert_eq!(logs["days"], 180);
    assert_eq!(logs["before"], days_ago(180).to_string());
    assert_eq!(logs["there"], json!({"objects": 2, "bytes": 1510}));
    assert_eq!(logs["old"], json!({"objects": 1, "bytes": 1500}));
    assert_eq!(logs["oldest_that_stays"], days_ago(100).to_string());
    let blobs = area(&found, "blobs");
    assert_eq!(blobs["setting"], Value::Null);
    assert_eq!(blobs["old"], json!({"objects": 1, "bytes": 8}));
    assert_eq!(area(&found, "deliveries")["old"]["objects"], 1);
    assert_eq!(found["old"]["objects"], 3);

    let shown = farm(&["sweep", "--dry-run", "--data", data(&folder)]).await;
    assert_eq!(
        shown.err, "",
        "nobody sees how far it is who is no terminal"
    );
    let text = shown.printed();
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
    let words = |name| line(name).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        words("logs/"),
        "logs/ 2 1.5 kB 1 1.5 kB 2025-09-23 12:00 after 180 days (--keep-logs 180)"
    );
    assert!(
        line("blobs/").ends_with("after 30 days, if nothing refers to it"),
        "{text}"
    );
    assert!(text.contains("\n3 objects, "), "{text}");
    assert_eq!(files(&bucket), before.0);
    assert!(state() == before.1, "the state is only read");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_days_may_be_tried_and_for_ever_is_not_looked_at() {
    let folder = lived_in().await;
    let days = ["--keep-logs", "30", "--keep-deliveries", "0"];
    let words = [&["--data", data(&folder)], &days[..]].concat();
    let found = looked(&words).await;
    assert_eq!(area(&found, "logs")["old"]["objects"], 2);
    let deliveries = area(&found, "deliveries");
    assert_eq!(
        (&deliveries["days"], &deliveries["before"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(deliveries["there"]["objects"], 0);
    let words = [&["sweep", "--dry-run"], &words[..]].concat();
    let text = farm(&words).await.printed();
    assert!(text.contains("never (--keep-deliveries 0)"), "{text}");
    let short = ["sweep", "--dry-run", "--data", data(&folder)];
    let short = [&short[..], &["--keep-logs", "1"]].concat();
    let text = farm(&short).await.failure();
    assert!(text.contains("--keep-logs is 0 (for ever)"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_are_those_of_the_coordinator() {
    let folder = lived_in().await;
    let path = folder.path().join("bucket/views").join(key::STATUS);
    let status = std::fs::read(&path).unwrap();
    let mut status: StatusView = serde_json::from_slice(&status).unwrap();
    status.coordinator.keep.as_mut().unwrap().logs = 90;
    std::fs::write(&path, serde_json::to_vec(&status).unwrap()).unwrap();
    let found = looked(&["--data", data(&folder)]).await;
    assert_eq!(area(&found, "logs")["days"], 90);
    assert_eq!(area(&found, "logs")["old"]["objects"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_beside_a_coordinator_that_leads() {
    let folder = tempfile::tempdir().unwrap();
    lead(folder.path(), async || {
        fill(folder.path()).await;
        let status = folder.path().join("bucket/views").join(key::STATUS);
        let written = async {
            while !status.exists() {
                tokio::task::yield_now().await;
            }
        };
        let written = tokio::time::timeout(Duration::from_secs(60), written);
        written.await.unwrap();
        let found = looked(&["--data", data(&folder)]).await;
        assert_eq!(area(&found, "logs")["old"]["objects"], 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_part_that_cannot_be_listed_is_named_and_the_others_are_shown() {
    let folder = lived_in().await;
    // A folder that lies in itself cannot be listed.
    let blobs = folder.path().join("bucket/blobs");
    std::os::unix::fs::symlink(&blobs, blobs.join("again")).unwrap();
    let words = ["sweep", "--dry-run", "--data", data(&folder)];
    let shown = farm(&words).await;
    assert_eq!(shown.code.unwrap(), ExitCode::from(3));
    assert!(shown.out.contains("cannot look through blobs/: "));
    assert!(shown.out.contains(", of what could be looked through"));
    let found = farm(&[&words[..], &["--json"]].concat()).await.out;
    let found: Value = serde_json::from_str(&found).unwrap();
    assert!(area(&found, "blobs")["error"].is_string());
    assert_eq!(area(&found, "logs")["old"]["objects"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_and_not_made() {
    let folder = lived_in().await;
    let missing = folder.path().join("typo");
    let missing = missing.to_str().unwrap();
    let text = farm(&["sweep", "--dry-run", "--data", missing]).await;
    assert!(
        text.failure()
            .contains("give --data with the folder of a farm")
    );
    let (bucket, state) = (
        folder_url(&folder.path().join("bucket")).unwrap(),
        format!("sqlite:{}/coordinator/state.db", data(&folder)),
    );
    let tried = async |state: &str, bucket: &str| {
        let places = ["--state", state, "--bucket", bucket];
        let words = [&["sweep", "--dry-run"], &places[..]].concat();
        farm(&words).await
    };
    let text = tried(&format!("sqlite:{missing}"), &bucket).await.failure();
    assert!(text.contains("for reading"), "{text}");
    let text = tried(&state, &format!("file://{missing}")).await.failure();
    assert!(text.contains("there is no bucket in"), "{text}");
    let text = tried("mysql://u:s3cret@h/d", &bucket).await.failure();
    assert!(text.contains("sqlite: or") && !text.contains("s3cret"));
    assert!(!Path::new(missing).exists());
    // Nor is a folder a farm's bucket because it is there.
    std::fs::create_dir(missing).unwrap();
    let text = tried(&state, &format!("file://{missing}")).await.failure();
    assert!(text.contains("there is no views/status.json in"), "{text}");
    assert_eq!(std::fs::read_dir(missing).unwrap().count(), 0);
    tried(&state, &bucket).await.printed();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_presses_ctrl_c_is_told_that_nothing_has_gone() {
    let folder = lived_in().await;
    let ended = farm_interrupted(&["sweep", "--dry-run", "--data", data(&folder)]).await;
    assert_eq!(ended.code.unwrap(), ExitCode::from(130));
    assert_eq!(ended.out, "");
    assert!(ended.err.ends_with("interrupted; nothing was removed\n"));
}

#[tokio::test]
async fn without_dry_run_it_is_no_command() {
    let text = farm(&["sweep"]).await.failure();
    assert!(text.contains("--dry-run"), "{text}");
}
