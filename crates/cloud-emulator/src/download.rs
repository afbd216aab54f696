//! The buildlet that machines load when they boot.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// `GET /buildlet/<name>`: this file, whatever the name; 404 without one.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(file: Option<PathBuf>) -> Router<S> {
    let file: Arc<Option<PathBuf>> = Arc::new(file);
    Router::new().route("/buildlet/{name}", get(move || send(Arc::clone(&file))))
}

async fn send(file: Arc<Option<PathBuf>>) -> Response {
    let Some(path) = file.as_ref() else {
        return (StatusCode::NOT_FOUND, "no --buildlet was given\n").into_response();
    };
    match tokio::fs::read(path).await {
        Ok(bytes) => bytes.into_response(),
        Err(error) => {
            let said = format!("cannot read {}: {error}\n", path.display());
            (StatusCode::INTERNAL_SERVER_ERROR, said).into_response()
        }
    }
}
