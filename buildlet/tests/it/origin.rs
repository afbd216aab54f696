//! A web server in bytes: what machines fetch from.

use std::sync::{Arc, Mutex};

use farm_wire::tls::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::harness::until;

/// What is answered to one request; the connection ends behind it.
#[derive(Clone)]
pub enum Reply {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes, and then nothing, until the other side goes away.
    Hang(Vec<u8>),
}

/// A server on a port of its own; ends when dropped.
pub struct Origin {
    address: String,
    seen: Arc<Mutex<Seen>>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    requests: Vec<String>,
    left: usize,
}

impl Origin {
    /// Plain HTTP; `answer` is given the request's first line and how many came before it.
    pub async fn start(answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(None, answer).await
    }

    /// HTTPS with this certificate and key.
    pub async fn tls(
        pair: (&str, &str),
        answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let acceptor = Acceptor::from_pem(pair.0.as_bytes(), pair.1.as_bytes()).unwrap();
        Self::with(Some(acceptor), answer).await
    }

    async fn with(
        tls: Option<Acceptor>,
        answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (shared, answer) = (seen.clone(), Arc::new(answer));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let (seen, answer, tls) = (shared.clone(), answer.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(tcp, &seen, &*answer).await,
                        // A client that does not believe the certificate goes away.
                        Some(tls) => match tls.accept(tcp).await {
                            Ok(stream) => serve(stream, &seen, &*answer).await,
                            Err(_) => seen.lock().unwrap().left += 1,
                        },
                    }
                });
            }
        });
        Self {
            address,
            seen,
            _serving: serving,
        }
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Heads of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// Waits until so many clients have gone away.
    pub async fn left(&self, count: usize) {
        until("a client's end", || self.seen.lock().unwrap().left >= count).await;
    }

    /// Waits for so many requests.
    pub async fn asked(&self, count: usize) {
        until("a request", || self.requests().len() >= count).await;
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    seen: &Mutex<Seen>,
    answer: &(impl Fn(&str, usize) -> Reply + ?Sized),
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let count = {
        let mut seen = seen.lock().unwrap();
        seen.requests.push(head.clone());
        seen.requests.len() - 1
    };
    let reply = answer(head.lines().next().unwrap(), count);
    let (bytes, hang) = match &reply {
        Reply::Bytes(bytes) => (bytes, false),
        Reply::Hang(bytes) => (bytes, true),
    };
    // A client may have enough before the end.
    drop(stream.write_all(bytes).await);
    drop(stream.flush().await);
    if hang {
        while stream.read_u8().await.is_ok() {}
        seen.lock().unwrap().left += 1;
    } else {
        drop(stream.shutdown().await);
    }
}

/// A whole answer.
pub fn ok(body: &[u8]) -> Reply {
    Reply::Bytes(answer("200 OK", "", body))
}

/// An answer to HEAD: what GET would say, without the body.
pub fn ok_without_body(body: &[u8]) -> Reply {
    let mut whole = answer("200 OK", "", body);
    whole.truncate(whole.len() - body.len());
    Reply::Bytes(whole)
}

/// Another status, with an empty body.
pub fn status(line: &str) -> Reply {
    Reply::Bytes(answer(line, "", b""))
}

/// A redirect.
pub fn moved(to: &str) -> Reply {
    Reply::Bytes(answer("302 Found", &format!("Location: {to}\r\n"), b""))
}

pub fn answer(line: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {line}\r\nContent-Length: {}\r\n{fields}Connection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Passes `CONNECT` on to `to`, whatever was asked for; what was asked for, in the end.
pub async fn connect_proxy(to: String) -> (String, Arc<Mutex<Vec<String>>>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let shared = asked.clone();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let (asked, to) = (shared.clone(), to.clone());
            connections.spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(near.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                asked.lock().unwrap().push(head);
                near.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")
                    .await
                    .unwrap();
                let mut far = TcpStream::connect(to).await.unwrap();
                drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
            });
        }
    });
    (address, asked, serving)
}
