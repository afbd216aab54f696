//! A server and a client.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tokio::task::JoinSet;

use farm_cloud_emulator::Bound;

/// Long enough for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An emulator that serves while this lives.
pub struct Server {
    pub address: SocketAddr,
    http: reqwest::Client,
    token: Option<&'static str>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub async fn start<F>(serve: impl FnOnce(Bound) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let bound = Bound::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = bound.address;
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(bound));
        let _set_before = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            address,
            http,
            token: None,
            _tasks: tasks,
        }
    }

    pub fn bring(&mut self, token: &'static str) {
        self.token = Some(token);
    }

    /// The status and the JSON of an answer.
    pub async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("http://{}{path}", self.address);
        let mut request = self.http.request(method, url);
        if !body.is_null() {
            request = request.json(&body);
        }
        if let Some(token) = self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(Method::PUT, path, body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        self.ask(Method::DELETE, path, Value::Null).await
    }
}

/// Asks until there is an answer.
pub async fn until<T, E: Debug>(what: &str, mut ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(found) => return found,
            Err(last) => assert!(
                Instant::now() < end,
                "waited for {what}; last seen: {last:?}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
