//! Those who read pages: so many at once, one request each, and nobody for long.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::says;

/// Who is answered at once.
const MAX_VISITORS: usize = 128;

/// Connections at once, those who are turned away included; the next ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 256;

/// For the head of a request to arrive.
const HEAD: Duration = Duration::from_secs(10);

/// For all of an exchange; at shutdown, too.
const WHOLE: Duration = Duration::from_secs(30);

/// Of an answer that waits to be taken, in bytes.
const BUFFER: usize = 64 << 10;

/// After the listener failed: there may be file descriptors again.
const PAUSE: Duration = Duration::from_millis(100);

/// Pages, and places for those who read them. Clones share the places.
#[derive(Clone)]
pub(super) struct Visitors {
    pages: Router,
    places: Arc<Semaphore>,
}

impl Visitors {
    /// With all places free.
    pub(super) fn of(pages: Router) -> Self {
        let places = Arc::new(Semaphore::new(MAX_VISITORS));
        Self { pages, places }
    }

    /// Answers whoever comes until `shutdown`, and then those who are there.
    pub(super) async fn welcome(self, listener: TcpListener, shutdown: CancellationToken) {
        let mut visits = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = listener.accept(), if visits.len() < MAX_CONNECTIONS => match accepted {
                    Ok((stream, _)) => {
                        // An answer of two writes would wait for the peer to acknowledge the first.
                        drop(stream.set_nodelay(true));
                        visits.spawn(self.clone().visit(stream));
                    }
                    Err(error) => {
                        tracing::error!(%error, "cannot accept those who read the status page");
                        sleep(PAUSE).await;
                    }
                },
                Some(ended) = visits.join_next() => {
                    if let Err(error) = ended && error.is_panic() {
                        tracing::error!(%error, "an answer panicked");
                    }
                }
            }
        }
        while visits.join_next().await.is_some() {}
    }

    /// Answers one request on `stream`, and closes it.
    async fn visit<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S) {
        let place = self.places.try_acquire();
        let pages = match &place {
            Ok(_) => self.pages.clone(),
            Err(_) => Router::new().fallback(full),
        };
        let service =
            service_fn(|request: Request<Incoming>| pages.clone().oneshot(request.map(Body::new)));
        let served = http1::Builder::new()
            .keep_alive(false)
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        match timeout(WHOLE, served).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "an answer was not taken"),
            Err(_) => tracing::debug!("an answer was not taken in time"),
        }
    }
}

async fn full() -> Response {
    let line = "too many visitors; try again";
    says(StatusCode::SERVICE_UNAVAILABLE, line)
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::time::Instant;

    use super::*;

    fn visitors() -> Visitors {
        let large = "x".repeat(1 << 20);
        let pages = Router::new()
            .route("/", get("a page"))
            .route("/large", get(move || async move { large }));
        Visitors::of(pages)
    }

    fn visit(visitors: &Visitors, visits: &mut JoinSet<()>) -> DuplexStream {
        let (near, far) = tokio::io::duplex(1 << 12);
        visits.spawn(visitors.clone().visit(far));
        near
    }

    async fn answer(mut stream: DuplexStream, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_there_are_places_for_are_told_so_and_silent_ones_lose_theirs() {
        let (visitors, mut visits) = (visitors(), JoinSet::new());
        let silent: Vec<_> = (0..MAX_VISITORS)
            .map(|_| visit(&visitors, &mut visits))
            .collect();
        while visitors.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let turned_away = answer(visit(&visitors, &mut visits), "/").await;
        assert!(turned_away.starts_with("HTTP/1.1 503 "), "{turned_away}");
        let began = Instant::now();
        while visits.join_next().await.is_some() {}
        assert!(began.elapsed() <= 2 * HEAD, "{:?}", began.elapsed());
        drop(silent);
        let page = answer(visit(&visitors, &mut visits), "/").await;
        assert!(page.ends_with("a page"), "{page}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_taken_is_given_up() {
        let (visitors, mut visits) = (visitors(), JoinSet::new());
        let mut slow = visit(&visitors, &mut visits);
        let request = b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n";
        slow.write_all(request).await.unwrap();
        let began = Instant::now();
        visits.join_next().await.unwrap().unwrap();
        assert!(began.elapsed() <= WHOLE, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn whoever_is_there_at_shutdown_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let mut serving = JoinSet::new();
        serving.spawn(visitors().welcome(listener, shutdown.clone()));
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let mut other = tokio::net::TcpStream::connect(address).await.unwrap();
        let whole = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        other.write_all(whole).await.unwrap();
        let mut text = String::new();
        // The one that came first has been accepted by now.
        other.read_to_string(&mut text).await.unwrap();
        shutdown.cancel();
        stream.write_all(b"Host: h\r\n\r\n").await.unwrap();
        text.clear();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.ends_with("a page"), "{text}");
        serving.join_next().await.unwrap().unwrap();
    }
}
