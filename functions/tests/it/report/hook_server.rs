//! Somebody else's webhook.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How calls are answered.
#[derive(Clone, Copy)]
pub enum Manner {
    /// With this status.
    Answers(u16),
    /// To another address.
    Redirects,
    /// Not at all.
    Hangs,
}

/// What has been called.
pub struct Called {
    pub headers: HeaderMap,
    pub body: Bytes,
}

pub struct HookServer {
    pub url: String,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

struct Shared {
    manner: Mutex<Manner>,
    calls: Mutex<Vec<Called>>,
    called: Notify,
}

impl HookServer {
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/hook?token=s3cret",
            listener.local_addr().unwrap()
        );
        let shared = Arc::new(Shared {
            manner: Mutex::new(manner),
            calls: Mutex::default(),
            called: Notify::new(),
        });
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            shared,
            _serving: serving,
        }
    }

    pub fn behave(&self, manner: Manner) {
        *self.shared.manner.lock() = manner;
    }

    /// What has been called so far.
    pub fn calls(&self) -> Vec<Called> {
        std::mem::take(&mut *self.shared.calls.lock())
    }

    /// Until it is called once more.
    pub async fn called(&self) {
        self.shared.called.notified().await;
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    shared.calls.lock().push(Called { headers, body });
    shared.called.notify_one();
    let manner = *shared.manner.lock();
    match manner {
        Manner::Answers(status) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, "x".repeat(1 << 20)).into_response()
        }
        Manner::Redirects => {
            (StatusCode::TEMPORARY_REDIRECT, [("location", "/other")]).into_response()
        }
        Manner::Hangs => std::future::pending().await,
    }
}
