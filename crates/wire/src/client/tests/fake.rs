//! The other end of every connection that a client opens.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{Mutex, mpsc};

use crate::client::Client;
use crate::stream::{BoxStream, Connect, connect_fn};

/// Accepts what a client dials.
pub struct Fake {
    connect: Arc<dyn Connect>,
    dialed: Mutex<mpsc::UnboundedReceiver<DuplexStream>>,
}

/// One connection, from the buildlet's side.
pub struct Accepted(pub DuplexStream);

impl Fake {
    pub fn new() -> Self {
        let (dial, dialed) = mpsc::unbounded_channel();
        let connect = connect_fn(move || {
            let dial = dial.clone();
            async move {
                let (here, there) = tokio::io::duplex(256 * 1024);
                dial.send(there)
                    .map_err(|_| std::io::ErrorKind::ConnectionRefused)?;
                Ok(Box::new(here) as BoxStream)
            }
        });
        Self {
            connect: Arc::new(connect),
            dialed: Mutex::new(dialed),
        }
    }

    pub fn connect(&self) -> Arc<dyn Connect> {
        self.connect.clone()
    }

    pub fn client(&self) -> Client {
        Client::new(self.connect(), "b1")
    }

    pub async fn accept(&self) -> Accepted {
        Accepted(self.dialed.lock().await.recv().await.unwrap())
    }

    /// Whether nothing was dialed that was not accepted.
    pub fn is_left_alone(&self) -> bool {
        self.dialed.try_lock().unwrap().is_empty()
    }

    /// Accepts one connection, answers one request on it and keeps it: the request, head and body apart.
    pub async fn serve(&self, answer: impl AsRef<[u8]>) -> (Accepted, String, Vec<u8>) {
        let mut accepted = self.accept().await;
        let (head, body) = accepted.request().await;
        accepted.say(answer).await;
        (accepted, head, body)
    }
}

impl Accepted {
    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// A head, line ends as a bar, without the empty line.
    pub async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.unwrap());
        }
        head.truncate(head.len() - 4);
        String::from_utf8(head).unwrap().replace("\r\n", " | ")
    }

    /// A whole request by its framing.
    pub async fn request(&mut self) -> (String, Vec<u8>) {
        let head = self.head().await;
        let mut body = Vec::new();
        if head.contains("Transfer-Encoding: chunked") {
            loop {
                let size = usize::from_str_radix(&self.line().await, 16).unwrap();
                let mut chunk = vec![0; size];
                self.0.read_exact(&mut chunk).await.unwrap();
                body.extend(chunk);
                let end = self.line().await;
                if size == 0 {
                    assert_eq!(end, "");
                    return (head, body);
                }
            }
        }
        let length = head
            .split(" | ")
            .find_map(|field| field.strip_prefix("Content-Length: "));
        body.resize(length.map_or(0, |length| length.parse().unwrap()), 0);
        self.0.read_exact(&mut body).await.unwrap();
        (head, body)
    }

    async fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(self.0.read_u8().await.unwrap());
        }
        line.truncate(line.len() - 2);
        String::from_utf8(line).unwrap()
    }

    /// Returns when the client has closed; nothing may have been left unread.
    pub async fn closed(&mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
    }
}

pub fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
