//! Version 3: yamux streams on one connection. The hub is the yamux client and opens all streams, the first for lines.
//!
//! A stream's window begins at 256 KiB and grows with what the way to the machine can hold; all that grows in a session
//! shares 16 MiB. With at most [`MAX_CONNECTIONS`] streams a session buffers at most 33 MiB, however its peer behaves;
//! at rest it holds no buffer.

mod gather;
mod hub;
mod machine;

pub(super) use hub::{Dialing, Work, prepare, run_hub};
pub(super) use machine::Streams;

use std::io;

use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use yamux::{Config, Connection, ConnectionError, DEFAULT_CREDIT, FrameDecodeError, Mode};

use super::MAX_CONNECTIONS;
use gather::Gather;

/// Streams that yamux may know, those included that ended but were not swept yet; above this a session ends.
const MAX_KNOWN: usize = 3 * MAX_CONNECTIONS;
/// What all windows of a session may grow by.
const MAX_GROWTH: usize = 16 << 20;
/// With its header of twelve bytes a frame fills four TLS records, which is what leaves in one write: a quarter of the calls
/// that frames of one record take, and other streams wait for so much at most.
const MAX_FRAME: usize = 64 << 10;
const MAX_FRAME_BODY: usize = MAX_FRAME - 12;

/// The connection below the streams; boxed, since it is passed on.
type Multiplexed<S> = Box<Connection<Compat<Gather<S>>>>;
/// One stream.
pub(super) type Stream = Compat<yamux::Stream>;

fn multiplex<S: crate::stream::Duplex>(stream: S, mode: Mode) -> Multiplexed<S> {
    let mut config = Config::default();
    config.set_max_num_streams(MAX_KNOWN);
    config
        .set_max_connection_receive_window(Some(MAX_KNOWN * DEFAULT_CREDIT as usize + MAX_GROWTH));
    config.set_split_send_size(MAX_FRAME_BODY);
    Box::new(Connection::new(Gather::new(stream).compat(), config, mode))
}

fn stream(stream: yamux::Stream) -> Stream {
    stream.compat()
}

/// A connection's end as an error; `None` if it was closed in good order.
fn fault(error: ConnectionError) -> Option<io::Error> {
    match error {
        ConnectionError::Closed => None,
        ConnectionError::Io(error) | ConnectionError::Decode(FrameDecodeError::Io(error)) => {
            Some(error)
        }
        other => Some(io::Error::new(io::ErrorKind::InvalidData, other)),
    }
}
