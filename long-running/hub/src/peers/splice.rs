//! Bytes from a visitor to the hub that it belongs to, and back.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use farm_wire::head::{Refusal, RequestHead, read_answer, write_refusal};
use farm_wire::stream::Duplex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::time::timeout;

/// Of one read, in bytes; a splice holds this twice.
const PIECE: usize = 8 * 1024;
/// For one piece to be taken: longer than any reader needs that is still one.
const STALL: Duration = Duration::from_secs(300);
/// For an owner's refusal to be passed on.
const REFUSAL: Duration = Duration::from_secs(5);
/// How long one direction may rest after the other has ended.
const LINGER: Duration = Duration::from_secs(30);

/// What both ends of a splice are held to.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// For the head of the owner's answer.
    pub answer: Duration,
    /// For the date of a refusal.
    pub now: SystemTime,
}

/// Hands `head`, and all that comes behind it on `visitor`, to `owner`, and what that says back, until both have ended; a
/// silence has no limit while both live. The head of the owner's answer goes out by itself: peers of 2019 lose what comes in
/// the same TLS record as a 101 (`revdial.md` 2). An answer that is no 101 is passed on, and ends both; without an answer the
/// visitor is told 503.
///
/// # Errors
/// Why it ended before its time. Both connections are closed then.
pub async fn splice<V: Duplex, O: Duplex>(
    head: &RequestHead,
    visitor: V,
    owner: O,
    terms: Terms,
) -> io::Result<()> {
    let (from_visitor, mut to_visitor) = split(visitor);
    let (from_owner, mut to_owner) = split(owner);
    let moved = AtomicU64::new(0);
    let there = async {
        write(&mut to_owner, head.raw()).await?;
        pump(from_visitor, to_owner, &moved).await
    };
    let back = async {
        match read_answer(from_owner, terms.answer).await {
            Ok((answer, rest)) if answer.status == 101 => {
                write(&mut to_visitor, answer.raw()).await?;
                pump(rest, to_visitor, &moved).await
            }
            // An error, so that nobody waits for what the visitor might still say.
            Ok((answer, rest)) => {
                let pass_on = async {
                    write(&mut to_visitor, answer.raw()).await?;
                    pump(rest, to_visitor, &moved).await
                };
                within(REFUSAL, pass_on).await?;
                let text = format!("its hub refused it: {} {}", answer.status, answer.reason);
                Err(io::Error::other(text))
            }
            Err(error) => {
                let refusal = Refusal::new(503, "the hub of this machine does not answer");
                let answer = async {
                    write_refusal(&mut to_visitor, &refusal, terms.now).await?;
                    to_visitor.shutdown().await
                };
                drop(within(REFUSAL, answer).await);
                Err(io::Error::other(error))
            }
        }
    };
    let (mut there, mut back) = (std::pin::pin!(there), std::pin::pin!(back));
    tokio::select! {
        ended = &mut there => {
            ended?;
            linger(back, &moved).await
        }
        ended = &mut back => {
            ended?;
            linger(there, &moved).await
        }
    }
}

/// Copies until `from` ends, and then ends `to`.
async fn pump<R, W>(mut from: R, mut to: W, moved: &AtomicU64) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut piece = vec![0; PIECE];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return within(STALL, to.shutdown()).await;
        }
        write(&mut to, &piece[..length]).await?;
        moved.fetch_add(1, Ordering::Relaxed);
    }
}

async fn write<W: AsyncWrite + Unpin>(to: &mut W, bytes: &[u8]) -> io::Result<()> {
    let written = async {
        to.write_all(bytes).await?;
        to.flush().await
    };
    within(STALL, written).await
}

async fn within(limit: Duration, done: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    timeout(limit, done)
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "nothing is taken any more"))?
}

/// Waits for the other direction, as long as something moves in it.
async fn linger(
    mut rest: impl Future<Output = io::Result<()>> + Unpin,
    moved: &AtomicU64,
) -> io::Result<()> {
    loop {
        let before = moved.load(Ordering::Relaxed);
        match timeout(LINGER, &mut rest).await {
            Ok(ended) => return ended,
            Err(_) if moved.load(Ordering::Relaxed) == before => return Ok(()),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use farm_wire::head::read_request;
    use tokio::io::{DuplexStream, duplex};
    use tokio::task::JoinSet;

    use super::*;

    const REQUEST: &[u8] = b"GET /revdial?x=1 HTTP/1.1\r\nHost: \r\n\r\n";
    const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";

    struct Bench {
        visitor: DuplexStream,
        owner: DuplexStream,
        splice: JoinSet<io::Result<()>>,
    }

    /// A splice whose visitor sent its request and `surplus` at once.
    async fn bench(surplus: &[u8]) -> Bench {
        let (mut visitor, visiting) = duplex(64 * 1024);
        let (owner, owning) = duplex(64 * 1024);
        visitor
            .write_all(&[REQUEST, surplus].concat())
            .await
            .unwrap();
        let (head, stream) = read_request(visiting, Duration::from_secs(1))
            .await
            .unwrap();
        let terms = Terms {
            answer: Duration::from_secs(10),
            now: SystemTime::UNIX_EPOCH,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { splice(&head, stream, owning, terms).await });
        Bench {
            visitor,
            owner,
            splice: tasks,
        }
    }

    async fn read(from: &mut DuplexStream, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        from.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn the_request_arrives_as_it_was_and_the_101_goes_back_by_itself() {
        let mut b = bench(b"early").await;
        let request = read(&mut b.owner, REQUEST.len() + 5).await;
        assert_eq!(request, [REQUEST, b"early"].concat());
        // Both at once; what a writer of records gets is two writes.
        b.owner
            .write_all(&[ANSWER, b"GET / "].concat())
            .await
            .unwrap();
        assert_eq!(read(&mut b.visitor, ANSWER.len()).await, ANSWER);
        assert_eq!(read(&mut b.visitor, 6).await, b"GET / ");
        tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
        b.visitor.write_all(b"after a day").await.unwrap();
        assert_eq!(read(&mut b.owner, 11).await, b"after a day");
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_is_passed_on_and_the_other_side_may_finish() {
        let mut b = bench(b"").await;
        b.owner.write_all(ANSWER).await.unwrap();
        b.owner.shutdown().await.unwrap();
        let mut all = Vec::new();
        b.visitor.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, ANSWER);
        read(&mut b.owner, REQUEST.len()).await;
        // Not silent for long enough to be given up.
        for _ in 0..4 {
            tokio::time::sleep(LINGER / 2).await;
            b.visitor.write_all(b"x").await.unwrap();
            assert_eq!(read(&mut b.owner, 1).await, b"x");
        }
        // Then it is, although its end never comes.
        b.splice.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(b.owner.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_owner_without_an_answer_is_a_503() {
        let mut b = bench(b"").await;
        let mut said = String::new();
        b.visitor.read_to_string(&mut said).await.unwrap();
        assert!(
            said.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{said}"
        );
        assert!(b.splice.join_next().await.unwrap().unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_of_the_owner_is_passed_on_and_ends_both_at_once() {
        for ends in [true, false] {
            let mut b = bench(b"").await;
            let refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 15\r\n\r\nunknown dialer\n";
            b.owner.write_all(refusal).await.unwrap();
            if ends {
                b.owner.shutdown().await.unwrap();
            }
            // The visitor says nothing more, and does not end.
            let began = tokio::time::Instant::now();
            assert!(b.splice.join_next().await.unwrap().unwrap().is_err());
            let limit = if ends { Duration::ZERO } else { REFUSAL };
            assert!(began.elapsed() <= limit, "{:?}", began.elapsed());
            let mut all = Vec::new();
            b.visitor.read_to_end(&mut all).await.unwrap();
            assert_eq!(all, refusal);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_visitor_that_does_not_take_a_refusal_is_left() {
        let mut b = bench(b"").await;
        let head = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        b.owner.write_all(head).await.unwrap();
        let began = tokio::time::Instant::now();
        let piece = vec![0; 64 * 1024];
        while b.owner.write_all(&piece).await.is_ok() {}
        assert!(b.splice.join_next().await.unwrap().unwrap().is_err());
        assert!(began.elapsed() <= REFUSAL, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stopped_holds_the_writer_up_and_ends_both_after_a_while() {
        let mut b = bench(b"").await;
        b.owner.write_all(ANSWER).await.unwrap();
        let flood = async {
            let piece = vec![0; 64 * 1024];
            let mut written = 0;
            while b.owner.write_all(&piece).await.is_ok() {
                written += piece.len();
            }
            written
        };
        // What fits into two pipes and a piece, and no more.
        let written = flood.await;
        assert!(written < 4 * 64 * 1024, "{written}");
        assert!(b.splice.join_next().await.unwrap().unwrap().is_err());
    }
}
