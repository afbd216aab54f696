//! Files and trees, in both directions.

use std::sync::Arc;

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
use super::{Client, HEADERS, STALL, TransportError, body, expect_ok};

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

    /// Writes one file below the work dir with permission bits `mode` (`0o755`).
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
            .with("mode", &mode.to_string())
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
            let (connection, answer) = self
                .send(Method::PUT, path, Body::stream(content, progress))
                .await?;
            let mut answer = expect_ok(answer).await?;
            body::collect(&mut answer, super::SHORT_ANSWER).await?;
            self.0.pool.put(connection);
            Ok(())
        };
        tokio::select! {
            done = exchange => done,
            () = stalled(&mut moving) => Err(TransportError::Stalled),
        }
    }

    /// Fetches `dir` below the work dir as a gzipped tar archive (several gzip members).
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn get_tar(&self, dir: &str) -> Result<Download, TransportError> {
        let path = Form::default().with("dir", dir).after("/tgz");
        let begun = async {
            let (connection, answer) = self.send(Method::GET, &path, Body::empty()).await?;
            Ok::<_, TransportError>((connection, expect_ok(answer).await?))
        };
        let (connection, archive) = timeout(HEADERS, begun)
            .await
            .map_err(|_| TransportError::HeaderTimeout)??;
        Ok(Download {
            client: self.clone(),
            connection: Some(connection),
            archive,
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

/// An archive on its way. Dropping it closes the connection.
#[derive(Debug)]
pub struct Download {
    client: Client,
    connection: Option<Connection>,
    archive: Incoming,
}

impl Download {
    /// The next piece; `None` at the end, which only a complete archive has.
    ///
    /// # Errors
    /// The connection broke, or nothing moved for two minutes.
    pub async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        loop {
            let frame = timeout(STALL, self.archive.frame())
                .await
                .map_err(|_| TransportError::Stalled)?;
            let Some(frame) = frame.transpose()? else {
                if let Some(connection) = self.connection.take() {
                    self.client.0.pool.put(connection);
                }
                return Ok(None);
            };
            match frame.into_data() {
                Ok(piece) if !piece.is_empty() => return Ok(Some(piece)),
                _ => {}
            }
        }
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
