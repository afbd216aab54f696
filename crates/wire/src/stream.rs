//! Byte streams, and what opens them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures::future::{BoxFuture, FutureExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How long a TCP connection may take to be made (`buildlet.md` 8.3).
pub const TCP_LIMIT: Duration = Duration::from_secs(10);

/// A stream of bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A stream whose kind does not matter.
pub type BoxStream = Box<dyn Duplex>;

/// Something that opens a new stream to one peer whenever asked.
pub trait Connect: Send + Sync {
    /// Opens a stream, within a limit of its own.
    fn connect(&self) -> BoxFuture<'_, io::Result<BoxStream>>;
}

/// A function as [`Connect`].
pub fn connect_fn<F, R>(open: F) -> impl Connect
where
    F: Fn() -> R + Send + Sync,
    R: Future<Output = io::Result<BoxStream>> + Send,
{
    ConnectFn(open)
}

struct ConnectFn<F>(F);

impl<F, R> Connect for ConnectFn<F>
where
    F: Fn() -> R + Send + Sync,
    R: Future<Output = io::Result<BoxStream>> + Send,
{
    fn connect(&self) -> BoxFuture<'_, io::Result<BoxStream>> {
        async move { (self.0)().await }.boxed()
    }
}

/// Plain TCP to `host:port`.
#[derive(Debug, Clone)]
pub struct TcpConnect {
    address: String,
}

impl TcpConnect {
    /// Nothing is resolved or opened yet.
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
        }
    }
}

impl Connect for TcpConnect {
    fn connect(&self) -> BoxFuture<'_, io::Result<BoxStream>> {
        async move { Ok(Box::new(tcp(&self.address).await?) as BoxStream) }.boxed()
    }
}

/// A TCP connection without Nagle's delay, made within [`TCP_LIMIT`].
pub(crate) async fn tcp(address: &str) -> io::Result<TcpStream> {
    let stream = tokio::time::timeout(TCP_LIMIT, TcpStream::connect(address))
        .await
        .map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, format!("no answer from {address}"))
        })??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A stream of which some bytes were read already: they come first.
#[derive(Debug)]
pub struct Prefixed<S> {
    prefix: Bytes,
    inner: S,
}

impl<S> Prefixed<S> {
    /// `prefix`, then what `inner` reads.
    pub fn new(prefix: Bytes, inner: S) -> Self {
        Self { prefix, inner }
    }

    /// What was read too far.
    pub fn prefix(&self) -> &Bytes {
        &self.prefix
    }

    /// The same with `earlier` before everything else.
    pub(crate) fn after(self, earlier: &Bytes) -> Self {
        let mut prefix = bytes::BytesMut::with_capacity(earlier.len() + self.prefix.len());
        prefix.extend_from_slice(earlier);
        prefix.extend_from_slice(&self.prefix);
        Self {
            prefix: prefix.freeze(),
            inner: self.inner,
        }
    }
}

impl<S> Prefixed<Prefixed<S>> {
    /// One layer instead of two.
    pub(crate) fn flatten(self) -> Prefixed<S> {
        let outer = self.prefix;
        self.inner.after(&outer)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.inner).poll_read(context, buffer);
        }
        let length = self.prefix.len().min(buffer.remaining());
        buffer.put_slice(&self.prefix[..length]);
        self.prefix.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_shutdown(context))?;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn bytes_read_too_far_come_first() {
        let mut stream = Prefixed::new(Bytes::from_static(b"ab"), &b"cd"[..]);
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "abcd");
        let rewound = Prefixed::new(Bytes::from_static(b"b"), ()).after(&Bytes::from_static(b"a"));
        assert_eq!(&rewound.prefix()[..], b"ab");
    }
}
