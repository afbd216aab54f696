//! Serving one request on one connection, within bounds.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use farm_runtime::Clock;
use farm_wire::head::{Refusal, write_refusal};
use farm_wire::stream::Duplex;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::ServiceExt;

use super::patient::Patient;
use crate::acceptor::system_time;
use crate::metrics::Counts;

/// Visitors at once. Readers of logs and of blobs among them have bounds of their own, which leave room for others.
const MAX_VISITORS: usize = 256;

/// For the head of a request to arrive.
const HEAD: Duration = Duration::from_secs(10);

/// For a visitor to take something of an answer.
const STALL: Duration = Duration::from_secs(30);

/// For a visitor without a place to take the answer.
const SHORT: Duration = Duration::from_secs(2);

/// Of an answer, in memory.
const BUFFER: usize = 64 << 10;

/// Pages, and places for those who read them. Clones share the places.
#[derive(Clone)]
pub struct Site {
    router: Router,
    places: Arc<Semaphore>,
    counts: Counts,
    clock: Clock,
}

impl Site {
    /// With all places free.
    pub fn new(router: Router, counts: Counts, clock: Clock) -> Self {
        Self {
            router,
            places: Arc::new(Semaphore::new(MAX_VISITORS)),
            counts,
            clock,
        }
    }

    /// Answers one request on `stream`, and closes it. What goes wrong is the visitor's loss.
    pub async fn serve<S: Duplex + 'static>(&self, stream: S) {
        let Ok(_place) = self.places.try_acquire() else {
            self.counts.turned_away.inc();
            return turn_away(stream, &self.clock).await;
        };
        let service = service_fn(|request: Request<Incoming>| {
            let router = self.router.clone();
            async move {
                let answer: Result<_, Infallible> = router.oneshot(request.map(Body::new)).await;
                answer
            }
        });
        let served = http1::Builder::new()
            .keep_alive(false)
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(Patient::new(stream, STALL)), service)
            .await;
        if let Err(error) = served {
            tracing::debug!(%error, "an answer was not taken");
        }
    }
}

async fn turn_away(mut stream: impl Duplex, clock: &Clock) {
    let refusal = Refusal::new(503, "too many visitors; try again");
    let answer = async {
        write_refusal(&mut stream, &refusal, system_time(clock)).await?;
        stream.shutdown().await
    };
    drop(timeout(SHORT, answer).await);
}
