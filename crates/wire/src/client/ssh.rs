//! A raw stream to the machine's SSH server (`buildlet.md` 4.9).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Client, ERROR_TEXT, TransportError};
use crate::head::{AnswerHead, HeadError, read_answer};
use crate::stream::{BoxStream, Prefixed};

/// From the connection to the 101.
const LIMIT: Duration = Duration::from_secs(15);

impl Client {
    /// Connects to the machine's SSH server within fifteen seconds, on a connection of its own. `key_line` is added to the
    /// `authorized_keys` of `user` before. What the server said behind the 101 comes first in the stream.
    ///
    /// # Errors
    /// [`TransportError`]; 502 when the machine has no SSH server.
    pub async fn connect_ssh(
        &self,
        user: &str,
        key_line: &str,
    ) -> Result<BoxStream, TransportError> {
        let head = self.ssh_request(user, key_line)?;
        let connected = async {
            let limited = tokio::time::timeout(LIMIT, self.upgraded(&head)).await;
            limited.map_err(|_| TransportError::HeaderTimeout)?
        };
        self.while_alive(connected).await
    }

    /// As `buildlet.md` 22.9 has it, with the password where there is one.
    fn ssh_request(&self, user: &str, key_line: &str) -> Result<Vec<u8>, TransportError> {
        let key_line = key_line.trim();
        if user.is_empty() || key_line.is_empty() {
            return Err(bad_header("user or key is empty"));
        }
        if [user, key_line]
            .iter()
            .any(|text| text.contains(char::is_control))
        {
            return Err(bad_header("user or key holds a control character"));
        }
        let route = &self.0.route;
        let mut head = b"POST /connect-ssh HTTP/1.1\r\nHost: ".to_vec();
        head.extend(route.host.as_bytes());
        head.extend(b"\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: 0\r\n");
        let own = [
            ("Authorization", &route.authorization),
            ("X-Buildlet-Proxy", &route.behind),
        ];
        for (name, value) in own {
            if let Some(value) = value {
                head.extend(format!("{name}: ").as_bytes());
                head.extend(value.as_bytes());
                head.extend(b"\r\n");
            }
        }
        head.extend(
            format!("X-Go-Authorized-Key: {key_line}\r\nX-Go-Ssh-User: {user}\r\n\r\n").as_bytes(),
        );
        Ok(head)
    }

    async fn upgraded(&self, request: &[u8]) -> Result<BoxStream, TransportError> {
        let mut stream = self.0.route.pool.raw().await?;
        let sent = async {
            stream.write_all(request).await?;
            stream.flush().await
        };
        sent.await.map_err(TransportError::Broke)?;
        let (head, stream) = read_answer(stream, LIMIT).await.map_err(unread)?;
        if head.status == 101 {
            return Ok(Box::new(stream));
        }
        Err(refused(&head, stream).await)
    }
}

fn bad_header(why: &str) -> TransportError {
    TransportError::Local(std::io::Error::new(
        std::io::ErrorKind::InvalidInput,
        format!("ssh: {why}"),
    ))
}

fn unread(error: HeadError) -> TransportError {
    match error {
        HeadError::Io(error) => TransportError::Broke(error),
        HeadError::Ended => TransportError::Broke(std::io::ErrorKind::UnexpectedEof.into()),
        HeadError::TimedOut => TransportError::HeaderTimeout,
        error => TransportError::Protocol(error.to_string()),
    }
}

async fn refused(head: &AnswerHead, stream: Prefixed<BoxStream>) -> TransportError {
    let length = head.headers.get("Content-Length");
    let length: usize = length.and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = Vec::new();
    let mut text = stream.take(length.min(ERROR_TEXT) as u64);
    // The status is the answer; its text helps if it comes.
    drop(text.read_to_end(&mut body).await);
    TransportError::Status {
        status: head.status,
        body: String::from_utf8_lossy(&body).trim_end().to_owned(),
    }
}
