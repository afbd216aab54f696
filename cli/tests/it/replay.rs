//! `farm replay` on what a real coordinator left.

use std::path::Path;
use std::time::Duration;

use coordinator::{ConfigFrom, Settings, StateUrl, Status, serve};
use farm_model::keep::KeepDays;
use farm_pubsub_emulator::{Emulator, Options};
use farm_runtime::{Clock, Ids};
use jiff::SignedDuration;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::typed::farm;

const PATIENCE: Duration = Duration::from_secs(60);

/// Has a coordinator lead in `folder`, with a data folder as `farm up` makes it, until it has read its configuration and
/// `meanwhile` is over.
pub async fn lead(folder: &Path, meanwhile: impl AsyncFnOnce()) {
    let emulator = Emulator::open(Options::default()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bus = format!(
        "pubsub://farm?endpoint=http://{}",
        listener.local_addr().unwrap()
    );
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let served = emulator.serve(listener, std::future::pending()).await;
        served.unwrap();
    });
    std::fs::write(folder.join("farm.toml"), "").unwrap();
    let settings = Settings {
        bus: bus.parse().unwrap(),
        bucket: farm_bucket::folder_url(&folder.join("bucket")).unwrap(),
        data: folder.join("coordinator"),
        state: StateUrl::Sqlite(folder.join("coordinator/state.db")),
        config: ConfigFrom::File(folder.join("farm.toml")),
        overlays: Vec::new(),
        grace: SignedDuration::from_secs(3),
        poll: Duration::from_secs(60),
        missing_after: SignedDuration::from_hours(1),
        gather: SignedDuration::from_secs(60),
        keep: KeepDays::default(),
        sweep: None,
        listen: None,
    };
    let (status, mut watching) = watch::channel(Status::default());
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    let led = serve(
        settings,
        Clock::system(),
        Ids::system(),
        status,
        stop.clone(),
    );
    running.spawn(led);
    let leads = watching.wait_for(|status| status.leading);
    drop(timeout(PATIENCE, leads).await.unwrap().unwrap());
    meanwhile().await;
    stop.cancel();
    let ended = timeout(PATIENCE, running.join_next()).await.unwrap();
    ended.unwrap().unwrap().unwrap();
}

async fn replayed(data: &str) -> Value {
    let said = farm(&["replay", "--data", data, "--json"]).await;
    serde_json::from_str(&said.printed()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_coordinator_decided_is_decided_again_and_its_state_only_read() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    // A leader goes on while its state is read.
    lead(folder.path(), async || {
        let read = farm(&["replay", "--data", data]).await;
        assert!(read.code.is_ok() || read.failure().starts_with("nothing to replay"));
    })
    .await;
    let state = folder.path().join("coordinator/state.db");
    let before = std::fs::read(&state).unwrap();
    let found = replayed(data).await;
    assert_eq!(found["same"], true, "{found}");
    assert!(found["decisions"].as_u64().unwrap() > 0, "{found}");
    assert_eq!(std::fs::read(&state).unwrap(), before);
}

#[tokio::test]
async fn a_state_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("typo/state.db");
    let bucket = farm_bucket::folder_url(folder.path()).unwrap();
    let state = format!("sqlite:{}", file.display());
    let said = farm(&["replay", "--state", &state, "--bucket", &bucket]).await;
    let text = said.failure();
    assert!(text.contains("for reading"), "{text}");
    assert!(!folder.path().join("typo").exists());
}
