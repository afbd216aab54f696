//! The log of an attempt that runs here, as it comes: what is in memory, then what is printed until the end.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use farm_model::id::AttemptKey;
use futures::{Stream, stream};
use prometheus_client::metrics::gauge::Gauge;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::{Asked, Unhurried, says};
use crate::attempt::{Piece, Tail};
use crate::metrics::Counts;

/// Readers at once.
pub const MAX_READERS: usize = 100;

/// Says where an answer begins, or where what is held does.
const OFFSET: &str = "x-log-offset";

/// From where.
#[derive(Debug, Deserialize)]
pub struct From {
    /// In bytes of the stored log; without it, from the first byte in memory.
    offset: Option<u64>,
}

/// Streams the log from `offset` to the attempt's end.
pub async fn log(
    State(asked): State<Asked>,
    Path((build, run, job, attempt)): Path<(String, String, String, String)>,
    Query(from): Query<From>,
) -> Response {
    let name = format!("{build}/{run}/{job}/{attempt}");
    let key: AttemptKey = match name.parse() {
        Ok(key) => key,
        Err(error) => return says(StatusCode::BAD_REQUEST, &format!("{error}")),
    };
    let shown = &asked.shown;
    let Some(tail) = shown.tails.get(&key) else {
        let text = format!(
            "{key} does not run on this hub; what it printed is in logs/{key}/ of the bucket"
        );
        return says(StatusCode::NOT_FOUND, &text);
    };
    let Ok(place) = Arc::clone(&shown.bounds.readers).try_acquire_owned() else {
        let text = format!("{MAX_READERS} readers follow logs already; try again later");
        return says(StatusCode::SERVICE_UNAVAILABLE, &text);
    };
    let offset = from.offset.unwrap_or_else(|| tail.start());
    match tail.read(offset) {
        Piece::Passed { start } => {
            let text = format!(
                "bytes before {start} are no longer in memory: read them from logs/{key}/ of the bucket, and go on here with offset={start}"
            );
            unsatisfied(start, &text)
        }
        Piece::Ahead { end } => {
            let text = format!("the log has {end} bytes so far: offset is at most that");
            unsatisfied(end, &text)
        }
        _ => {
            let reader = Reader::new(tail, offset, place, &shown.counts);
            let head = [
                (
                    header::CONTENT_TYPE.as_str(),
                    "text/plain; charset=utf-8".to_owned(),
                ),
                (OFFSET, offset.to_string()),
            ];
            let body = Body::from_stream(reader.stream());
            (Extension(Unhurried), head, body).into_response()
        }
    }
}

fn unsatisfied(offset: u64, text: &str) -> Response {
    let head = [(OFFSET, offset.to_string())];
    (head, says(StatusCode::RANGE_NOT_SATISFIABLE, text)).into_response()
}

/// One who follows a log at his own pace.
struct Reader {
    tail: Arc<Tail>,
    changed: watch::Receiver<()>,
    offset: u64,
    cut: bool,
    counts: Counts,
    _counted: Counted,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    fn new(tail: Arc<Tail>, offset: u64, place: OwnedSemaphorePermit, counts: &Counts) -> Self {
        Self {
            changed: tail.watch(),
            tail,
            offset,
            cut: false,
            counts: counts.clone(),
            _counted: Counted::new(&counts.readers),
            _place: place,
        }
    }

    fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut reader| async {
            let piece = reader.next().await?;
            Some((Ok(piece), reader))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        while !self.cut {
            match self.tail.read(self.offset) {
                Piece::Bytes(bytes) => {
                    self.offset += bytes.len() as u64;
                    return Some(bytes);
                }
                // Whoever writes lives as long as the tail is open.
                Piece::Wait => self.changed.changed().await.ok()?,
                Piece::Passed { .. } => return Some(self.cut_off()),
                Piece::End | Piece::Ahead { .. } => return None,
            }
        }
        None
    }

    /// The build does not wait for a reader.
    fn cut_off(&mut self) -> Bytes {
        self.cut = true;
        self.counts.readers_cut.inc();
        let offset = self.offset;
        Bytes::from(format!(
            "\n[farm] you read too slowly and were cut off at byte {offset}: the log goes on there in the bucket\n"
        ))
    }
}

/// Counted as long as it is held.
struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    fn reader(tail: &Arc<Tail>, counts: &Counts) -> Reader {
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        Reader::new(Arc::clone(tail), 0, place, counts)
    }

    #[tokio::test]
    async fn a_reader_that_falls_behind_is_cut_off_and_told_where() {
        let (tail, counts) = (Arc::<Tail>::default(), Counts::default());
        let mut slow = reader(&tail, &counts);
        tail.push(b"first");
        assert_eq!(slow.next().await.unwrap(), "first");
        for _ in 0..30 {
            tail.push(&vec![b'x'; 100_000]);
        }
        let last = slow.next().await.unwrap();
        let text = String::from_utf8(last.to_vec()).unwrap();
        assert!(text.contains("cut off at byte 5:"), "{text}");
        assert_eq!(slow.next().await, None);
        assert_eq!((counts.readers.get(), counts.readers_cut.get()), (1, 1));
        drop(slow);
        assert_eq!(counts.readers.get(), 0);
    }

    #[tokio::test]
    async fn a_reader_that_waits_sees_what_comes_and_the_end() {
        let (tail, counts) = (Arc::<Tail>::default(), Counts::default());
        let mut follower = reader(&tail, &counts);
        let write = async {
            tail.push(b"one");
            tokio::task::yield_now().await;
            tail.push(b"two");
            tokio::task::yield_now().await;
            tail.close();
        };
        let read = async {
            let mut all = Vec::new();
            while let Some(piece) = follower.next().await {
                all.extend_from_slice(&piece);
            }
            all
        };
        assert_eq!(tokio::join!(read, write).0, b"onetwo");
    }
}
