//! Coordinators over the emulator: two on one state; what one writes.
#![allow(
    clippy::unwrap_used,
    clippy::missing_docs_in_private_items,
    reason = "a test ends where it cannot go on"
)]

mod kill;
mod pools;
mod sweep;
mod views;

use std::path::Path;
use std::time::{Duration, Instant};

use coordinator::{ConfigFrom, Settings, StateUrl, Status, serve};
use farm_model::keep::KeepDays;
use farm_pubsub_emulator::{Emulator, Options};
use farm_runtime::{Clock, Ids};
use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Long enough for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The queues, and a folder for everything.
struct Room {
    folder: tempfile::TempDir,
    endpoint: String,
    _serving: JoinSet<()>,
}

impl Room {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("farm.toml"), "").unwrap();
        let emulator = Emulator::open(Options::default()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            emulator
                .serve(listener, std::future::pending())
                .await
                .unwrap();
        });
        Self {
            folder,
            endpoint,
            _serving: serving,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn start(&self, name: &str, state: &StateUrl) -> Coordinator {
        self.start_with(self.settings(name, state), Clock::system())
    }

    fn settings(&self, name: &str, state: &StateUrl) -> Settings {
        let bus = format!("pubsub://farm?endpoint={}", self.endpoint);
        Settings {
            bus: bus.parse().unwrap(),
            bucket: farm_bucket::folder_url(&self.path().join("bucket")).unwrap(),
            data: self.path().join(name),
            state: state.clone(),
            config: ConfigFrom::File(self.path().join("farm.toml")),
            overlays: Vec::new(),
            grace: SignedDuration::from_secs(3),
            poll: Duration::from_secs(60),
            missing_after: SignedDuration::from_hours(1),
            gather: SignedDuration::from_mins(1),
            keep: KeepDays::default(),
            sweep: None,
            listen: None,
        }
    }

    fn start_with(&self, settings: Settings, clock: Clock) -> Coordinator {
        let (status, watching) = watch::channel(Status::default());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let mut running = JoinSet::new();
        running.spawn(async move { serve(settings, clock, Ids::system(), status, stopped).await });
        Coordinator {
            watching,
            stop,
            running,
        }
    }
}

struct Coordinator {
    watching: watch::Receiver<Status>,
    stop: CancellationToken,
    running: JoinSet<anyhow::Result<()>>,
}

impl Coordinator {
    /// Once it leads, or does not any more.
    async fn leads(&mut self, leads: bool) {
        let changed = self.watching.wait_for(|status| status.leading == leads);
        let changed = tokio::time::timeout(PATIENCE, changed).await;
        drop(
            changed
                .unwrap_or_else(|_| panic!("not within {PATIENCE:?}: leading {leads}"))
                .unwrap(),
        );
    }

    fn is_leading(&self) -> bool {
        self.watching.borrow().leading
    }

    async fn end(mut self) {
        self.stop.cancel();
        self.running.join_next().await.unwrap().unwrap().unwrap();
    }
}

/// Until the leader has shown twice more that it lives, which takes longer than a look of those that stand by.
async fn sign_of_life(state: &StateUrl) {
    let state = state.clone();
    let shown = move || {
        let mut store = farm_store::open(&state).unwrap();
        let (before, start) = (store.leader().unwrap().renewed, Instant::now());
        while store.leader().unwrap().renewed < before + 2 {
            assert!(start.elapsed() < PATIENCE, "the leader does not renew");
            std::thread::yield_now();
        }
    };
    tokio::task::spawn_blocking(shown).await.unwrap();
}

/// A new leader of the state, and the one that stood by, from then on, in turn.
async fn replaced_in_order(room: &Room, state: &StateUrl) {
    let mut first = room.start("first", state);
    first.leads(true).await;
    let mut second = room.start("second", state);
    let mut third = room.start("third", state);
    sign_of_life(state).await;
    assert!(first.is_leading() && !second.is_leading() && !third.is_leading());
    first.end().await;
    let start = Instant::now();
    let second_leads = tokio::select! {
        () = second.leads(true) => true,
        () = third.leads(true) => false,
    };
    assert!(start.elapsed() < Duration::from_secs(10), "{start:?}");
    let (leader, mut next) = match second_leads {
        true => (second, third),
        false => (third, second),
    };
    sign_of_life(state).await;
    assert!(!next.is_leading());
    leader.end().await;
    next.leads(true).await;
    next.end().await;
}

/// A leader that another one has fenced stands by, and leads again when that one is gone.
async fn fenced_and_back(room: &Room, state: &StateUrl) {
    let mut first = room.start("first", state);
    first.leads(true).await;
    // Whoever takes the lead without asking, as after a silence.
    let url = state.clone();
    let usurp = move || {
        let mut store = farm_store::open(&url).unwrap();
        store.load(farm_store::Keep::Everything).unwrap();
        store
    };
    let usurper = tokio::task::spawn_blocking(usurp).await.unwrap();
    first.leads(false).await;
    drop(usurper);
    first.leads(true).await;
    first.end().await;
}

fn file(room: &Room, name: &str) -> StateUrl {
    StateUrl::Sqlite(room.path().join(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_leads_and_others_follow_in_order_on_a_file() {
    let room = Room::new().await;
    replaced_in_order(&room, &file(&room, "state.db")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_leader_stands_by_on_a_file() {
    let room = Room::new().await;
    fenced_and_back(&room, &file(&room, "state.db")).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn two_coordinators_on_postgresql() {
    let Some(server) = farm_store::testing::postgres::server("two coordinators") else {
        return;
    };
    let room = Room::new().await;
    replaced_in_order(&room, &server.database()).await;
    fenced_and_back(&room, &server.database()).await;
}
