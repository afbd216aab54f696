//! The machine's side.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::sync::mpsc;
use yamux::Mode;

use super::{Multiplexed, Stream, fault, multiplex, stream};
use crate::revdial::place::Places;
use crate::stream::{BoxStream, Duplex};

/// The connection of a session.
pub(in crate::revdial) struct Streams<S>(Multiplexed<S>);

impl<S: Duplex> Streams<S> {
    /// On a registered connection.
    pub fn new(control: S) -> Self {
        Self(multiplex(control, Mode::Server))
    }

    /// Waits for the stream of lines; how the connection ended if none comes.
    pub async fn first(&mut self) -> Result<Stream, Option<io::Error>> {
        match poll_fn(|context| self.0.poll_next_inbound(context)).await {
            Some(Ok(lines)) => Ok(stream(lines)),
            Some(Err(error)) => Err(fault(error)),
            None => Err(None),
        }
    }

    /// Hands streams over until the connection ends; how it did. One more than may be open is reset, and so is one that
    /// nobody waits for: `accepted` has a place for each.
    pub async fn accept(mut self, accepted: mpsc::Sender<BoxStream>) -> Option<io::Error> {
        let places = Places::new();
        poll_fn(|context| {
            loop {
                match self.0.poll_next_inbound(context) {
                    Poll::Ready(Some(Ok(opened))) => match places.take() {
                        Some(place) => drop(accepted.try_send(place.hold(stream(opened)))),
                        None => tracing::debug!("the hub opens more connections than there may be"),
                    },
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(fault(error)),
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }
}
