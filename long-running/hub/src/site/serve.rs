//! Serving one request on one connection, within bounds.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
use tokio::time::{sleep, timeout};
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

/// For all of an exchange, but for one whose answer is [`Unhurried`].
const WHOLE: Duration = Duration::from_secs(60);

/// For a visitor without a place to take the answer.
const SHORT: Duration = Duration::from_secs(2);

/// Of an answer, in memory.
const BUFFER: usize = 64 << 10;

/// An extension of answers that may take as long as somebody reads them: they have places and bounds of their own.
#[derive(Debug, Clone, Copy)]
pub struct Unhurried;

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
        self.exchange(stream).await;
    }

    /// The same for a probe, which needs no place: a hub full of visitors is not a dead one. Only for what is answered at
    /// once and in a few bytes, the head of its request read already.
    pub async fn probed<S: Duplex + 'static>(&self, stream: S) {
        self.exchange(stream).await;
    }

    async fn exchange<S: Duplex + 'static>(&self, stream: S) {
        let unhurried = AtomicBool::new(false);
        let service = service_fn(|request: Request<Incoming>| {
            let answer = self.router.clone().oneshot(request.map(Body::new));
            let unhurried = &unhurried;
            async move {
                let answer: Result<_, Infallible> = answer.await;
                answer.inspect(|answer| {
                    let is = answer.extensions().get::<Unhurried>().is_some();
                    unhurried.store(is, Ordering::Relaxed);
                })
            }
        });
        let served = http1::Builder::new()
            .keep_alive(false)
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(Patient::new(stream, STALL)), service);
        tokio::select! {
            served = served => {
                if let Err(error) = served {
                    tracing::debug!(%error, "an answer was not taken");
                }
            }
            () = over(&unhurried) => tracing::debug!("an answer was not taken in time"),
        }
    }
}

/// Returns when an exchange that begins now has lasted too long.
async fn over(unhurried: &AtomicBool) {
    sleep(WHOLE).await;
    if unhurried.load(Ordering::Relaxed) {
        std::future::pending().await
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

#[cfg(test)]
mod tests {
    use axum::response::Response;
    use axum::routing::get;
    use futures::stream;
    use tokio::io::{AsyncReadExt, DuplexStream};
    use tokio::task::JoinSet;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

    fn visit(site: &Site, visitors: &mut JoinSet<()>) -> DuplexStream {
        let (near, far) = tokio::io::duplex(1 << 12);
        let site = site.clone();
        visitors.spawn(async move { site.serve(far).await });
        near
    }

    async fn answer(mut stream: DuplexStream) -> String {
        let mut text = String::new();
        stream.write_all(REQUEST).await.unwrap();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn visitors_without_a_place_are_turned_away_at_once() {
        let counts = Counts::default();
        let clock = Clock::manual(farm_model::Timestamp::UNIX_EPOCH);
        let router = Router::new().route("/", get("a page"));
        let site = Site::new(router, counts.clone(), clock);
        let mut visitors = JoinSet::new();
        // They say nothing, and hold their places.
        let silent: Vec<_> = (0..MAX_VISITORS)
            .map(|_| visit(&site, &mut visitors))
            .collect();
        while site.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let text = answer(visit(&site, &mut visitors)).await;
        assert!(text.starts_with("HTTP/1.1 503 "), "{text}");
        assert_eq!(counts.turned_away.get(), 1);
        // A probe needs none.
        let (near, far) = tokio::io::duplex(1 << 12);
        let text = tokio::join!(answer(near), site.probed(far)).0;
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
        drop(silent);
        while site.places.available_permits() < MAX_VISITORS {
            tokio::task::yield_now().await;
        }
        let text = answer(visit(&site, &mut visitors)).await;
        assert!(
            text.starts_with("HTTP/1.1 200 ") && text.ends_with("a page"),
            "{text}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_visitor_who_does_not_say_what_he_wants_is_sent_away() {
        let clock = Clock::manual(farm_model::Timestamp::UNIX_EPOCH);
        let site = Site::new(Router::new(), Counts::default(), clock);
        let mut visitors = JoinSet::new();
        let mut stream = visit(&site, &mut visitors);
        stream.write_all(b"GET / HT").await.unwrap();
        let began = tokio::time::Instant::now();
        visitors.join_next().await.unwrap().unwrap();
        assert!(began.elapsed() <= 2 * HEAD, "{:?}", began.elapsed());
    }

    /// How long a visitor is answered who takes a few bytes a second of an answer without an end.
    async fn lasts(
        answer: impl Fn() -> Response + Clone + Send + Sync + 'static,
    ) -> Option<Duration> {
        let clock = Clock::manual(farm_model::Timestamp::UNIX_EPOCH);
        let router = Router::new().route("/", get(async move || answer()));
        let site = Site::new(router, Counts::default(), clock);
        let mut visitors = JoinSet::new();
        let mut stream = visit(&site, &mut visitors);
        stream.write_all(REQUEST).await.unwrap();
        let began = tokio::time::Instant::now();
        while began.elapsed() < 10 * WHOLE {
            if stream.read(&mut [0; 64]).await.unwrap() == 0 {
                visitors.join_next().await.unwrap().unwrap();
                return Some(began.elapsed());
            }
            sleep(Duration::from_secs(1)).await;
        }
        None
    }

    fn endless() -> Body {
        let piece = || Some((Ok::<_, Infallible>(vec![b'x'; 100]), ()));
        Body::from_stream(stream::unfold((), move |()| async move { piece() }))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_sipped_ends_unless_it_has_a_place_of_its_own() {
        let page = lasts(|| Response::new(endless())).await.unwrap();
        assert!(page >= WHOLE && page < 3 * WHOLE, "{page:?}");
        let blob = lasts(|| {
            let mut answer = Response::new(endless());
            answer.extensions_mut().insert(Unhurried);
            answer
        });
        assert_eq!(blob.await, None);
    }
}
