//! What yamux writes, made fit for TLS: one write a frame, and a deadline.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::revdial::WRITE_LIMIT;
use crate::stream::Duplex;

/// How much is gathered before it has to be written.
const FULL: usize = super::MAX_FRAME;
/// A buffer up to this size is kept.
const KEPT: usize = 256;

/// Yamux writes a frame's header and body singly, and flushes behind each frame: here they leave together, in one write. A
/// peer that takes nothing for [`WRITE_LIMIT`] is given up. At rest there is no buffer.
pub(super) struct Gather<S> {
    inner: S,
    waiting: Vec<u8>,
    /// How much of it is written.
    written: usize,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S: Duplex> Gather<S> {
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            waiting: Vec::new(),
            written: 0,
            stalled: None,
        }
    }

    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.waiting.len() {
            let rest = &self.waiting[self.written..];
            let polled = Pin::new(&mut self.inner).poll_write(context, rest);
            match ready!(self.watch(context, polled))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                length => self.written += length,
            }
        }
        self.written = 0;
        self.waiting.clear();
        self.waiting.shrink_to(KEPT);
        Poll::Ready(Ok(()))
    }

    /// The outcome of a write, or that it waits for too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(WRITE_LIMIT)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: Duplex> AsyncRead for Gather<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: Duplex> AsyncWrite for Gather<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.waiting.len() >= FULL {
            ready!(self.poll_drain(context))?;
        }
        let length = data.len().min(FULL);
        self.waiting.extend_from_slice(&data[..length]);
        Poll::Ready(Ok(length))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        let polled = Pin::new(&mut self.inner).poll_flush(context);
        self.watch(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        let polled = Pin::new(&mut self.inner).poll_shutdown(context);
        self.watch(context, polled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    /// Counts the writes below.
    struct Counting<S>(S, usize);

    impl<S: Duplex> AsyncRead for Counting<S> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(context, buffer)
        }
    }

    impl<S: Duplex> AsyncWrite for Counting<S> {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            data: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.1 += 1;
            Pin::new(&mut self.0).poll_write(context, data)
        }

        fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(context)
        }

        fn poll_shutdown(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(context)
        }
    }

    #[tokio::test]
    async fn a_header_and_its_body_are_one_write_and_no_buffer_is_kept() {
        let (near, mut far) = duplex(1 << 20);
        let mut gather = Gather::new(Counting(near, 0));
        gather.write_all(&[1; 12]).await.unwrap();
        gather.write_all(&[2; MAX_BODY]).await.unwrap();
        gather.flush().await.unwrap();
        assert_eq!(gather.inner.1, 1);
        let mut read = vec![0; 12 + MAX_BODY];
        far.read_exact(&mut read).await.unwrap();
        assert!(read[..12] == [1; 12] && read[12..].iter().all(|&byte| byte == 2));
        assert!(gather.waiting.capacity() <= KEPT);
    }

    const MAX_BODY: usize = super::super::MAX_FRAME_BODY;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up_and_a_slow_one_is_not() {
        let (near, mut far) = duplex(8);
        let mut gather = Gather::new(near);
        gather.write_all(&[0; 64]).await.unwrap();
        let slow = async {
            for _ in 0..6 {
                tokio::time::sleep(WRITE_LIMIT * 9 / 10).await;
                far.read_exact(&mut [0; 8]).await.unwrap();
            }
        };
        let start = tokio::time::Instant::now();
        let (flushed, ()) = tokio::join!(gather.flush(), slow);
        assert_eq!(flushed.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), WRITE_LIMIT * 54 / 10 + WRITE_LIMIT);
    }
}
