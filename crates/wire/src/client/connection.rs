//! HTTP/1.1 connections to one peer, kept for reuse.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::TransportError;
use super::body::Body;
use crate::stream::{BoxStream, Connect};

/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(60);
/// How many idle ones.
const MAX_IDLE: usize = 4;
/// For a connection to notice that its last exchange is over.
const SETTLE: Duration = Duration::from_secs(1);

/// A connection. Dropping it closes it at once, whatever it was doing.
pub(super) struct Connection {
    sender: SendRequest<Body>,
    /// Drives the connection; aborted when dropped.
    driver: JoinSet<()>,
}

/// Connections to one peer.
pub(super) struct Pool {
    connect: Arc<dyn Connect>,
    idle: Mutex<VecDeque<(Connection, Instant)>>,
}

impl Pool {
    pub fn new(connect: Arc<dyn Connect>) -> Self {
        Self {
            connect,
            idle: Mutex::default(),
        }
    }

    /// An empty pool to the same peer.
    pub fn sibling(&self) -> Self {
        Self::new(self.connect.clone())
    }

    /// Takes a connection back whose exchange is complete.
    pub fn put(&self, connection: Connection) {
        if connection.sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock();
        idle.push_back((connection, Instant::now()));
        while idle.len() > MAX_IDLE
            || idle
                .front()
                .is_some_and(|(_, since)| since.elapsed() > IDLE)
        {
            idle.pop_front();
        }
    }

    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock();
        while let Some((connection, since)) = idle.pop_back() {
            if since.elapsed() <= IDLE && !connection.sender.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    /// Sends on an idle connection or a new one. The peer may close an idle one at any time: what was not sent then is
    /// sent on the next.
    pub async fn send(
        &self,
        mut request: Request<Body>,
    ) -> Result<(Connection, Response<Incoming>), TransportError> {
        while let Some(mut connection) = self.take() {
            if !matches!(
                tokio::time::timeout(SETTLE, connection.sender.ready()).await,
                Ok(Ok(()))
            ) {
                continue;
            }
            match connection.sender.try_send_request(request).await {
                Ok(answer) => return Ok((connection, answer)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        }
        let mut connection = self.open().await?;
        let answer = connection.sender.send_request(request).await?;
        Ok((connection, answer))
    }

    /// A new stream without HTTP on it.
    pub async fn raw(&self) -> Result<BoxStream, TransportError> {
        self.connect
            .connect()
            .await
            .map_err(TransportError::Connect)
    }

    async fn open(&self) -> Result<Connection, TransportError> {
        let stream = self.raw().await?;
        let (sender, connection) = http1::Builder::new()
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection to a buildlet ended");
            }
        });
        Ok(Connection { sender, driver })
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection(driven: {})", !self.driver.is_empty())
    }
}
