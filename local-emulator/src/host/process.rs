//! One process of the functions.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use functions::manifest::Manifest;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::inherit;

/// How long it may take until it listens.
const READY: Duration = Duration::from_secs(20);
/// How long it may take to end when told: its own bound for requests under way, and a little.
const END: Duration = Duration::from_secs(12);
/// A log larger than this is begun afresh at the next start.
const LOG: u64 = 16 << 20;

/// How a process of the functions is started.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    program: PathBuf,
    words: Vec<String>,
    settings: Vec<(String, String)>,
    log: PathBuf,
}

impl Plan {
    /// Of `program`: the farm's own binary, or that of the functions alone. Of `settings` it gets those that `manifest`
    /// names, and no other of the farm's.
    pub(crate) fn new(
        program: Program,
        manifest: &Manifest,
        settings: Vec<(String, String)>,
        log: &Path,
    ) -> Self {
        let named = |name: &String| {
            manifest.values().any(|function| {
                let lists = [
                    &function.settings,
                    &function.optional_settings,
                    &function.secrets,
                    &function.optional_secrets,
                ];
                lists.iter().any(|list| list.contains(name))
            })
        };
        let (program, words) = match program {
            Program::Farm(path) => (path, vec!["functions".to_owned()]),
            Program::Functions(path) => (path, Vec::new()),
        };
        Self {
            program,
            words,
            settings: settings.into_iter().filter(|(n, _)| named(n)).collect(),
            log: log.to_owned(),
        }
    }

    /// The file of the program.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Where the process writes what it has to say.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Starts one; returns once it takes requests.
    pub(super) async fn start(&self) -> anyhow::Result<Process> {
        let mut child = self.command()?.spawn().with_context(|| {
            let program = self.program.display();
            format!("cannot start the functions, {program}")
        })?;
        let tie = child.stdin.take();
        let output = child.stdout.take().context("it has no output")?;
        let mut lines = BufReader::new(output).lines();
        let said = tokio::select! {
            said = tokio::time::timeout(READY, lines.next_line()) => said,
            ended = child.wait() => bail!("{}; {} says why", outcome(ended), self.log.display()),
        };
        let said = said.map_err(|_| anyhow!("the functions did not listen within {READY:?}"))??;
        let address = said.as_deref().and_then(address_of);
        let address = address.with_context(|| {
            let log = self.log.display();
            format!("the functions did not say where they listen; {log} may say why")
        })?;
        Ok(Process {
            child,
            tie,
            address,
            _lines: lines,
        })
    }

    fn command(&self) -> anyhow::Result<Command> {
        let log = self.open_log();
        let log = log.with_context(|| format!("cannot write {}", self.log.display()))?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.words)
            .args(["--target", functions::ALL, "--listen", "127.0.0.1:0"])
            // Its other end closes however this process ends, kill -9 included.
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        inherit::keep(&mut command, inherit::by_parts);
        // A signal to the terminal's group is this process's to answer: requests are drained first.
        #[cfg(unix)]
        command.process_group(0);
        command.envs(self.settings.iter().cloned());
        Ok(command)
    }

    fn open_log(&self) -> std::io::Result<std::fs::File> {
        let full = std::fs::metadata(&self.log).is_ok_and(|log| log.len() > LOG);
        let mut options = std::fs::OpenOptions::new();
        options.create(true);
        if full {
            options.write(true).truncate(true).open(&self.log)
        } else {
            options.append(true).open(&self.log)
        }
    }
}

/// Whose binary it is.
#[derive(Debug, Clone)]
pub(crate) enum Program {
    /// `farm`, which has the functions as a command.
    Farm(PathBuf),
    /// The functions' own.
    Functions(PathBuf),
}

fn address_of(line: &str) -> Option<SocketAddr> {
    line.strip_prefix(functions::LISTENING)?.trim().parse().ok()
}

/// What became of a process, for people.
pub(super) fn outcome(ended: std::io::Result<ExitStatus>) -> String {
    match ended {
        Ok(status) => format!("the functions ended ({status})"),
        Err(error) => format!("the functions cannot be waited for ({error})"),
    }
}

/// A process that takes requests.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Closing it ends the process.
    tie: Option<ChildStdin>,
    pub(super) address: SocketAddr,
    /// Held open, so that nothing it might still say is an error to it.
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(super) fn id(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(&mut self) -> String {
        outcome(self.child.wait().await)
    }

    /// Lets it end, and makes it.
    pub(super) async fn end(mut self) {
        drop(self.tie.take());
        if tokio::time::timeout(END, self.child.wait()).await.is_err() {
            tracing::warn!("the functions do not end: killed");
            let _gone_meanwhile = self.child.kill().await;
        }
    }
}
