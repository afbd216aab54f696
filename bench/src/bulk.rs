//! Many bytes through one stream.

use std::time::{Duration, Instant};

use farm_wire::head::{RequestHead, read_answer, read_request};
use farm_wire::stream::{BoxStream, Connect, Duplex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const STATUS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"Version\":23}";
const BULK: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
/// An idle connection may wait so long for its next request.
const QUIET: Duration = Duration::from_secs(100_000);
/// More than the first byte takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// Answers `?bytes=N` with N bytes, and everything else as a buildlet's `/status`, until the connection ends.
pub async fn serve(stream: impl Duplex + 'static) {
    let mut stream: BoxStream = Box::new(stream);
    while let Ok((head, mut rest)) = read_request(stream, QUIET).await {
        if answer(&head, &mut rest).await.is_err() {
            return;
        }
        stream = Box::new(rest);
    }
}

async fn answer(head: &RequestHead, stream: &mut impl Duplex) -> std::io::Result<()> {
    let Some(bytes) = head.query("bytes") else {
        stream.write_all(STATUS).await?;
        return stream.flush().await;
    };
    stream.write_all(BULK).await?;
    let piece = vec![7; 64 * 1024];
    let mut left: u64 = bytes.parse().unwrap();
    while left > 0 {
        let length = left.min(piece.len() as u64);
        stream.write_all(&piece[..length as usize]).await?;
        left -= length;
    }
    stream.flush().await
}

/// MB a second of so many MB, the opening of the stream left out.
pub async fn through(connect: &dyn Connect, megabytes: u32) -> f64 {
    let mut stream = connect.connect().await.unwrap();
    let bytes = u64::from(megabytes) * 1_000_000;
    let request = format!("GET /bulk?bytes={bytes} HTTP/1.1\r\nHost: x\r\n\r\n");
    let began = Instant::now();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let (head, mut stream) = read_answer(stream, PATIENCE).await.unwrap();
    assert_eq!(head.status, 200);
    let mut piece = vec![0; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let length = stream.read(&mut piece).await.unwrap() as u64;
        assert!(length > 0, "cut {left} bytes before the end");
        left -= length;
    }
    f64::from(megabytes) / began.elapsed().as_secs_f64()
}
