//! A coordinator that leads long after its bucket was filled.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use coordinator::Settings;
use farm_bucket::Bucket;
use farm_model::id::AttemptKey;
use farm_model::keep::KeepDays;
use farm_model::view::{StatusView, SweepStatus, key};
use farm_runtime::Clock;
use farm_store::testing::sample::{build, finished};
use farm_store::{Batch, Committed, Keep};
use jiff::SignedDuration;

use super::{PATIENCE, Room, file};

/// What the coordinator says that it removed, once it says so.
async fn swept(room: &Room, by: fn(&SweepStatus) -> bool) -> StatusView {
    let path: PathBuf = room.path().join("bucket/views").join(key::STATUS);
    let look = move || {
        let start = Instant::now();
        loop {
            let view = std::fs::read(&path).unwrap_or_default();
            let view = serde_json::from_slice::<StatusView>(&view).ok();
            let sweep = view.as_ref().and_then(|of| of.coordinator.sweep.as_ref());
            if sweep.is_some_and(by)
                && let Some(view) = view
            {
                return view;
            }
            assert!(start.elapsed() < PATIENCE, "there is {view:?}");
            std::thread::yield_now();
        }
    };
    tokio::task::spawn_blocking(look).await.unwrap()
}

fn has_removed(sweep: &SweepStatus) -> bool {
    sweep.areas.iter().any(|of| of.area == "blobs")
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_year_later_a_leader_removes_logs_and_what_nobody_refers_to() {
    let room = Room::new().await;
    let state = file(&room, "state.db");
    let url = farm_bucket::folder_url(&room.path().join("bucket")).unwrap();
    let bucket = Bucket::open(&url).unwrap();
    let wanted = bucket
        .put_blob("of a run that is open".into())
        .await
        .unwrap();
    let orphan = bucket.put_blob("nobody's".into()).await.unwrap();
    let attempt: AttemptKey = format!("{}/1/steps/1", "b".repeat(32)).parse().unwrap();
    bucket.put_log_chunk(&attempt, 0, "x".into()).await.unwrap();
    let mut open = finished(&build(1).id, 1);
    open.verdict = None;
    let report = &mut open.jobs[0].attempts[0].state;
    let farm_model::record::AttemptState::Finished { report, .. } = report else {
        panic!("it has a report");
    };
    report.log.whole = Some(wanted.clone());
    let mut store = farm_store::open(&state).unwrap();
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let batch = Batch {
        builds: vec![build(1)],
        runs: vec![open],
        ..Batch::default()
    };
    assert_eq!(store.commit(epoch, &batch).unwrap(), Committed::Yes);
    drop(store);

    let later = Clock::system().now() + SignedDuration::from_hours(24 * 200);
    let settings = Settings {
        sweep: Some(Duration::from_secs(1)),
        ..room.settings("first", &state)
    };
    let mut coordinator = room.start_with(settings, Clock::manual(later));
    coordinator.leads(true).await;
    let shown = swept(&room, has_removed).await.coordinator;
    assert_eq!(shown.keep, Some(KeepDays::default()));
    assert_eq!(shown.sweep.unwrap().error, None);
    let (orphan, wanted) = (
        bucket.has_blob(&orphan).await,
        bucket.has_blob(&wanted).await,
    );
    assert_eq!((orphan.unwrap(), wanted.unwrap()), (false, true));
    swept(&room, |sweep| {
        sweep.areas.iter().any(|of| of.area == "logs")
    })
    .await;
    assert!(bucket.list_log(&attempt).await.unwrap().is_empty());
    coordinator.end().await;
}
