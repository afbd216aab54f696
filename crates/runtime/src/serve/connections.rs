//! Connections: so many at once, and none for long that nothing is asked on. Nobody keeps others out by being there.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::under_way::UnderWay;

/// After the listener failed: there may be file descriptors again.
const PAUSE: Duration = Duration::from_millis(100);

/// Bounds on connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Open at once; the next ones wait in the system's queue.
    most: usize,
    /// How long one is kept while nothing is asked on it, at least; at most twice that.
    idle: Duration,
}

/// A platform gives one instance at most a thousand requests at once
/// (<https://cloud.google.com/run/docs/about-concurrency>), and balancers hold some connections in reserve.
pub(super) const LIMITS: Limits = Limits {
    most: 2048,
    idle: Duration::from_secs(60),
};

/// Serves `router` on `listener` until `shutdown`, and then what is under way.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept(), if open.len() < limits.most => match accepted {
                Ok((stream, _)) => {
                    open.spawn(attend(stream, router.clone(), limits.idle, shutdown.clone()));
                }
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    sleep(PAUSE).await;
                }
            },
            Some(ended) = open.join_next() => note(ended),
        }
    }
    drop(listener);
    while let Some(ended) = open.join_next().await {
        note(ended);
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "an answer panicked");
    }
}

/// Answers what is asked on one connection.
async fn attend(stream: TcpStream, router: Router, idle: Duration, shutdown: CancellationToken) {
    // Without this an answer of two writes waits for the peer's delayed acknowledgement: 40 ms.
    drop(stream.set_nodelay(true));
    let asked = Arc::new(UnderWay::default());
    let asking = Arc::clone(&asked);
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, entered) = (router.clone(), asking.enter());
        async move {
            let answer = router.oneshot(request.map(Body::new)).await?;
            Ok::<_, Infallible>(answer.map(|body| entered.until_sent(body)))
        }
    });
    let builder = Builder::new(TokioExecutor::new());
    let mut served = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut left = std::pin::pin!(asked.stopped(idle));
    let mut asked_to_end = false;
    loop {
        tokio::select! {
            ended = &mut served => {
                if let Err(error) = ended {
                    tracing::debug!(error, "a connection ended early");
                }
                return;
            }
            () = &mut left => return,
            () = shutdown.cancelled(), if !asked_to_end => {
                asked_to_end = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    async fn served(router: Router, limits: Limits) -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, router, limits, CancellationToken::new()));
        (address, tasks)
    }

    async fn sent(to: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// What comes until the other end closes.
    async fn heard(mut stream: TcpStream) -> String {
        let mut text = String::new();
        let read = stream.read_to_string(&mut text);
        timeout(PATIENCE, read).await.unwrap().unwrap();
        text
    }

    #[tokio::test]
    async fn those_that_are_too_many_wait_and_are_served_later() {
        const MOST: usize = 3;
        let (here, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let highest = Arc::clone(&peak);
        let crowded = move || async move {
            peak.fetch_max(here.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Everybody else who may come does.
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            here.fetch_sub(1, Ordering::SeqCst);
        };
        let limits = Limits {
            most: MOST,
            idle: PATIENCE,
        };
        let (address, _tasks) = served(Router::new().route("/", get(crowded)), limits).await;
        let request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        let mut asking = JoinSet::new();
        for _ in 0..20 * MOST {
            asking.spawn(async move { heard(sent(address, request).await).await });
        }
        for answer in asking.join_all().await {
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
        assert_eq!(highest.load(Ordering::SeqCst), MOST);
    }

    #[tokio::test]
    async fn one_that_nothing_is_asked_on_is_closed_and_no_other() {
        let may_answer = Arc::new(Notify::new());
        let answer = Arc::clone(&may_answer);
        let router = Router::new()
            .route("/", get("at once"))
            .route("/slow", get(move || async move { answer.notified().await }));
        let limits = Limits {
            most: 2,
            idle: Duration::from_millis(20),
        };
        let (address, _tasks) = served(router, limits).await;
        let slow = "GET /slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        let slow = sent(address, slow).await;
        // Each takes the other place, and lasts as long as nobody may be idle.
        for text in [
            "",
            "P",
            "GET / HTTP/1.1\r\nHos",
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        ] {
            let said = heard(sent(address, text).await).await;
            let whole = text.ends_with("\r\n\r\n");
            assert_eq!(said.ends_with("at once"), whole, "{text:?}: {said}");
        }
        may_answer.notify_one();
        assert!(heard(slow).await.starts_with("HTTP/1.1 200 "));
    }
}
