//! Files and trees, in both directions.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

use super::body::{Body, Progress};
use super::connection::Connection;
use super::form::Form;
use super::request::expect_ok;
use super::{Client, STALL, TransportError, body};

impl Client {
    /// Unpacks a gzipped tar archive into `dir` below the work dir (empty: the work dir). `progress` is told how many
    /// bytes were sent so far.
    ///
    /// # Errors
    /// [`TransportError`]; [`TransportError::Stalled`] when nothing moved for two minutes.
    pub async fn put_tar(
        &self,
        archive: impl AsyncRead + Send + Unpin + 'static,
        dir: &str,
        progress: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<(), TransportError> {
        let path = Form::default().with("dir", dir).after("/writetgz");
        self.upload(&path, archive, progress).await
    }

    /// Has the buildlet fetch the gzipped tar archive at `url` and unpack it into `dir`, within `limit`. A bootstrap that
    /// is there already (`go1.4`) is not fetched again.
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn put_tar_from_url(
        &self,
        url: &str,
        dir: &str,
        limit: Duration,
    ) -> Result<(), TransportError> {
        let path = Form::default().with("dir", dir).after("/writetgz");
        let body = Form::default().with("url", url).into_body();
        let put = self.0.route.short(Method::POST, &path, body, limit);
        self.while_usable(put).await.map(drop)
    }

    /// Writes one file below the work dir with `mode`: permission, set-id and sticky bits (`0o755`).
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn write(
        &self,
        content: impl AsyncRead + Send + Unpin + 'static,
        path: &str,
        mode: u32,
    ) -> Result<(), TransportError> {
        let path = Form::default()
            .with("mode", &go_mode(mode).to_string())
            .with("path", path)
            .after("/write");
        self.upload(&path, content, |_| {}).await
    }

    async fn upload(
        &self,
        path: &str,
        content: impl AsyncRead + Send + Unpin + 'static,
        progress: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<(), TransportError> {
        let (moved, mut moving) = watch::channel(());
        let progress: Progress = Arc::new(move |sent| {
            moved.send_replace(());
            progress(sent);
        });
        let exchange = async {
            let body = Body::stream(content, progress);
            let (connection, answer) = self.0.route.send(Method::PUT, path, body).await?;
            let mut answer = expect_ok(answer).await?;
            body::collect(&mut answer, super::SHORT_ANSWER).await?;
            self.0.route.pool.put(connection);
            Ok(())
        };
        let moved = async {
            tokio::select! {
                done = exchange => done,
                () = stalled(&mut moving) => Err(TransportError::Stalled),
            }
        };
        self.while_usable(moved).await
    }

    /// Fetches `dir` below the work dir as a gzipped tar archive (of several gzip members, which most readers take).
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn get_tar(&self, dir: &str) -> Result<Download, TransportError> {
        self.download(Form::default().with("dir", dir)).await
    }

    /// The same as one gzip member: for archives that are released, since some readers stop after the first.
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn get_release_tar(&self, dir: &str) -> Result<Download, TransportError> {
        self.download(Form::default().with("dir", dir).with("pargzip", "0"))
            .await
    }

    async fn download(&self, query: Form) -> Result<Download, TransportError> {
        let incoming = self.stream_of(&query.after("/tgz")).await?;
        Ok(Download(incoming))
    }

    /// The beginning of a long answer, within two minutes: before the first byte the buildlet may have to search.
    pub(super) async fn stream_of(&self, path: &str) -> Result<Stream, TransportError> {
        let begun = async {
            let sent = self.0.route.send(Method::GET, path, Body::empty()).await?;
            Ok::<_, TransportError>((sent.0, expect_ok(sent.1).await?))
        };
        let begun = async {
            timeout(STALL, begun)
                .await
                .map_err(|_| TransportError::HeaderTimeout)?
        };
        let (connection, body) = self.while_usable(begun).await?;
        Ok(Stream {
            client: self.clone(),
            connection: Some(connection),
            body,
        })
    }
}

/// Returns when nothing moved for [`STALL`].
async fn stalled(moving: &mut watch::Receiver<()>) {
    loop {
        match timeout(STALL, moving.changed()).await {
            Ok(Ok(())) => {}
            // All is sent: what remains is the answer.
            Ok(Err(_)) => return tokio::time::sleep(STALL).await,
            Err(_) => return,
        }
    }
}

/// The Go file mode of Unix mode bits (`buildlet.md` 4.4).
fn go_mode(mode: u32) -> u32 {
    let special = [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];
    special
        .iter()
        .filter(|(unix, _)| mode & unix != 0)
        .fold(mode & 0o777, |bits, (_, go)| bits | go)
}

/// A long answer on its way. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Stream {
    client: Client,
    connection: Option<Connection>,
    body: Incoming,
}

impl Stream {
    /// The next piece; `None` at the end, which only a complete answer has.
    pub async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        let client = self.client.clone();
        client.while_usable(self.piece()).await
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, TransportError> {
        loop {
            let frame = timeout(STALL, self.body.frame())
                .await
                .map_err(|_| TransportError::Stalled)?;
            let Some(frame) = frame.transpose()? else {
                if let Some(connection) = self.connection.take() {
                    self.client.0.route.pool.put(connection);
                }
                return Ok(None);
            };
            match frame.into_data() {
                Ok(piece) if !piece.is_empty() => return Ok(Some(piece)),
                _ => {}
            }
        }
    }
}

/// An archive on its way. Dropping it closes the connection.
#[derive(Debug)]
pub struct Download(Stream);

impl Download {
    /// The next piece; `None` at the end, which only a complete archive has.
    ///
    /// # Errors
    /// The connection broke, nothing moved for two minutes, or the client was given up.
    pub async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        self.0.next().await
    }

    /// Writes the whole archive to `output`; how many bytes it was.
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn copy_to(
        mut self,
        output: &mut (impl AsyncWrite + Unpin),
    ) -> Result<u64, TransportError> {
        let mut length = 0;
        while let Some(piece) = self.next().await? {
            output
                .write_all(&piece)
                .await
                .map_err(TransportError::Local)?;
            length += piece.len() as u64;
        }
        output.flush().await.map_err(TransportError::Local)?;
        Ok(length)
    }
}
