//! What operators, probes and Prometheus read from the coordinator: `/status`, `/status.json`, `/healthz`, `/metrics`. It is
//! off by default, speaks plain HTTP, and shows no secret.

mod page;
mod text;
mod visitors;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::visitors::Visitors;
use crate::metrics::{Counts, Exposition};
use crate::status::Board;

/// As OpenMetrics 1.0 names itself.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What pages are made of.
struct Shown {
    board: Board,
    exposition: Exposition,
}

/// Serves the pages on `address` until `shutdown`; returns where.
///
/// # Errors
/// The address cannot be had.
pub(crate) async fn start(
    tasks: &mut JoinSet<()>,
    address: SocketAddr,
    board: &Board,
    counts: &Counts,
    shutdown: CancellationToken,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; choose another address with --listen")
    })?;
    let at = listener
        .local_addr()
        .context("the listener has no address")?;
    tracing::info!("status at http://{at}/status");
    tasks.spawn(Visitors::of(router(board, counts)).welcome(listener, shutdown));
    Ok(at)
}

fn router(board: &Board, counts: &Counts) -> Router {
    let shown = Shown {
        board: board.clone(),
        exposition: Exposition::new(counts, board),
    };
    Router::new()
        .route("/", get(|| async { Redirect::to("/status") }))
        .route("/status", get(page::html))
        .route("/status.json", get(json))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .fallback(|| async { says(StatusCode::NOT_FOUND, "404 page not found") })
        .layer(axum::middleware::map_response(guarded))
        .with_state(Arc::new(shown))
}

/// Nothing is kept by anybody in between, nor taken for what it is not.
async fn guarded(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

async fn json(State(shown): State<Arc<Shown>>) -> Response {
    Json(shown.board.view()).into_response()
}

/// 200 for a leader and for a standby that could take over; 503 with the reason for what is neither.
async fn health(State(shown): State<Arc<Shown>>) -> Response {
    match shown.board.health() {
        Ok(role) => says(StatusCode::OK, role.as_str()),
        Err(reason) => says(StatusCode::SERVICE_UNAVAILABLE, &reason),
    }
}

async fn metrics(State(shown): State<Arc<Shown>>) -> Response {
    match shown.exposition.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => says(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// One line of plain text.
fn says(status: StatusCode, line: &str) -> Response {
    (status, format!("{line}\n")).into_response()
}
