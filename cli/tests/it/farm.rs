//! A farm of one repository, `sample`, that answers as the real pages do and remembers what it was asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub const LINT: &str = "3f2a0000000000000000000000000000";
pub const TEST: &str = "77770000000000000000000000000000";
pub const COMMIT: &str = "5b0c9d1e00000000000000000000000000000000";
/// What clients of 2019 find the log of `LINT` by.
pub const HASH: &str = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3";
const MADE: &str = "2026-01-01T11:58:00Z";

/// A farm, as long as it lives.
pub struct Farm {
    pub url: String,
    pub state: Arc<FarmState>,
    _serving: JoinSet<()>,
}

/// What the farm answers, and what it was asked.
#[derive(Default)]
pub struct FarmState {
    /// One answer for each question about a build; the last one stays.
    pub looks: Mutex<Vec<Look>>,
    /// The logs by attempt, as `run/attempt`.
    pub logs: Mutex<BTreeMap<String, Vec<u8>>>,
    /// The next log breaks off after so many bytes.
    pub breaks: Mutex<Option<usize>>,
    /// Logs are answered whole and without `x-log-next`, as a stored one is.
    pub stored: Mutex<bool>,
    /// When the status was made, if not just now.
    pub status_made: Mutex<Option<String>>,
    /// What /clear-results answers.
    pub clear: Mutex<Option<(StatusCode, String)>>,
    /// The bodies of commands.
    pub commands: Mutex<Vec<String>>,
    /// What commands are answered, if not that they are accepted.
    pub refuses: Mutex<Option<(StatusCode, &'static str)>>,
    /// Method, path with query, and authorization of each request.
    pub asked: Mutex<Vec<String>>,
}

/// What a question about a build finds.
#[derive(Clone)]
pub struct Look {
    /// Whether the farm answers at all.
    pub up: bool,
    pub status: &'static str,
    pub why: &'static str,
    /// Each attempt of the one run, by the state that it is in.
    pub attempts: &'static [&'static str],
    /// What has just been written to the log of an attempt.
    pub wrote: &'static [(&'static str, &'static str)],
}

/// A build that waits.
pub const WAITING: Look = Look {
    up: true,
    status: "queued",
    why: "waits for a machine of local",
    attempts: &[],
    wrote: &[],
};

/// A build whose only attempt runs.
pub const RUNNING: Look = Look {
    status: "running",
    why: "runs on hub/m1",
    attempts: &["running"],
    ..WAITING
};

/// A build whose only attempt ended well.
pub const DONE: Look = Look {
    status: "ok",
    why: "",
    attempts: &["finished"],
    ..WAITING
};

impl Farm {
    /// A farm that finds these about its build `LINT`.
    pub async fn with(looks: &[Look]) -> Self {
        let state = Arc::new(FarmState::default());
        *state.looks.lock() = looks.iter().rev().cloned().collect();
        let router = Router::new()
            .route("/", get(failures))
            .route("/log/{hash}", get(log_by_hash))
            .route("/api/builder/{name}", get(builder))
            .route("/api/farm", get(front))
            .route("/api/status", get(status))
            .route("/api/grid", get(grid))
            .route("/api/build/{id}", get(build))
            .route("/log/{build}/{run}/{job}/{attempt}", get(log))
            .route("/clear-results", post(clear))
            .route("/api/commands", post(command))
            .route("/api/audit", get(audit))
            .route("/api/flakes", get(flakes))
            .layer(axum::middleware::from_fn_with_state(
                Arc::clone(&state),
                remember,
            ))
            .with_state(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            state,
            _serving: serving,
        }
    }

    /// What the farm answers about its own state.
    pub fn status(&self) -> Value {
        status_of(&self.state)
    }

    /// The coordinator has told nothing since.
    pub fn age_status(&self, made: &str) {
        *self.state.status_made.lock() = Some(made.to_owned());
    }

    /// Puts a log there.
    pub fn log(&self, attempt: &str, text: &str) {
        let text = text.as_bytes().to_vec();
        self.state.logs.lock().insert(attempt.to_owned(), text);
    }

    /// Everything asked for whose path begins so.
    pub fn asked(&self, path: &str) -> Vec<String> {
        let asked = self.state.asked.lock();
        let fits = |line: &&String| line.split(' ').nth(1).unwrap().starts_with(path);
        asked.iter().filter(fits).cloned().collect()
    }
}

/// An address where nobody listens.
pub async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

async fn remember(
    State(state): State<Arc<FarmState>>,
    request: Request,
    next: axum::middleware::Next,
) -> Response {
    let allowed = request.headers().get(header::AUTHORIZATION);
    let allowed = allowed.map_or("", |value| value.to_str().unwrap());
    let line = format!("{} {} {allowed}", request.method(), request.uri());
    state.asked.lock().push(line.trim_end().to_owned());
    next.run(request).await
}

async fn command(State(state): State<Arc<FarmState>>, body: String) -> Response {
    state.commands.lock().push(body);
    match *state.refuses.lock() {
        Some((status, text)) => (status, Json(json!({ "error": text }))).into_response(),
        None => (StatusCode::ACCEPTED, Json(json!({ "command": "c1" }))).into_response(),
    }
}

/// To strangers it is not told.
async fn audit(headers: HeaderMap) -> Response {
    if headers.get(header::AUTHORIZATION).is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(json!({
        "made": MADE,
        "asked": [{
            "id": "c1",
            "actor": "user:gopher",
            "ask": { "do": "drain", "machine": "attic", "reason": "new\u{1b}disk" },
            "at": MADE,
            "effect": "nothing more is leased to it; what it runs goes on",
        }],
    }))
    .into_response()
}

async fn flakes() -> Json<Value> {
    Json(json!({
        "made": MADE,
        "flakes": [{
            "builder": "lint", "repo": "sample", "unit": "net", "name": "TestDial",
            "flaked": 2, "ran": 40, "first": MADE, "last": MADE,
            "evidence": { "build": LINT, "run": 1, "job": "tests-1", "attempt": 1 },
        }],
        "count": 1,
    }))
}

async fn front() -> Json<Value> {
    Json(json!({
        "made": MADE,
        "name": "sample farm",
        "repositories": [{"name": "sample", "branches": ["main", "old"]}],
        "machines": [{"machine": "hub/m1", "host_type": "local", "seen": MADE}],
        "away": [{"name": "attic", "since": "2026-01-01T10:00:00Z"}],
        "open": [{
            "build": TEST, "run": 1, "builder": "test", "repo": "sample", "commit": COMMIT, "status": "queued",
            "why": "waits for a machine of local", "since": MADE,
        }],
        "open_count": 1,
        "troubles": ["the queue of results\nis long"],
    }))
}

async fn status(State(state): State<Arc<FarmState>>) -> Json<Value> {
    Json(status_of(&state))
}

fn status_of(state: &FarmState) -> Value {
    let made = state.status_made.lock().clone();
    json!({
        "made": made.unwrap_or_else(|| "2026-01-01T11:59:55Z".to_owned()),
        "name": "sample farm",
        "open": 12,
        "running": 2,
        "queues": [
            {"host_type": "other", "waiting": 0, "pausing": 0, "machines": 0, "busy": 0},
            {"host_type": "local", "waiting": 10, "pausing": 2, "oldest": "2026-01-01T11:56:10Z", "machines": 2, "busy": 2},
        ],
        "machines": {"idle": 0, "busy": 2, "held": 0, "aside": 0, "draining": 0, "away": 1},
        "orders": {"wanted": 1, "waits": 0, "made": 0, "here": 2, "ending": 0},
        "hubs": [{"hub": "h1", "session": "s1", "heard": "2026-01-01T11:59:58Z", "draining": true, "machines": 2}],
        "intake": [{
            "day": "2026-01-01", "source": "github", "accepted": 6, "effective": 4, "repeated": 1, "refused": 1, "found": 2,
        }],
        "troubles": ["intake: stored deliveries\nare told late"],
        "coordinator": {
            "version": "0.1.0", "role": "leading", "since": "2026-01-01T10:00:00Z", "epoch": 7,
            "started": "2026-01-01T10:00:00Z", "outbox": 1, "outbox_oldest": "2026-01-01T11:59:51Z", "dirty_views": 0,
            "commits": {"count": 100, "p50_milliseconds": 1.2, "p99_milliseconds": 14.0}, "decided": 40, "ignored": 3,
            "keep": {"logs": 180, "deliveries": 30, "history": 400, "snapshots": 30, "said": 30},
            "sweep": {
                "at": "2026-01-01T11:30:00Z", "error": "blobs/: no",
                "areas": [{"area": "logs", "objects": 1200, "bytes": 34567890}, {"area": "said", "objects": 3, "bytes": 99}],
            },
        },
        "subscriptions": [
            {
                "name": "activity-coordinator", "heard": "2026-01-01T11:59:00Z", "lag_seconds": 0.25,
                "dead": {"count": 1, "reason": "no JSON\u{1b}[2J"},
            },
            {"name": "commands-coordinator"},
        ],
    })
}

async fn grid(Query(query): Query<BTreeMap<String, String>>) -> Response {
    if query["repo"] != "sample" || query["branch"] != "main" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let commit = |id: &str, subject: &str| json!({"id": id, "parents": [], "author": "Gopher", "email": "g@example.org", "time": MADE, "subject": subject});
    let cell = |build: &str, status: &str| json!({"build": build, "run": 1, "status": status});
    let mut failed = cell(LINT, "failed");
    failed["failure"] = json!({
        "reason": "step lint: exit status 1", "attempt": {"build": LINT, "run": 1, "job": "steps", "attempt": 1}, "log": HASH,
    });
    Json(json!({
        "made": MADE,
        "repo": "sample",
        "branch": "main",
        "builders": ["lint", "test"],
        "rows": [
            {"commit": commit(COMMIT, "add: be right again"), "cells": [failed, cell(TEST, "queued")]},
            {"commit": commit(&"d".repeat(40), "first"), "cells": [cell(&"9".repeat(32), "ok"), null]},
        ],
    }))
    .into_response()
}

/// As clients of 2019 ask: what failed, a line each.
async fn failures(State(state): State<Arc<FarmState>>, headers: HeaderMap) -> String {
    let host = headers[header::HOST].to_str().unwrap();
    let line = |builder: &str, hash: &str| format!("{COMMIT} {builder} http://{host}/log/{hash}\n");
    let mut lines = line("lint", HASH) + &line("test", &"b".repeat(40));
    lines += "no line\n";
    if state.logs.lock().contains_key("gone") {
        lines += &line("gone", &"c".repeat(40));
    }
    lines
}

async fn log_by_hash(State(state): State<Arc<FarmState>>, Path(hash): Path<String>) -> Response {
    match state.logs.lock().get(&hash) {
        Some(log) => log.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn builder(Path(name): Path<String>) -> Response {
    if name != "lint" {
        return StatusCode::NOT_FOUND.into_response();
    }
    Json(json!({
        "made": MADE, "builder": "lint", "host_type": "local", "usual": {"seconds": 75.0}, "runs": [], "flakes": [],
        "pause": {"builder": "lint", "reason": "new\u{1b}disk", "actor": "user:gopher", "at": MADE},
    }))
    .into_response()
}

async fn build(State(state): State<Arc<FarmState>>, Path(id): Path<String>) -> Response {
    if id != LINT {
        return StatusCode::NOT_FOUND.into_response();
    }
    let look = {
        let mut looks = state.looks.lock();
        let last = looks.last().cloned().unwrap();
        if looks.len() > 1 {
            looks.pop();
        }
        last
    };
    for (attempt, text) in look.wrote {
        let mut logs = state.logs.lock();
        let log = logs.entry((*attempt).to_owned()).or_default();
        log.extend_from_slice(text.as_bytes());
    }
    if look.up {
        Json(view(&look)).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "restarting").into_response()
    }
}

fn view(look: &Look) -> Value {
    let attempts: Vec<Value> = (1..).zip(look.attempts).map(attempt).collect();
    let jobs = json!([{"name": "steps", "state": {"is": "leased"}, "attempts": attempts}]);
    json!({
        "made": MADE,
        "build": {
            "id": LINT, "wanted": MADE, "run": 1,
            "key": {"builder": "lint", "repo": "sample", "commit": COMMIT, "branch": "main", "kind": "post-submit"},
        },
        "commit": null,
        "status": look.status,
        "why": look.why,
        "runs": [{"build": LINT, "number": 1, "opened": MADE, "cause": "push", "jobs": jobs}],
    })
}

fn attempt((number, state): (u32, &&str)) -> Value {
    let state = match *state {
        "running" => json!({"is": "running", "session": "s", "since": MADE}),
        "gone" => json!({"is": "gone", "at": MADE, "reason": "machine gone", "how": "silent"}),
        _ => json!({"is": "finished", "at": MADE, "report": {
            "outcome": "ok", "reason": "", "steps": [], "log": {"bytes": 0, "dropped": 0},
        }}),
    };
    json!({
        "number": number, "hub": "hub", "machine": "hub/m1", "leased": format!("2026-01-01T11:00:0{number}Z"),
        "start_by": MADE, "state": state, "last_seq": 0,
    })
}

async fn log(
    State(state): State<Arc<FarmState>>,
    Path((_, run, _, attempt)): Path<(String, String, String, String)>,
    Query(query): Query<BTreeMap<String, usize>>,
) -> Response {
    // As the real page: of what is not known there is nothing, from any byte on.
    let log = state.logs.lock().get(&format!("{run}/{attempt}")).cloned();
    let log = log.unwrap_or_default();
    if *state.stored.lock() {
        return log.into_response();
    }
    let from = query.get("from").copied().unwrap_or(0).min(log.len());
    let next = [("x-log-next", log.len().to_string())];
    let rest = Bytes::copy_from_slice(&log[from..]);
    match state.breaks.lock().take() {
        None => (next, rest).into_response(),
        Some(length) => {
            let part = rest.slice(..length);
            let broken = std::io::Error::other("broken");
            let pieces = futures::stream::iter([Ok(part), Err(broken)]);
            (next, Body::from_stream(pieces)).into_response()
        }
    }
}

async fn clear(State(state): State<Arc<FarmState>>) -> Response {
    let good = || (StatusCode::OK, r#"{"Response":null,"Error":""}"#.to_owned());
    let answer = state.clear.lock().clone();
    answer.unwrap_or_else(good).into_response()
}
