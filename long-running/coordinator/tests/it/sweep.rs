//! A coordinator that leads long after its bucket was filled.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use coordinator::{Area, Settings, StateUrl, Tally, dry_run};
use farm_bucket::{Bucket, Found};
use farm_model::id::{AttemptKey, BlobId};
use farm_model::keep::KeepDays;
use farm_model::kept::{Kept, Snapshot, Trust};
use farm_model::record::AttemptState;
use farm_model::view::{StatusView, key};
use farm_runtime::Clock;
use farm_store::testing::sample::{build, commit, finished};
use farm_store::{Batch, Committed, Keep};
use futures::TryStreamExt;
use jiff::SignedDuration;

use super::{PATIENCE, Room, file};

/// What the coordinator says that it removed, once it says so.
pub async fn swept(room: &Room, by: fn(&StatusView) -> bool) -> StatusView {
    let path: PathBuf = room.path().join("bucket/views").join(key::STATUS);
    let look = move || {
        let start = Instant::now();
        loop {
            let view = std::fs::read(&path).unwrap_or_default();
            let view = serde_json::from_slice::<StatusView>(&view).ok();
            if let Some(view) = view.as_ref().filter(|view| by(view)) {
                return view.clone();
            }
            assert!(start.elapsed() < PATIENCE, "there is {view:?}");
            std::thread::yield_now();
        }
    };
    tokio::task::spawn_blocking(look).await.unwrap()
}

fn has_removed(view: &StatusView, from: &str) -> bool {
    let sweep = view.coordinator.sweep.as_ref();
    sweep.is_some_and(|sweep| sweep.areas.iter().any(|of| of.area == from))
}

/// The names of what lies in a part of the bucket.
pub async fn names(bucket: &Bucket, area: &str) -> BTreeSet<String> {
    let walk = bucket.walk(area).unwrap();
    let found: Vec<Found> = walk.try_collect().await.unwrap();
    found.iter().map(|of| of.name().to_owned()).collect()
}

/// What a sweep would remove, part by part, as whoever may only read the state finds.
pub async fn removable(state: &StateUrl, bucket: &Bucket, clock: &Clock) -> Vec<(Area, Tally)> {
    let state = state.clone();
    let store = tokio::task::spawn_blocking(move || farm_store::open_for_reading(&state).unwrap());
    let store = store.await.unwrap();
    let prospects = dry_run(store, bucket, KeepDays::default(), clock, |_, _| ()).await;
    let old = prospects
        .into_iter()
        .map(|of| (of.area, of.looked.unwrap().old));
    old.collect()
}

/// Blobs that the state refers to from then on: of a run that is open, and the newest snapshot of a builder.
pub async fn wants(bucket: &Bucket, state: &StateUrl) -> [BlobId; 2] {
    let log = bucket.put_blob("of a run that is open".into());
    let log = log.await.unwrap();
    let blob = bucket.put_blob("snapshot".into()).await.unwrap();
    let mut open = finished(&build(1).id, 1);
    open.verdict = None;
    let report = &mut open.jobs[0].attempts[0].state;
    let AttemptState::Finished { report, .. } = report else {
        panic!("it has a report");
    };
    report.log.whole = Some(log.clone());
    let snapshot = Kept::Snapshot(Snapshot {
        builder: "linux-test".parse().unwrap(),
        repo: "sample".parse().unwrap(),
        commit: commit(1),
        trust: Trust::PostSubmit,
        blob: blob.clone(),
        at: Clock::system().now(),
    });
    let batch = Batch {
        builds: vec![build(1)],
        runs: vec![open],
        kept: vec![(snapshot.key(), Some(snapshot))],
        ..Batch::default()
    };
    let state = state.clone();
    let commit = move || {
        let mut store = farm_store::open(&state).unwrap();
        let epoch = store.load(Keep::Everything).unwrap().epoch;
        assert_eq!(store.commit(epoch, &batch).unwrap(), Committed::Yes);
    };
    tokio::task::spawn_blocking(commit).await.unwrap();
    [log, blob]
}

fn in_200_days() -> Clock {
    Clock::manual(Clock::system().now() + SignedDuration::from_hours(24 * 200))
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_year_later_a_leader_removes_logs_and_what_nobody_refers_to() {
    let room = Room::new().await;
    let state = file(&room, "state.db");
    let url = farm_bucket::folder_url(&room.path().join("bucket")).unwrap();
    let bucket = Bucket::open(&url).unwrap();
    let [wanted, _] = wants(&bucket, &state).await;
    let orphan = bucket.put_blob("nobody's".into()).await.unwrap();
    let attempt: AttemptKey = format!("{}/1/steps/1", "b".repeat(32)).parse().unwrap();
    bucket.put_log_chunk(&attempt, 0, "x".into()).await.unwrap();

    let settings = Settings {
        sweep: Some(Duration::from_secs(1)),
        ..room.settings("first", &state)
    };
    let mut coordinator = room.start_with(settings, in_200_days());
    coordinator.leads(true).await;
    let shown = swept(&room, |view| has_removed(view, "blobs")).await;
    assert_eq!(shown.coordinator.keep, Some(KeepDays::default()));
    assert_eq!(shown.coordinator.sweep.unwrap().error, None);
    let (orphan, wanted) = (
        bucket.has_blob(&orphan).await,
        bucket.has_blob(&wanted).await,
    );
    assert_eq!((orphan.unwrap(), wanted.unwrap()), (false, true));
    swept(&room, |view| has_removed(view, "logs")).await;
    assert!(bucket.list_log(&attempt).await.unwrap().is_empty());
    coordinator.end().await;
}

/// A dry run while a coordinator leads on the same state, which notices nothing of it.
async fn beside_a_leader(room: &Room, state: &StateUrl) {
    let url = farm_bucket::folder_url(&room.path().join("bucket")).unwrap();
    let bucket = Bucket::open(&url).unwrap();
    wants(&bucket, state).await;
    bucket.put_blob("nobody's".into()).await.unwrap();
    let mut coordinator = room.start("first", state);
    coordinator.leads(true).await;
    let leader = || {
        let state = state.clone();
        let leader = move || farm_store::open(&state).unwrap().leader().unwrap();
        tokio::task::spawn_blocking(leader)
    };
    let (epoch, before) = (leader().await.unwrap().epoch, names(&bucket, "blobs").await);
    let old = removable(state, &bucket, &in_200_days()).await;
    let blobs = old.iter().find(|(area, _)| *area == Area::Blobs).unwrap().1;
    assert_eq!((blobs.objects, blobs.bytes), (1, 8));
    assert_eq!(names(&bucket, "blobs").await, before);
    let now = leader().await.unwrap();
    assert!(now.present && now.epoch == epoch && coordinator.is_leading());
    coordinator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_goes_beside_a_leader_on_a_file() {
    let room = Room::new().await;
    beside_a_leader(&room, &file(&room, "state.db")).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_goes_beside_a_leader_on_postgresql() {
    let Some(server) = farm_store::testing::postgres::server("a dry run beside a leader") else {
        return;
    };
    beside_a_leader(&Room::new().await, &server.database()).await;
}
