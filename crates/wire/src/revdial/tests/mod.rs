//! The worked exchanges V2-1 to V2-12 (`revdial.md` 4) as bytes, in both roles, and the cures of 3.8.

mod hub;
mod machine;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, DuplexStream};

const SECOND: Duration = Duration::from_secs(1);
const KEEP_ALIVE_LINE: &str = "{\"command\":\"keep-alive\"}\n";

/// Exactly these bytes come next.
async fn expect(stream: &mut (impl AsyncRead + Unpin), text: &str) {
    let mut bytes = vec![0; text.len()];
    tokio::time::timeout(120 * SECOND, stream.read_exact(&mut bytes))
        .await
        .expect("nothing came")
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

/// A line, its end included.
async fn line(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = Vec::new();
    while text.last() != Some(&b'\n') {
        text.push(
            tokio::time::timeout(120 * SECOND, stream.read_u8())
                .await
                .expect("no line")
                .unwrap(),
        );
    }
    String::from_utf8(text).unwrap()
}

/// A head, its empty line included.
async fn head(stream: &mut DuplexStream) -> String {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        text.push_str(&line(stream).await);
    }
    text
}
