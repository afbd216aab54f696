//! Hands requests to the process that takes them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::uri::{PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::body::Answer;
use super::invocations::{Call, Cause};
use super::trigger::TICK;
use super::upstream::{Entered, Upstream};
use super::{From, Host, Inner};

/// The largest body: a little more than the 4 MiB that any function takes, so that it is the function that refuses.
const LARGEST: usize = 5 << 20;
/// Requests at once, those that wait for a process included: as many as one function may have in the cloud, and some.
const AT_ONCE: usize = 1100;
/// How long a request waits for a process that takes it.
const PATIENCE: Duration = Duration::from_secs(15);
/// Processes that a request is given to before it is given up.
const TRIES: u32 = 4;

/// How long one that was not answered waits until it is known that its process died.
const MOURNING: Duration = Duration::from_millis(500);

/// Takes out what concerns one connection only (RFC 9110, section 7.6.1).
fn disconnect(headers: &mut HeaderMap) {
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ] {
        headers.remove(name);
    }
}

struct Proxy {
    host: Arc<Inner>,
    from: From,
    client: Client<HttpConnector, Body>,
    room: Arc<Semaphore>,
}

pub(super) fn router(host: &Host, from: From) -> Router {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let proxy = Proxy {
        host: Arc::clone(&host.0),
        from,
        client: Client::builder(TokioExecutor::new()).build(connector),
        room: Arc::new(Semaphore::new(AT_ONCE)),
    };
    Router::new().fallback(hand_on).with_state(Arc::new(proxy))
}

async fn hand_on(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    if proxy.from == From::Outside && proxy.host.routes.is_inner(parts.uri.path()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let call = proxy.call(&parts);
    let (answer, tries) = proxy.answer(parts, body).await;
    let answer = answer.unwrap_or_else(IntoResponse::into_response);
    if let Some(call) = call {
        let status = answer.status().as_u16();
        let books = &proxy.host.invocations;
        books.note(call, status, started.elapsed(), tries);
    }
    answer
}

/// Why there is no answer of a function.
enum No {
    TooLarge,
    Busy,
    Away,
    Died,
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let (status, why) = match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the request is too large"),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too many requests are under way",
            ),
            Self::Away => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the functions are not running; their log says why",
            ),
            Self::Died => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the functions ended over this request; their log says why",
            ),
        };
        let again = [(header::RETRY_AFTER, "1")];
        (status, again, format!("{why}\n")).into_response()
    }
}

impl Proxy {
    /// What is called; nothing where it is no function's.
    fn call(&self, parts: &Parts) -> Option<Call> {
        let found = self
            .host
            .routes
            .find(parts.method.as_str(), parts.uri.path())?;
        Some(Call {
            at: self.host.clock.now(),
            function: found.function,
            method: parts.method.to_string(),
            route: found.path,
            cause: cause(&parts.headers),
        })
    }

    /// The answer, with how many processes the request was given to, at least one.
    async fn answer(&self, parts: Parts, body: Body) -> (Result<Response, No>, u32) {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            return (Err(No::Busy), 1);
        };
        let Ok(body) = axum::body::to_bytes(body, LARGEST).await else {
            return (Err(No::TooLarge), 1);
        };
        let deadline = Instant::now() + PATIENCE;
        for tries in 1..=TRIES {
            let Some((entered, at)) = self.process(deadline).await else {
                return (Err(No::Away), tries);
            };
            match self.ask(at, &parts, body.clone()).await {
                Ok(answer) => return (Ok(passed(answer, (entered, place))), tries),
                Err(error) => tracing::warn!(%error, tries, "the functions did not answer"),
            }
            self.replaced(at).await;
        }
        (Err(No::Died), TRIES)
    }

    /// The process that takes requests; waits for one until `deadline`.
    async fn process(&self, deadline: Instant) -> Option<(Entered, SocketAddr)> {
        let mut current = self.host.current.subscribe();
        let there = timeout_at(deadline, current.wait_for(Option::is_some)).await;
        // Entered while it cannot be replaced, so that nobody takes it for drained.
        let there = there.ok()?.ok()?;
        let upstream = there.as_ref()?;
        Some((upstream.enter(), upstream.address))
    }

    /// Waits until the process at `address` takes no more requests, or turns out to be well.
    async fn replaced(&self, address: SocketAddr) {
        let mut current = self.host.current.subscribe();
        let other = |there: &Option<Upstream>| there.as_ref().is_none_or(|u| u.address != address);
        let _well = timeout(MOURNING, current.wait_for(other)).await;
    }

    async fn ask(
        &self,
        to: SocketAddr,
        parts: &Parts,
        body: Bytes,
    ) -> Result<hyper::Response<Incoming>, hyper_util::client::legacy::Error> {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = address(to, &parts.uri);
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = headers(parts);
        self.client.request(request).await
    }
}

fn address(to: SocketAddr, uri: &Uri) -> Uri {
    let mut address = axum::http::uri::Parts::default();
    address.scheme = Some(Scheme::HTTP);
    address.authority = to.to_string().parse().ok();
    let path = uri.path_and_query().cloned();
    address.path_and_query = Some(path.unwrap_or(PathAndQuery::from_static("/")));
    Uri::from_parts(address).unwrap_or_default()
}

/// As they came, without those of the connection; the length is that of the body as it was read.
fn headers(parts: &Parts) -> HeaderMap {
    let mut headers = parts.headers.clone();
    disconnect(&mut headers);
    if parts.method == Method::GET || parts.method == Method::HEAD {
        headers.remove(header::CONTENT_LENGTH);
    }
    // HTTP/2 says it elsewhere.
    if let Some(authority) = parts.uri.authority()
        && let Ok(value) = HeaderValue::from_str(authority.as_str())
    {
        headers.entry(header::HOST).or_insert(value);
    }
    headers
}

fn passed(answer: hyper::Response<Incoming>, held: (Entered, OwnedSemaphorePermit)) -> Response {
    let (mut parts, body) = answer.into_parts();
    disconnect(&mut parts.headers);
    parts.version = Version::HTTP_11;
    Response::from_parts(parts, Answer::body(body, held))
}

/// A push tells of itself by its headers (<https://cloud.google.com/pubsub/docs/payload-unwrapping>).
fn cause(headers: &HeaderMap) -> Cause {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.contains_key(TICK) {
        return Cause::Tick;
    }
    let subscription = text("x-goog-pubsub-subscription-name");
    match (subscription, text("x-goog-pubsub-message-id")) {
        (Some(subscription), Some(message)) => Cause::Push {
            subscription: subscription.to_owned(),
            message: message.to_owned(),
        },
        _ => Cause::Request,
    }
}
