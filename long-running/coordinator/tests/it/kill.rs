//! kill -9 of a coordinator's process in the middle of a sweep.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use farm_bucket::{Bucket, folder_url};
use farm_model::id::{AttemptKey, BlobId};
use farm_runtime::Clock;
use tokio::process::{Child, Command};

use super::sweep::{names, removable, swept, wants};
use super::{PATIENCE, Room, file};

/// Blobs that nobody wants.
const ORPHANS: u32 = 4000;

/// A process that leads, and looks through the bucket every second.
fn run(room: &Room) -> Child {
    let path = |name: &str| room.path().join(name).display().to_string();
    let bus = format!("pubsub://farm?endpoint={}", room.endpoint);
    let bucket = folder_url(&room.path().join("bucket")).unwrap();
    let state = format!("sqlite:{}", path("state.db"));
    Command::new(env!("CARGO_BIN_EXE_coordinator"))
        .args(["--bus", &bus, "--bucket", &bucket, "--state", &state])
        .args(["--data", &path("data"), "--config", &path("farm.toml")])
        .args(["--sweep", "1"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Everything below a folder was written years ago.
fn age(folder: &Path) {
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => age(&path),
            false => {
                let file = std::fs::File::options().write(true).open(&path).unwrap();
                file.set_modified(old).unwrap();
            }
        }
    }
}

/// As hubs would have left them, but for their content.
fn orphans(blobs: &Path) {
    for number in 0..ORPHANS {
        // Digests are spread evenly.
        let head = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        std::fs::write(blobs.join(format!("{head:016x}{number:048x}")), "").unwrap();
    }
}

/// How many blobs there are, once there are fewer than `than`.
async fn fewer(blobs: PathBuf, than: usize) -> usize {
    let look = move || {
        let start = Instant::now();
        loop {
            let count = std::fs::read_dir(&blobs).unwrap().count();
            if count < than {
                return count;
            }
            assert!(start.elapsed() < PATIENCE, "nothing is removed");
            std::thread::yield_now();
        }
    };
    tokio::task::spawn_blocking(look).await.unwrap()
}

/// The second life of the coordinator, once nothing is left that may go.
async fn second_life(room: &Room, bucket: &Bucket) {
    swept(room, |view| {
        let sweep = view.coordinator.sweep.as_ref();
        view.coordinator.epoch > 2 && sweep.is_some_and(|sweep| sweep.error.is_none())
    })
    .await;
    let old = removable(&file(room, "state.db"), bucket, &Clock::system()).await;
    assert!(old.iter().all(|(_, old)| old.objects == 0), "{old:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_coordinator_did_not_remove_the_next_one_does_and_no_more() {
    let room = Room::new().await;
    let folder = room.path().join("bucket");
    let bucket = Bucket::open(&folder_url(&folder).unwrap()).unwrap();
    let wanted = wants(&bucket, &file(&room, "state.db")).await;
    let log = |digit: &str| -> AttemptKey {
        let build = digit.repeat(32);
        format!("{build}/1/steps/1").parse().unwrap()
    };
    let (over, runs) = (log("a"), log("b"));
    for offset in 0..500 {
        let put = bucket.put_log_chunk(&over, offset, "x".into());
        put.await.unwrap();
    }
    orphans(&folder.join("blobs"));
    age(&folder);
    // A hub is at it.
    let young = bucket.put_blob("of a moment ago".into()).await.unwrap();
    let put = bucket.put_log_chunk(&runs, 0, "a line".into());
    put.await.unwrap();
    let wanted: BTreeSet<BlobId> = wanted.into_iter().chain([young]).collect();
    let all = ORPHANS as usize + wanted.len();

    let mut first = run(&room);
    fewer(folder.join("blobs"), all - 1500).await;
    first.kill().await.unwrap();
    let left = names(&bucket, "blobs").await.len();
    assert!(left < all && left > wanted.len(), "{left} of {all}");

    let mut second = run(&room);
    second_life(&room, &bucket).await;
    let kept: BTreeSet<String> = wanted.iter().map(ToString::to_string).collect();
    assert_eq!(names(&bucket, "blobs").await, kept);
    for blob in &wanted {
        assert!(bucket.get_blob(blob, 100).await.unwrap().is_some());
    }
    assert!(bucket.list_log(&over).await.unwrap().is_empty());
    assert_eq!(bucket.list_log(&runs).await.unwrap().len(), 1);
    second.kill().await.unwrap();
}
