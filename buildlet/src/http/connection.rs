//! One connection: requests in, answers out, one after the other.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use farm_wire::stream::BoxStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, timeout, timeout_at};

use super::body::{Body, Step};
use super::raw::{Gone, Raw};
use super::response::{Coding, Head, Stream, sniffed, write};
use super::{Bad, Handler, Request};

/// The longest head.
const MAX_HEAD: usize = 64 * 1024;
/// Between requests.
const IDLE_LIMIT: Duration = Duration::from_secs(600);
/// For a head, once it has begun.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// For the next piece of a body.
const BODY_LIMIT: Duration = Duration::from_secs(300);
/// A body that the answer did not wait for is read to its end up to here, so that the connection can be kept.
const MAX_DRAIN: u64 = 256 * 1024;
const DRAIN_LIMIT: Duration = Duration::from_millis(500);
const PIECE: usize = 64 * 1024;

/// A connection that is serving a request.
pub struct Connection {
    read: ReadHalf<BoxStream>,
    write: WriteHalf<BoxStream>,
    buffer: BytesMut,
    body: Body,
    /// A 100 is owed before the body is read.
    owes_continue: bool,
    old: bool,
    head_only: bool,
    keep: bool,
}

/// Serves requests on `stream` until either side ends it.
pub async fn serve(stream: BoxStream, handler: &dyn Handler) {
    let (read, write) = tokio::io::split(stream);
    let mut connection = Connection {
        read,
        write,
        buffer: BytesMut::new(),
        body: Body::Done,
        owes_continue: false,
        old: false,
        head_only: false,
        keep: true,
    };
    if let Err(error) = connection.run(handler).await {
        tracing::debug!(%error, "connection ended");
    }
}

impl Connection {
    async fn run(&mut self, handler: &dyn Handler) -> io::Result<()> {
        while self.keep {
            match self.next_request().await? {
                None => return Ok(()),
                Some(Ok(request)) => {
                    self.begin(&request);
                    handler.handle(request, self).await?;
                    self.drain().await;
                }
                Some(Err(bad)) => {
                    self.keep = false;
                    self.refuse(bad).await?;
                }
            }
        }
        self.write.shutdown().await?;
        self.linger().await;
        Ok(())
    }

    /// The next head; `None` when the client ended the connection between requests.
    async fn next_request(&mut self) -> io::Result<Option<Result<Request, Bad>>> {
        let mut until = Instant::now() + IDLE_LIMIT;
        let mut begun = false;
        loop {
            // Empty lines between requests are no requests (RFC 9112 2.2).
            while self.buffer.starts_with(b"\r\n") {
                drop(self.buffer.split_to(2));
            }
            match Request::parse(&self.buffer) {
                Ok(Some((request, length))) => {
                    drop(self.buffer.split_to(length));
                    return Ok(Some(Ok(request)));
                }
                Ok(None) if self.buffer.len() > MAX_HEAD => {
                    return Ok(Some(Err(Bad {
                        status: 431,
                        why: "head too long",
                    })));
                }
                Ok(None) => {}
                Err(bad) => return Ok(Some(Err(bad))),
            }
            if !begun && !self.buffer.is_empty() {
                begun = true;
                until = Instant::now() + HEAD_LIMIT;
            }
            if self.fill(until).await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    async fn fill(&mut self, until: Instant) -> io::Result<usize> {
        self.buffer.reserve(8 * 1024);
        timeout_at(until, self.read.read_buf(&mut self.buffer))
            .await
            .map_err(|_| io::ErrorKind::TimedOut)?
    }

    fn begin(&mut self, request: &Request) {
        self.body = Body::new(request.framing);
        self.owes_continue = request.expects_continue && !self.body.is_done();
        self.old = request.old;
        self.head_only = request.method == "HEAD";
        self.keep = request.keep_alive;
    }

    /// The next piece of the request's body; `None` at its end.
    ///
    /// # Errors
    /// The body is malformed, breaks off, or does not move for five minutes.
    pub async fn body(&mut self) -> io::Result<Option<Bytes>> {
        if std::mem::take(&mut self.owes_continue) {
            write(&mut self.write, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        loop {
            match self.body.step(&mut self.buffer)? {
                Step::Piece(piece) => return Ok(Some(piece)),
                Step::End => return Ok(None),
                Step::NeedMore => {
                    self.buffer.reserve(PIECE);
                    if self.fill(Instant::now() + BODY_LIMIT).await? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }

    /// All of the body if it is no longer than `most`; `None` if it is. What was not read is for later.
    ///
    /// # Errors
    /// As [`Connection::body`].
    pub async fn whole_body(&mut self, most: usize) -> io::Result<Option<BytesMut>> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.body().await? {
            if all.len() + piece.len() > most {
                return Ok(None);
            }
            all.extend_from_slice(&piece);
        }
        Ok(Some(all))
    }

    /// Answers with a body of known length. Without an explicit type it gets one, unless it is empty.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn respond(&mut self, head: &Head, body: &[u8]) -> io::Result<()> {
        self.settle();
        let mut added = Vec::new();
        if !body.is_empty() && !head.fields.iter().any(|(name, _)| *name == "Content-Type") {
            added.push(("Content-Type", sniffed(body)));
        }
        if !self.keep {
            added.push(("Connection", "close"));
        }
        let mut bytes = head.bytes(Some(body.len() as u64), &added);
        if !self.head_only {
            bytes.extend_from_slice(body);
        }
        write(&mut self.write, &bytes).await
    }

    /// Answers with an error in plain text.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn error(&mut self, status: u16, text: &str) -> io::Result<()> {
        self.respond(&Head::error(status), format!("{text}\n").as_bytes())
            .await
    }

    async fn refuse(&mut self, bad: Bad) -> io::Result<()> {
        // The texts of Go's server, which closes behind them.
        let (status, why) = (bad.status, bad.why);
        self.head_only = false;
        let head = Head::new(status).with("Content-Type", "text/plain; charset=utf-8");
        let text = format!(
            "{status} {}: {why}",
            if status == 400 {
                "Bad Request"
            } else {
                "Refused"
            }
        );
        self.respond(&head, text.as_bytes()).await
    }

    /// Writes and flushes the head of an answer of unknown length, whose body follows through [`Stream`].
    ///
    /// # Errors
    /// The client is gone.
    pub async fn stream(&mut self, head: &Head) -> io::Result<Stream<'_>> {
        Ok(self.stream_watched(head).await?.0)
    }

    /// As [`Connection::stream`], with the means to notice that the client went away.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn stream_watched(&mut self, head: &Head) -> io::Result<(Stream<'_>, Gone<'_>)> {
        self.settle();
        let coding = match (self.head_only, self.old) {
            (true, _) => Coding::Nothing,
            (false, true) => Coding::Plain,
            (false, false) => Coding::Chunked,
        };
        self.keep &= coding != Coding::Plain;
        let mut added = Vec::new();
        if !self.keep {
            added.push(("Connection", "close"));
        }
        if coding == Coding::Chunked {
            added.push(("Transfer-Encoding", "chunked"));
        }
        write(&mut self.write, &head.bytes(None, &added)).await?;
        let gone = Gone {
            read: &mut self.read,
            buffer: &mut self.buffer,
        };
        Ok((Stream::new(&mut self.write, coding), gone))
    }

    /// Answers with exactly these bytes and hands the connection over: what is read and written from now on is no HTTP.
    /// What the client sent behind its request is the beginning of what is read.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn take_over(&mut self, answer: &[u8]) -> io::Result<Raw<'_>> {
        self.keep = false;
        write(&mut self.write, answer).await?;
        Ok(Raw {
            read: &mut self.read,
            write: &mut self.write,
            ahead: &mut self.buffer,
        })
    }

    /// Notices that the client went away while its request is worked on, before anything is answered.
    pub fn watched(&mut self) -> Gone<'_> {
        Gone {
            read: &mut self.read,
            buffer: &mut self.buffer,
        }
    }

    /// A client that still waits for a 100 will not send its body now: what follows cannot be told apart.
    fn settle(&mut self) {
        if self.owes_continue {
            self.keep = false;
        }
    }

    /// Reads what is left of a body, if that is little.
    async fn drain(&mut self) {
        if self.body.is_done() || !self.keep {
            return;
        }
        let drained = timeout(DRAIN_LIMIT, async {
            let mut left = MAX_DRAIN;
            while let Some(piece) = self.body().await? {
                left = left
                    .checked_sub(piece.len() as u64)
                    .ok_or(io::ErrorKind::FileTooLarge)?;
            }
            io::Result::Ok(())
        });
        self.keep = matches!(drained.await, Ok(Ok(())));
    }

    /// Reads a little longer before closing: closing with unread bytes would cut the answer off at the client.
    async fn linger(&mut self) {
        let read = async {
            while let Ok(1..) = self.read.read_buf(&mut self.buffer).await {
                self.buffer.clear();
            }
        };
        drop(timeout(DRAIN_LIMIT, read).await);
    }
}
