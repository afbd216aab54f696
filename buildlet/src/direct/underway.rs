//! How many requests are being answered: whoever ends waits for those, and not for connections that are merely open.

use std::io;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use tokio::sync::watch;

use crate::http::{Connection, Handler, Request};

/// A count. Clones are the same count.
#[derive(Clone)]
pub(super) struct Underway(Arc<watch::Sender<usize>>);

impl Default for Underway {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Underway {
    /// `handler`, its requests counted.
    pub(super) fn counting<'a>(&'a self, handler: &'a dyn Handler) -> Counting<'a> {
        Counting {
            underway: self,
            handler,
        }
    }

    /// Waits until nothing is being answered.
    pub(super) async fn none(&self) {
        // The sender lives in `self`.
        drop(self.0.subscribe().wait_for(|count| *count == 0).await);
    }

    fn one(&self) -> One<'_> {
        self.0.send_modify(|count| *count += 1);
        One(self)
    }
}

struct One<'a>(&'a Underway);

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

pub(super) struct Counting<'a> {
    underway: &'a Underway,
    handler: &'a dyn Handler,
}

impl Handler for Counting<'_> {
    fn handle<'a>(
        &'a self,
        request: Request,
        connection: &'a mut Connection,
    ) -> BoxFuture<'a, io::Result<()>> {
        async move {
            let _counted = self.underway.one();
            self.handler.handle(request, connection).await
        }
        .boxed()
    }
}
