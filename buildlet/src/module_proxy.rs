//! Go modules for a command, through the coordinator (`buildlet.md` 8.6): while the command runs, a port on this machine
//! leads to the hub that it serves, with this machine's credentials.
//!
//! Any process here can use the port meanwhile. Credentials are added on the way out and never seen by the command.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use farm_wire::head::{RequestHead, read_request};
use farm_wire::stream::Connect;
use parking_lot::RwLock;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a command's `env` asks with, and what it must say.
pub const VARIABLE: &str = "GO_BUILDER_SET_GOPROXY";
/// Its value.
pub const COORDINATOR: &str = "coordinator";

/// Requests at once; further ones wait.
const MAX_CONNECTIONS: usize = 32;
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// For one request with its answer: a module is some megabytes.
const TOTAL_LIMIT: Duration = Duration::from_secs(10 * 60);
/// Fields that concern one connection, or are ours to say.
const OURS: [&str; 9] = [
    "host",
    "authorization",
    "x-proxy-service",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// The coordinator, as this machine reaches it.
pub struct Upstream {
    connect: Arc<dyn Connect>,
    host: String,
    user: String,
    authorization: RwLock<String>,
}

impl Upstream {
    /// Requests go to `connect` under the name `host`, as `user` (a host type or builder) with `key`.
    #[must_use]
    pub fn new(connect: Arc<dyn Connect>, host: &str, user: &str, key: &str) -> Self {
        Self {
            connect,
            host: host.to_owned(),
            user: user.to_owned(),
            authorization: RwLock::new(credentials(user, key)),
        }
    }

    /// The hub gave this machine another key: requests from now on carry it.
    pub fn renew(&self, key: &str) {
        *self.authorization.write() = credentials(&self.user, key);
    }

    /// The request for the coordinator; `None` if a module proxy is not asked so.
    fn request(&self, head: &RequestHead) -> Option<String> {
        let sound = matches!(&*head.method, "GET" | "HEAD") && head.target.starts_with('/');
        let mut request = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\n",
            head.method, head.target, self.host
        );
        let raw = String::from_utf8_lossy(head.raw());
        for line in raw.lines().skip(1).take_while(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or_default();
            if !OURS
                .iter()
                .any(|ours| name.trim().eq_ignore_ascii_case(ours))
            {
                request += &format!("{line}\r\n");
            }
        }
        let has_body = head
            .headers
            .get("Content-Length")
            .is_some_and(|length| length != "0")
            || head.headers.get("Transfer-Encoding").is_some();
        (sound && !has_body).then(|| {
            format!(
                "{request}Authorization: Basic {}\r\nX-Proxy-Service: module-cache\r\nConnection: close\r\n\r\n",
                self.authorization.read()
            )
        })
    }

    async fn forward(&self, stream: TcpStream) -> io::Result<()> {
        let (head, mut near) = read_request(stream, HEAD_LIMIT)
            .await
            .map_err(io::Error::other)?;
        let Some(request) = self.request(&head) else {
            let refused =
                "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return near.write_all(refused.as_bytes()).await;
        };
        let mut far = match self.connect.connect().await {
            Ok(far) => far,
            Err(error) => {
                tracing::warn!(%error, "modules: the coordinator cannot be reached");
                let away =
                    "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                return near.write_all(away.as_bytes()).await;
            }
        };
        far.write_all(request.as_bytes()).await?;
        far.flush().await?;
        // It closes behind its answer, and so do we. A command that goes away closes the other way.
        copy_bidirectional(&mut near, &mut far).await.map(drop)
    }
}

/// For HTTP basic authentication.
fn credentials(user: &str, key: &str) -> String {
    STANDARD.encode(format!("{user}:{key}"))
}

/// A port that is open while this value lives.
pub struct ModuleProxy(#[expect(dead_code, reason = "held for its end alone")] JoinSet<()>);

impl ModuleProxy {
    /// Opens the port; the second value is what `GOPROXY` must say.
    ///
    /// # Errors
    /// There is no port to be had.
    pub async fn start(upstream: Arc<Upstream>) -> io::Result<(Self, String)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://localhost:{}", listener.local_addr()?.port());
        let mut task = JoinSet::new();
        task.spawn(async move { serve(&listener, &upstream).await });
        Ok((Self(task), url))
    }
}

async fn serve(listener: &TcpListener, upstream: &Arc<Upstream>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let upstream = upstream.clone();
                    connections.spawn(async move {
                        match tokio::time::timeout(TOTAL_LIMIT, upstream.forward(stream)).await {
                            Ok(Ok(())) => {}
                            Ok(Err(error)) => tracing::debug!(%error, "modules"),
                            Err(_) => tracing::warn!("modules: an answer took too long"),
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "modules: cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(ended) = connections.join_next() => drop(ended),
        }
    }
}
