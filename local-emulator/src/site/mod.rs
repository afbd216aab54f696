//! The console: pages of what is in the emulator, and of what the functions were called for.
//!
//! | path | is |
//! |---|---|
//! | `/` | topics, subscriptions with their backlog, the last calls of functions |
//! | `/topic?name=` | a topic, and its messages as they are published |
//! | `/subscription?name=` | a subscription, and its oldest messages |
//! | `/dead-letters` | what failed too often, with its payload; sent back by a button |
//! | `/calls` | the last calls of each function |
//! | `/tail?topic=` | messages as server-sent events |
//! | `/status.json` | the numbers, for programs |
//!
//! Whoever reaches it reads payloads: it listens on this computer alone, unless that is asked for by name.

mod args;
mod calls;
mod guard;
mod json;
mod letters;
mod overview;
mod recent;
mod shell;
mod subscription;
mod tail;
mod text;
mod topic;
mod trouble;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use farm_pubsub_emulator::Inspector;
use farm_runtime::{Ids, serve};

pub(crate) use self::args::ConsoleArgs;
use self::guard::Guard;
use self::recent::Recent;
use crate::host::Host;

/// What pages are made of.
pub(crate) struct Site {
    inspector: Inspector,
    /// The farm's functions; an emulator alone has none.
    host: Option<Host>,
    recent: Recent,
    guard: Guard,
    tails: Arc<Semaphore>,
    closing: CancellationToken,
}

impl Site {
    /// A console of this emulator, to be served at `address`.
    pub(crate) fn new(
        inspector: Inspector,
        host: Option<Host>,
        address: SocketAddr,
        closing: CancellationToken,
    ) -> Self {
        Self {
            inspector,
            host,
            recent: Recent::default(),
            guard: Guard::new(address, &Ids::system()),
            tails: Arc::new(Semaphore::new(tail::MOST)),
            closing,
        }
    }

    /// Serves until it is to close.
    pub(crate) async fn run(self, listener: TcpListener) -> anyhow::Result<()> {
        let site = Arc::new(self);
        let mut looking = JoinSet::new();
        looking.spawn(Arc::clone(&site).look_on());
        let router = router(&site)?;
        let served = serve::on(listener, router, site.closing.clone()).await;
        served.context("the console")
    }

    async fn look_on(self: Arc<Self>) {
        let mut watch = self.inspector.watch();
        while let Some(seen) = watch.next().await {
            self.recent.note(seen);
        }
    }
}

fn router(site: &Arc<Site>) -> anyhow::Result<Router> {
    let router = Router::new()
        .route("/", get(overview::page))
        .route("/topic", get(topic::page))
        .route("/subscription", get(subscription::page))
        .route("/dead-letters", get(letters::page))
        .route("/redeliver", post(letters::redeliver))
        .route("/calls", get(calls::page))
        .route("/tail", get(tail::stream))
        .route("/status.json", get(json::status))
        .route("/healthz", get("ok\n"))
        .fallback(trouble::not_found);
    Ok(guard::guarded(router, site)?.with_state(Arc::clone(site)))
}
