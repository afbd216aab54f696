//! The client of one buildlet (`buildlet.md` 11): over a direct connection or one picked up, it does not matter.

mod body;
mod connection;
mod error;
mod exec;
mod form;
mod heartbeat;
mod transfer;

pub use error::{RemoteError, TransportError};
pub use exec::{Exec, Running};
pub use transfer::Download;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;
use serde::Deserialize;

use crate::stream::Connect;
use body::Body;
use connection::{Connection, Pool};
use form::Form;

/// For `/status` and `/workdir`.
const QUICK: Duration = Duration::from_secs(10);
/// For `/halt`.
const HALT: Duration = Duration::from_secs(2);
/// For the answer of `/exec` to begin.
const HEADERS: Duration = Duration::from_secs(20);
/// Nothing moves for so long: the connection is given up.
const STALL: Duration = Duration::from_secs(120);
/// How much of an error's text is kept.
const ERROR_TEXT: usize = 4096;
/// How much of a short answer is read.
const SHORT_ANSWER: usize = 64 * 1024;

/// A buildlet. Clones share connections and state; when the last one is dropped, all its connections close.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    pool: Pool,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
    broken: AtomicBool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({:?})", self.0.host)
    }
}

/// What `/status` says. Unknown fields are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Status {
    /// The buildlet's version, 23 and more for revdial v2.
    pub version: i64,
}

impl Client {
    /// A client of whatever `connect` reaches; `host` is the value of `Host`, left empty if no header can hold it, which
    /// every buildlet takes. Nothing is opened yet.
    #[must_use]
    pub fn new(connect: Arc<dyn Connect>, host: &str) -> Self {
        let host = HeaderValue::from_str(host).unwrap_or(HeaderValue::from_static(""));
        Self::of(Pool::new(connect), host, None)
    }

    /// The same with a password. Connections are not shared with the client before.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let text = format!("Basic {}", STANDARD.encode(format!("gomote:{password}")));
        // Base64 always fits a header.
        let mut authorization = HeaderValue::from_str(&text).ok();
        authorization
            .iter_mut()
            .for_each(|value| value.set_sensitive(true));
        Self::of(self.0.pool.sibling(), self.0.host.clone(), authorization)
    }

    fn of(pool: Pool, host: HeaderValue, authorization: Option<HeaderValue>) -> Self {
        Self(Arc::new(Inner {
            pool,
            host,
            authorization,
            broken: AtomicBool::new(false),
        }))
    }

    /// Whether a time-out showed that this buildlet should not be used again.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.broken.load(Ordering::Relaxed)
    }

    /// Says that this buildlet should not be used again.
    pub fn mark_broken(&self) {
        self.0.broken.store(true, Ordering::Relaxed);
    }

    /// `GET /status`, within ten seconds.
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn status(&self) -> Result<Status, TransportError> {
        let text = self
            .short(Method::GET, "/status", Body::empty(), QUICK)
            .await?;
        serde_json::from_slice(&text).map_err(|error| TransportError::Protocol(error.to_string()))
    }

    /// `GET /workdir`: the absolute work dir, within ten seconds.
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn work_dir(&self) -> Result<String, TransportError> {
        let text = self
            .short(Method::GET, "/workdir", Body::empty(), QUICK)
            .await?;
        String::from_utf8(text.into())
            .map_err(|_| TransportError::Protocol("work dir is not UTF-8".to_owned()))
    }

    /// Removes paths relative to the work dir; `.` empties it. No paths: nothing is asked.
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn remove_all(&self, paths: &[&str]) -> Result<(), TransportError> {
        if paths.is_empty() {
            return Ok(());
        }
        let form = paths
            .iter()
            .fold(Form::default(), |form, path| form.with("path", path));
        self.short(Method::POST, "/removeall", form.into_body(), STALL)
            .await
            .map(drop)
    }

    /// Asks the buildlet to end, within two seconds. A dead one has ended: there is no error.
    pub async fn halt(&self) {
        if let Err(error) = self.short(Method::POST, "/halt", Body::empty(), HALT).await {
            tracing::debug!(%error, "halt was not answered");
        }
    }

    /// One exchange with a short answer, all of it within `limit`.
    async fn short(
        &self,
        method: Method,
        path: &str,
        body: Body,
        limit: Duration,
    ) -> Result<Bytes, TransportError> {
        let exchange = async {
            let (connection, answer) = self.send(method, path, body).await?;
            let mut answer = expect_ok(answer).await?;
            let text = body::collect(&mut answer, SHORT_ANSWER).await?;
            self.0.pool.put(connection);
            Ok(text)
        };
        tokio::time::timeout(limit, exchange)
            .await
            .map_err(|_| TransportError::HeaderTimeout)?
    }

    /// Sends a request and waits for the head of its answer. A connection from the pool that turns out dead before
    /// anything was sent is replaced.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<(Connection, Response<Incoming>), TransportError> {
        let form = body.is_form();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.0.host.clone())
            .header(header::USER_AGENT, "farmhand");
        if let Some(authorization) = &self.0.authorization {
            request = request.header(header::AUTHORIZATION, authorization.clone());
        }
        if form {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let request = request
            .body(body)
            .map_err(|error| TransportError::Protocol(error.to_string()))?;
        self.0.pool.send(request).await
    }
}

/// The answer if it is 200, else an error with the beginning of its text.
async fn expect_ok(answer: Response<Incoming>) -> Result<Incoming, TransportError> {
    let status = answer.status().as_u16();
    let mut body = answer.into_body();
    if status == 200 {
        return Ok(body);
    }
    let text = tokio::time::timeout(QUICK, body::collect(&mut body, ERROR_TEXT)).await;
    let text = text.ok().and_then(Result::ok).unwrap_or_default();
    Err(TransportError::Status {
        status,
        body: String::from_utf8_lossy(&text).trim_end().to_owned(),
    })
}
