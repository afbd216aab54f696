//! The worked exchanges V2-1 to V2-12 (`revdial.md` 4) as bytes, in both roles, and the cures of 3.8.

mod hub;
mod machine;
mod recorded;
mod redirects;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, DuplexStream, duplex};
use tokio::sync::mpsc;

use crate::reverse::{Claim, Mode, Request, RevdialVersion};
use crate::stream::{BoxStream, Connect, connect_fn};
use recorded::Recorded;

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

/// The far ends of the connections that the machine opens.
type Dialed = mpsc::UnboundedReceiver<DuplexStream>;

fn network() -> (Arc<dyn Connect>, Dialed) {
    let (far_ends, dialed) = mpsc::unbounded_channel();
    let connect = connect_fn(move || {
        let (near, far) = duplex(64 * 1024);
        let sent = far_ends.send(far);
        async move {
            sent.map_err(|_| std::io::Error::other("connection refused"))?;
            Ok(Box::new(near) as BoxStream)
        }
    });
    (Arc::new(connect), dialed)
}

fn request(revdial: RevdialVersion) -> Request {
    Request {
        host: String::new(),
        hostname: "testhost".into(),
        claim: Claim::HostType(Mode {
            name: "host-linux-foo".into(),
            key: "2c3751c948a3f763672397642ac5515c".into(),
        }),
        version: 23,
        revdial,
    }
}

/// A head, its empty line included.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        text.push_str(&line(stream).await);
    }
    text
}
