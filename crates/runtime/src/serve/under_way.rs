//! What is asked on a connection: requests from their heads to the last bytes of their answers.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::sleep;

/// Counts of one connection.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    now: AtomicUsize,
    /// All that there were, which may wrap.
    ever: AtomicUsize,
}

/// A request that is under way, counted until this is dropped.
#[derive(Debug)]
pub(super) struct Entered(Arc<UnderWay>);

impl UnderWay {
    /// One request more.
    pub(super) fn enter(self: &Arc<Self>) -> Entered {
        self.now.fetch_add(1, Ordering::Relaxed);
        self.ever.fetch_add(1, Ordering::Relaxed);
        Entered(Arc::clone(self))
    }

    /// Returns when nothing has been under way for `idle`, and not much later. Looks from time to time: a timer for each
    /// request would cost more.
    pub(super) async fn stopped(&self, idle: Duration) {
        let mut before = self.ever.load(Ordering::Relaxed);
        loop {
            sleep(idle).await;
            let ever = self.ever.load(Ordering::Relaxed);
            if ever == before && self.now.load(Ordering::Relaxed) == 0 {
                return;
            }
            before = ever;
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
        // The time begins now.
        self.0.ever.fetch_add(1, Ordering::Relaxed);
    }
}

impl Entered {
    /// `body`, with which the request is under way.
    pub(super) fn until_sent(self, body: Body) -> Body {
        Body::new(Sent {
            body,
            _entered: self,
        })
    }
}

struct Sent {
    body: Body,
    _entered: Entered,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
