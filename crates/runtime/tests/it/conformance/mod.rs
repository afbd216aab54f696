//! What any function runtime of Google Cloud is held to, case by case, as its clients see it: requests to a served router.
//! <https://github.com/GoogleCloudPlatform/functions-framework-conformance> has the cases; these are ours of the same kinds.

mod background;
mod binary;
mod http;
mod many;
mod push;
mod structured;

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::{any, post};
use farm_runtime::event::{CloudEvent, structured_json};
use farm_runtime::serve;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::serve::client;

/// A function that answers what it was given, and one that answers the event that it was called with.
fn functions() -> Router {
    let event = async |CloudEvent(event): CloudEvent| structured_json(&event).unwrap();
    Router::new()
        .route("/http", any(async |body: Bytes| body))
        .route("/event", post(event))
}

/// A runtime that serves as long as this lives.
struct Served {
    address: SocketAddr,
    client: reqwest::Client,
    _tasks: JoinSet<()>,
}

impl Served {
    async fn new(functions: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        let serving = serve::on(listener, functions, CancellationToken::new());
        tasks.spawn(async move { serving.await.unwrap() });
        Self {
            address,
            client: client(),
            _tasks: tasks,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What the function that takes events was called with, or how it was refused.
    async fn event(
        &self,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Result<Value, (StatusCode, String)> {
        let mut request = self.client.post(self.url("/event")).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        if status.is_success() {
            Ok(serde_json::from_str(&text).unwrap())
        } else {
            Err((status, text))
        }
    }

    async fn json(&self, kind: &str, body: &Value) -> Result<Value, (StatusCode, String)> {
        self.event(&[("content-type", kind)], body.to_string())
            .await
    }

    /// Holds that this is refused for good, and says why.
    async fn refuses(&self, headers: &[(&str, &str)], body: &str, why: &str) {
        let (status, said) = self.event(headers, body.to_owned()).await.unwrap_err();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{said}");
        assert!(said.contains(why), "{said:?} does not say {why:?}");
    }
}
