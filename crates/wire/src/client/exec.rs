//! Running commands.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::Connection;
use super::form::Form;
use super::request::expect_ok;
use super::{Client, HEADERS, RemoteError, TransportError};

/// Says in the trailer how the command ended.
const PROCESS_STATE: &str = "process-state";

/// A command. Nothing is split or expanded, except `$PATH` and `$WORKDIR` in `path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// Relative to the work dir; at system level as it is, looked up in the buildlet's `PATH` if it is a bare name.
    pub cmd: String,
    /// Without the command itself.
    pub args: Vec<String>,
    /// Working directory; empty: that of the command, at system level the work dir.
    pub dir: String,
    /// `KEY=VALUE`, after the buildlet's own.
    pub env: Vec<String>,
    /// Elements of a new `PATH`; `None`: unchanged; none at all: the variable is removed.
    pub path: Option<Vec<String>>,
    /// Not confined to the work dir.
    pub system_level: bool,
    /// First prints a line that describes the run.
    pub debug: bool,
    /// How long it may take, from the moment it is started.
    pub timeout: Duration,
}

impl Exec {
    /// `cmd` alone.
    #[must_use]
    pub fn new(cmd: &str, timeout: Duration) -> Self {
        Self {
            cmd: cmd.to_owned(),
            args: Vec::new(),
            dir: String::new(),
            env: Vec::new(),
            path: None,
            system_level: false,
            debug: false,
            timeout,
        }
    }

    fn form(&self) -> Form {
        let removed_first = ["$EMPTY".to_owned()];
        let path = match self.path.as_deref() {
            None => &[],
            Some([]) => &removed_first[..],
            Some(path) => path,
        };
        Form::default()
            .with("cmd", &self.cmd)
            .with_all("cmdArg", &self.args)
            .with("debug", if self.debug { "true" } else { "false" })
            .with("dir", &self.dir)
            .with_all("env", &self.env)
            .with("mode", if self.system_level { "sys" } else { "" })
            .with_all("path", path)
    }
}

/// A command that was accepted. Dropping it closes the connection, and so kills the command's whole process group.
#[derive(Debug)]
#[must_use = "dropping it kills the command"]
pub struct Running {
    client: Client,
    connection: Connection,
    output: Incoming,
    deadline: Instant,
    state: Option<String>,
    ended: bool,
}

impl Client {
    /// Starts a command; returns as soon as the buildlet has accepted it, before any output, within twenty seconds. Its
    /// time runs from then on.
    ///
    /// # Errors
    /// [`TransportError`]; the client is broken then, unless the buildlet only refused the request.
    pub async fn start(&self, command: &Exec) -> Result<Running, TransportError> {
        let sent = async {
            let body = command.form().into_body();
            let (connection, answer) = self.0.route.send(Method::POST, "/exec", body).await?;
            Ok((connection, expect_ok(answer).await?))
        };
        let answered = async {
            timeout(HEADERS, sent)
                .await
                .unwrap_or(Err(TransportError::HeaderTimeout))
        };
        let answered = self.while_alive(answered).await;
        let (connection, output) = answered.map_err(|error| self.broken_by(error))?;
        Ok(Running {
            client: self.clone(),
            connection,
            output,
            deadline: Instant::now() + command.timeout,
            state: None,
            ended: false,
        })
    }

    /// Runs a command to its end, its output to `output`. Waiting for `output` counts as the command's time.
    ///
    /// # Errors
    /// The outer error: nothing is known about the command, or it took too long. The inner one: it failed.
    pub async fn exec(
        &self,
        command: &Exec,
        output: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Result<(), RemoteError>, TransportError> {
        let mut running = self.start(command).await?;
        while let Some(chunk) = running.next().await? {
            match timeout_at(running.deadline, output.write_all(&chunk)).await {
                Ok(written) => written.map_err(TransportError::Local)?,
                Err(_) => return Err(self.broken_by(TransportError::TimedOut)),
            }
        }
        output.flush().await.map_err(TransportError::Local)?;
        running.finish()
    }

    /// What kept us from seeing a command's end makes the buildlet doubtful; a refusal, or trouble of our own, does not.
    fn broken_by(&self, error: TransportError) -> TransportError {
        match error {
            TransportError::Status { status: ..500, .. } | TransportError::Local(_) => {}
            _ => self.mark_broken(),
        }
        error
    }
}

impl Running {
    /// The next piece of output, stdout and stderr as they came; `None` at the end. Cancel-safe.
    ///
    /// # Errors
    /// [`TransportError::TimedOut`] when the command's time is over, however much it prints; others when the connection
    /// broke or the buildlet is dead. The client is broken then.
    pub async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        let client = self.client.clone();
        let next = client.while_alive(self.piece()).await;
        next.map_err(|error| client.broken_by(error))
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, TransportError> {
        loop {
            if Instant::now() >= self.deadline {
                return Err(TransportError::TimedOut);
            }
            let Ok(frame) = timeout_at(self.deadline, self.output.frame()).await else {
                return Err(TransportError::TimedOut);
            };
            let Some(frame) = frame.transpose()? else {
                self.ended = true;
                return Ok(None);
            };
            match frame.into_data() {
                Ok(chunk) if chunk.is_empty() => {}
                Ok(chunk) => return Ok(Some(chunk)),
                Err(frame) => self.state = state_of(&frame),
            }
        }
    }

    /// How the command ended; to be asked after [`Running::next`] said `None`.
    ///
    /// # Errors
    /// The outer error: the buildlet did not say. The inner one: what it said, if not `ok`.
    pub fn finish(self) -> Result<Result<(), RemoteError>, TransportError> {
        let unsaid = || self.client.broken_by(TransportError::NoTrailer);
        let state = self.state.ok_or_else(unsaid)?;
        if self.ended {
            self.client.0.route.pool.put(self.connection);
        }
        Ok(if state == "ok" {
            Ok(())
        } else {
            Err(RemoteError(state))
        })
    }
}

fn state_of(frame: &http_body::Frame<Bytes>) -> Option<String> {
    let value = frame.trailers_ref()?.get(PROCESS_STATE)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_sent_as_the_worked_exchange_has_it() {
        let mut command = Exec::new("a.sh", Duration::from_secs(1));
        command.args = vec!["x".into()];
        command.env = vec!["FOO=bar".into()];
        command.path = Some(vec!["$WORKDIR/go/bin".into(), "$PATH".into()]);
        assert_eq!(
            command.form().after(""),
            "?cmd=a.sh&cmdArg=x&debug=false&dir=&env=FOO%3Dbar&mode=&path=%24WORKDIR%2Fgo%2Fbin&path=%24PATH"
        );
        command.path = Some(Vec::new());
        assert!(command.form().after("").ends_with("&path=%24EMPTY"));
    }
}
