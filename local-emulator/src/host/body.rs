//! An answer's body with the request that it belongs to: that is under way until the last byte.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use tokio::sync::OwnedSemaphorePermit;

use super::upstream::Entered;

/// What the functions answer.
pub(super) struct Answer {
    body: Incoming,
    _held: (Entered, OwnedSemaphorePermit),
}

impl Answer {
    pub(super) fn body(body: Incoming, held: (Entered, OwnedSemaphorePermit)) -> Body {
        Body::new(Self { body, _held: held })
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
