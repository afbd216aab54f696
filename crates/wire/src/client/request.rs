//! Requests on their way to one buildlet, with what every one of them carries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use http_body::Body as _;
use hyper::body::Incoming;

use super::body::{self, Body};
use super::connection::{Connection, Pool};
use super::{ERROR_TEXT, QUICK, SHORT_ANSWER, TransportError};
use crate::stream::Connect;

/// Names the buildlet where many stand behind one address (`buildlet.md` 15).
pub(super) const BEHIND: HeaderName = HeaderName::from_static("x-buildlet-proxy");

/// How one buildlet is reached, and with which credentials.
pub(super) struct Route {
    pub pool: Pool,
    pub host: HeaderValue,
    pub authorization: Option<HeaderValue>,
    pub behind: Option<HeaderValue>,
}

impl Route {
    pub fn new(connect: Arc<dyn Connect>, host: &str) -> Self {
        Self {
            pool: Pool::new(connect),
            host: HeaderValue::from_str(host).unwrap_or(HeaderValue::from_static("")),
            authorization: None,
            behind: None,
        }
    }

    /// The same way with connections of its own.
    pub fn sibling(&self) -> Self {
        Self {
            pool: self.pool.sibling(),
            host: self.host.clone(),
            authorization: self.authorization.clone(),
            behind: self.behind.clone(),
        }
    }

    /// HTTP Basic credentials.
    pub fn log_in(&mut self, user: &str, password: &str) {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let text = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        // Base64 always fits a header.
        self.authorization = HeaderValue::from_str(&text).ok();
        self.authorization
            .iter_mut()
            .for_each(|value| value.set_sensitive(true));
    }

    /// Adds what every request carries, and says of one that should have a body that it has none: some endpoints insist.
    pub fn sign(&self, request: &mut Request<Body>) {
        let bodiless = !matches!(*request.method(), Method::GET | Method::HEAD);
        let bodiless = bodiless && request.body().is_end_stream();
        let headers = request.headers_mut();
        if bodiless {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        headers.insert(header::HOST, self.host.clone());
        let own = [
            (header::AUTHORIZATION, &self.authorization),
            (BEHIND, &self.behind),
        ];
        for (name, value) in own {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
    }

    /// Sends a request and waits for the head of its answer. A connection from the pool that turns out dead before
    /// anything was sent is replaced.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<(Connection, Response<Incoming>), TransportError> {
        let form = body.is_form();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::USER_AGENT, "farmhand")
            .body(body)
            .map_err(|error| TransportError::Protocol(error.to_string()))?;
        self.sign(&mut request);
        if form {
            request.headers_mut().insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            );
        }
        self.pool.send(request).await
    }

    /// One exchange with a short answer, all of it within `limit`.
    pub async fn short(
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
            self.pool.put(connection);
            Ok(text)
        };
        tokio::time::timeout(limit, exchange)
            .await
            .map_err(|_| TransportError::HeaderTimeout)?
    }
}

/// The answer if it is 200, else an error with the beginning of its text.
pub(super) async fn expect_ok(answer: Response<Incoming>) -> Result<Incoming, TransportError> {
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
