//! What people, probes, Prometheus and machines read from the hub, on two listeners.
//!
//! On the machines' TLS listener: `/healthz`, `/status`, `/status.json`, `/status/reverse.json` for everybody, `/blobs/…`
//! by token, `/metrics` by bearer token where one is set. On the admin listener, which is off by default and speaks plain
//! HTTP: the same, `/metrics` without a token, and the logs of attempts that run.

mod admin;
mod blobs;
mod metrics;
mod page;
mod patient;
mod range;
mod report;
mod reverse;
mod serve;
mod tail;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use farm_bucket::Bucket;
use farm_model::Timestamp;
use farm_model::id::HostType;
use farm_wire::keys::MasterKey;
use farm_wire::revdial::Dialers;
use tokio::sync::Semaphore;

pub use self::admin::Admin;
pub use self::blobs::blob_url;
pub use self::serve::Site;
use self::serve::Unhurried;
use crate::attempt::Tails;
use crate::machines::Registry;
use crate::metrics::{Counts, Exposition};
use crate::status::StatusSender;
use crate::teller::Identity;

/// What probes ask for: answered however many visitors there are.
pub const PROBED: &str = "/healthz";

/// What pages are made of.
pub struct Shown {
    /// This hub.
    pub identity: Identity,
    /// When it started.
    pub started: Timestamp,
    /// Its machines.
    pub registry: Arc<Registry>,
    /// Its sessions.
    pub dialers: Dialers,
    /// How many machines of a host type there should be.
    pub expect: BTreeMap<HostType, usize>,
    /// Counts of attempts.
    pub status: StatusSender,
    /// Logs that are being written.
    pub tails: Arc<Tails>,
    /// Where blobs lie.
    pub bucket: Bucket,
    /// What blob tokens are made of.
    pub master: MasterKey,
    /// What is counted.
    pub counts: Counts,
    /// All of that as metrics.
    pub exposition: Exposition,
    /// Who may read metrics where everybody can ask.
    pub metrics_token: Option<String>,
    /// What goes on at once.
    pub bounds: Bounds,
}

/// Places for what takes long, and the last page that is long to make.
pub struct Bounds {
    blobs: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    reverse: reverse::Cache,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            blobs: Arc::new(Semaphore::new(blobs::MAX_AT_ONCE)),
            readers: Arc::new(Semaphore::new(tail::MAX_READERS)),
            reverse: reverse::Cache::default(),
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// Anybody who reaches the machines' listener.
    Public,
    /// Whoever reaches the admin listener.
    Operators,
}

/// What a handler works with.
#[derive(Clone)]
struct Asked {
    shown: Arc<Shown>,
    by: Audience,
}

/// For the machines' listener.
pub fn public(shown: &Arc<Shown>) -> Router {
    router(shown, Audience::Public)
}

/// For the admin listener.
pub fn operators(shown: &Arc<Shown>) -> Router {
    router(shown, Audience::Operators)
}

fn router(shown: &Arc<Shown>, by: Audience) -> Router {
    let mut router = Router::new()
        .route(PROBED, get("ok\n"))
        .route("/status", get(page::either))
        .route("/status.json", get(page::json))
        .route("/status/reverse.json", get(reverse::json))
        .route("/metrics", get(metrics::text))
        .route("/blobs/{sha256}", get(blobs::blob));
    if by == Audience::Operators {
        router = router
            .route("/", get(|| async { Redirect::to("/status") }))
            .route(
                "/attempts/{build}/{run}/{job}/{attempt}/log",
                get(tail::log),
            );
    }
    let shown = Arc::clone(shown);
    router
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(axum::middleware::map_response(guarded))
        .with_state(Asked { shown, by })
}

/// No page is kept by anybody in between unless it says so, and none is taken for what it is not.
async fn guarded(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    answer
}

async fn not_found() -> Response {
    says(StatusCode::NOT_FOUND, "404 page not found")
}

async fn not_allowed() -> Response {
    says(StatusCode::METHOD_NOT_ALLOWED, "expected a GET request")
}

/// One line of plain text.
fn says(status: StatusCode, line: &str) -> Response {
    (status, format!("{line}\n")).into_response()
}
