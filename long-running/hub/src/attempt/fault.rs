//! What goes wrong on our side of an upload.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use parking_lot::Mutex;

/// The first error of a stream that is sent: the client only says that the body broke off.
#[derive(Clone, Default)]
pub struct Fault(Arc<Mutex<Option<String>>>);

impl Fault {
    /// The same stream, watched.
    pub fn watch(
        &self,
        stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> BoxStream<'static, io::Result<Bytes>> {
        let fault = self.clone();
        stream
            .inspect_err(move |error| *fault.0.lock() = Some(error.to_string()))
            .boxed()
    }

    /// What went wrong.
    pub fn take(&self) -> Option<String> {
        self.0.lock().take()
    }
}
