//! The other end of a connection: sends bytes, reads answers to the byte. It never sends `TE`.

use std::fmt::Debug;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::within;

/// A connection as a client sees it.
pub struct Peer<S = TcpStream> {
    pub stream: S,
    buffer: Vec<u8>,
}

/// An answer, read to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Without the `Date` line, which was there, and without the empty line.
    pub head: String,
    pub body: Vec<u8>,
    /// Lines behind the last chunk, without the empty one.
    pub trailer: String,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// What the trailer says of the command; nothing else does.
    pub fn state(&self) -> &str {
        let state = self.trailer.strip_prefix("Process-State: ");
        state.unwrap_or_else(|| panic!("no state: {self:?}"))
    }

    /// Status and text of an answer that has no trailer.
    pub fn said(&self) -> (u16, &str) {
        assert_eq!(self.trailer, "");
        (self.status, self.text())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = async {
            self.stream.write_all(bytes.as_ref()).await.unwrap();
            self.stream.flush().await.unwrap();
        };
        within("sending", sent).await;
    }

    pub async fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request).await;
        self.answer().await
    }

    /// The next line, without its end.
    pub async fn line(&mut self) -> String {
        while !self.buffer.contains(&b'\n') {
            assert!(self.more().await, "cut: {:?}", self.buffered());
        }
        let at = self.buffer.iter().position(|&byte| byte == b'\n').unwrap();
        let line: Vec<u8> = self.buffer.drain(..=at).collect();
        let line = line.strip_suffix(b"\r\n").or(line.strip_suffix(b"\n"));
        String::from_utf8(line.unwrap().to_vec()).unwrap()
    }

    /// Lines up to an empty one, to the byte.
    pub async fn block(&mut self) -> String {
        let mut block = String::new();
        loop {
            match self.line().await {
                line if line.is_empty() => return block,
                line => block.push_str(&format!("{line}\r\n")),
            }
        }
    }

    /// Status line and fields, `Date` left out.
    pub async fn head(&mut self) -> String {
        let block = self.block().await;
        let is_date = |line: &&str| line.starts_with("Date: ");
        assert_eq!(block.lines().filter(is_date).count(), 1, "{block}");
        let lines: Vec<_> = block.lines().filter(|line| !is_date(line)).collect();
        lines.join("\r\n")
    }

    /// The next chunk; `None` is the last one, behind which trailers stand.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(&self.line().await, 16).unwrap();
        if length == 0 {
            return None;
        }
        let chunk = self.exactly(length).await;
        assert_eq!(self.line().await, "");
        Some(chunk)
    }

    /// Chunks until they hold so much text; all that came.
    pub async fn chunks_until(&mut self, text: &str) -> String {
        let mut all = String::new();
        while !all.contains(text) {
            let chunk = self.chunk().await;
            let chunk = chunk.unwrap_or_else(|| panic!("ended without {text:?}: {all:?}"));
            all.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        all
    }

    pub async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        self.rest(head, false).await
    }

    pub async fn answer_to_head(&mut self) -> Answer {
        let head = self.head().await;
        self.rest(head, true).await
    }

    /// What follows a head: a body by its framing, unless it is the answer to HEAD.
    pub async fn rest(&mut self, head: String, bodiless: bool) -> Answer {
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let (mut body, mut trailer) = (Vec::new(), String::new());
        if bodiless {
        } else if head.contains("Transfer-Encoding: chunked") {
            while let Some(chunk) = self.chunk().await {
                body.extend(chunk);
            }
            trailer = self.block().await.trim_end().to_owned();
        } else if let Some(length) = field(&head, "Content-Length") {
            body = self.exactly(length.parse().unwrap()).await;
        } else {
            while self.more().await {}
            body = std::mem::take(&mut self.buffer);
        }
        Answer {
            status,
            head,
            body,
            trailer,
        }
    }

    /// All that comes until the other side closes; nothing else may have been left unread.
    pub async fn until_closed(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.buffer)
    }

    pub async fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert!(self.more().await, "cut: {:?}", self.buffered());
        }
        self.buffer.drain(..length).collect()
    }

    /// Reads on; false at the end, as which a reset counts.
    async fn more(&mut self) -> bool {
        let read = within("reading", self.stream.read_buf(&mut self.buffer)).await;
        read.is_ok_and(|length| length > 0)
    }

    fn buffered(&self) -> String {
        String::from_utf8_lossy(&self.buffer).into_owned()
    }
}

pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A request without a body.
pub fn bare(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: b1\r\n\r\n")
}

/// A request with a body of known length.
pub fn with_body(method: &str, target: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("{method} {target} HTTP/1.1\r\nHost: b1\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A form as a request.
pub fn post(target: &str, pairs: &[(&str, &str)]) -> Vec<u8> {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    let body = pairs.collect::<Vec<_>>().join("&");
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: b1\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

/// A shell script as a request.
pub fn sh(script: &str) -> Vec<u8> {
    sh_with(script, &[])
}

/// The same with more parameters.
pub fn sh_with(script: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut pairs = vec![
        ("cmd", "/bin/sh"),
        ("cmdArg", "-c"),
        ("cmdArg", script),
        ("mode", "sys"),
    ];
    pairs.extend(more);
    post("/exec", &pairs)
}
