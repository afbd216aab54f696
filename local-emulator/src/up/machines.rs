//! Local machines: this same binary run again as buildlets, started anew when they end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use coordinator::Status;
use jiff::SignedDuration;
use parking_lot::Mutex;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use farm_model::id::HostType;
use farm_runtime::Clock;
use farm_wire::keys::{MasterKey, mint};

use super::folder::write_private;

/// How long a local machine's key is good for: its child is started with a fresh one each time.
const KEY_LIFE: SignedDuration = SignedDuration::from_hours(24 * 30);
/// First pause before a machine that ended is started again; doubles up to the cap.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_CAP: Duration = Duration::from_secs(10);
/// A machine that lived this long starts with a short pause again.
const STEADY: Duration = Duration::from_secs(10);
/// How long a machine may take to end when told.
const END: Duration = Duration::from_secs(5);

/// How the names of the farm's own settings begin, secrets among them, and those of telemetry, which may hold one: what
/// builds tell is not told as if it were the farm.
const OURS: [&str; 2] = ["FARM_", "OTEL_"];
/// How the names of secrets of forges end.
const SECRETS: &str = "_WEBHOOK_SECRET";
/// What git tells the hooks that it runs.
const OF_HOOKS: [&str; 4] = ["GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE"];

/// Whether builds see this variable of our environment.
fn is_inherited(name: &str) -> bool {
    // Windows does not tell them apart by case.
    let name = name.to_ascii_uppercase();
    let ours = OURS.iter().any(|start| name.starts_with(start)) || name.ends_with(SECRETS);
    !ours && !OF_HOOKS.contains(&name.as_str())
}

/// What a local machine is started with.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Folder of all machines.
    pub root: PathBuf,
    /// The hub.
    pub hub: std::net::SocketAddr,
    /// The hub's certificate.
    pub ca: PathBuf,
    /// What machines' keys are made of.
    pub master_key: MasterKey,
    /// When keys begin.
    pub clock: Clock,
    /// The `farm` binary.
    pub program: PathBuf,
    /// Who may be hit.
    pub roster: Roster,
}

/// What may be done to a machine's agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hit {
    /// kill -9.
    Kill,
    /// It stands still for so long.
    Freeze(Duration),
}

/// The machines that run, and a way to hit them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roster(Arc<Mutex<BTreeMap<String, mpsc::Sender<Hit>>>>);

impl Roster {
    /// Hits the machine that `pick` chooses. False if there is none, or it was hit a moment ago.
    pub(crate) fn hit(&self, pick: u64, hit: Hit) -> bool {
        let machines = self.0.lock();
        let index = usize::try_from(pick % (machines.len().max(1) as u64)).unwrap_or(0);
        let machine = machines.values().nth(index);
        machine.is_some_and(|machine| machine.try_send(hit).is_ok())
    }

    fn join(&self, name: &str) -> mpsc::Receiver<Hit> {
        let (send, receive) = mpsc::channel(1);
        self.0.lock().insert(name.to_owned(), send);
        receive
    }
}

/// How a machine's life ended.
enum End {
    Itself(std::io::Result<ExitStatus>),
    Killed,
    Told,
}

impl Pool {
    /// Keeps `count` machines of each host type running until `shutdown`: of `hosts`, and of those that the builders of a
    /// later `farm.toml` need.
    pub async fn run(
        self,
        hosts: Vec<HostType>,
        count: u32,
        mut status: watch::Receiver<Status>,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let (mut machines, mut started) = (JoinSet::new(), BTreeSet::new());
        let mut wanted: BTreeSet<HostType> = hosts.into_iter().collect();
        loop {
            for host in wanted.difference(&started) {
                for number in 1..=count {
                    let name = format!("{host}-{number}");
                    machines.spawn(self.clone().keep(name, host.clone(), shutdown.clone()));
                }
            }
            started.append(&mut wanted);
            tokio::select! {
                () = shutdown.cancelled() => break,
                Ok(()) = status.changed() => wanted.clone_from(&status.borrow_and_update().hosts),
                else => break,
            }
        }
        shutdown.cancelled().await;
        while machines.join_next().await.is_some() {}
        Ok(())
    }

    async fn keep(self, name: String, host: HostType, shutdown: CancellationToken) {
        let mut pause = PAUSE;
        let mut hits = self.roster.join(&name);
        loop {
            let (started, mut killed) = (Instant::now(), false);
            match self.spawn(&name, &host) {
                Ok(mut child) => {
                    // Waiting would close it, and so end the machine.
                    let tie = child.stdin.take();
                    match life(&mut child, &mut hits, &shutdown).await {
                        End::Itself(status) => {
                            tracing::warn!(machine = %name, ?status, "a local machine ended");
                        }
                        End::Killed => killed = true,
                        End::Told => return end(&mut child, tie).await,
                    }
                }
                Err(error) => tracing::error!(machine = %name, "{error:#}"),
            }
            pause = if killed || started.elapsed() > STEADY {
                PAUSE
            } else {
                (pause * 2).min(PAUSE_CAP)
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    fn spawn(&self, name: &str, host: &HostType) -> anyhow::Result<Child> {
        let folder = self.root.join(name);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let key = self.key_file(&folder, name, host)?;
        let log = std::fs::File::create(folder.join("buildlet.log"))?;
        let mut command = Command::new(&self.program);
        command
            .arg("buildlet")
            .args([
                "--coordinator",
                &self.hub.to_string(),
                "--server-name",
                "localhost",
            ])
            .args(["--reverse-type", host.as_str(), "--hostname", name])
            .arg("--key-file")
            .arg(key)
            .arg("--ca")
            .arg(&self.ca)
            .arg("--workdir")
            .arg(folder.join("work"))
            // Its other end closes however this process ends, kill -9 included: no machine outlives its farm.
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        // What is the farm's own, or a git hook's, is none of the builds' business.
        for (name, _) in std::env::vars_os() {
            if !name.to_str().is_some_and(is_inherited) {
                command.env_remove(name);
            }
        }
        // A signal to the terminal's group must not reach a build before its hub has drained.
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().context("cannot start a local machine")
    }

    fn key_file(&self, folder: &Path, name: &str, host: &HostType) -> anyhow::Result<PathBuf> {
        let expires = self.clock.now().as_second() + KEY_LIFE.as_secs();
        let key = mint(&self.master_key, host.as_str(), name, expires);
        let path = folder.join("key");
        write_private(&path, &key).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

/// Until it ends, is told to, or is killed.
async fn life(
    child: &mut Child,
    hits: &mut mpsc::Receiver<Hit>,
    shutdown: &CancellationToken,
) -> End {
    let mut thaw = None::<Instant>;
    loop {
        let until = thaw.unwrap_or_else(Instant::now);
        tokio::select! {
            status = child.wait() => return End::Itself(status),
            () = shutdown.cancelled() => {
                go_on(child);
                return End::Told;
            }
            () = tokio::time::sleep_until(until), if thaw.is_some() => {
                go_on(child);
                thaw = None;
            }
            Some(hit) = hits.recv() => match hit {
                Hit::Freeze(length) if stand_still(child) => thaw = Some(Instant::now() + length),
                Hit::Freeze(_) => {}
                Hit::Kill => {
                    let _gone_meanwhile = child.kill().await;
                    return End::Killed;
                }
            },
        }
    }
}

#[cfg(unix)]
fn signal(child: &Child, signal: nix::sys::signal::Signal) -> bool {
    // A child that was waited for has no id any more: nobody else is hit.
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    id.is_some_and(|id| nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), signal).is_ok())
}

#[cfg(unix)]
fn stand_still(child: &Child) -> bool {
    signal(child, nix::sys::signal::Signal::SIGSTOP)
}

#[cfg(unix)]
fn go_on(child: &Child) {
    signal(child, nix::sys::signal::Signal::SIGCONT);
}

/// Only Unix can.
#[cfg(not(unix))]
fn stand_still(_child: &Child) -> bool {
    false
}

#[cfg(not(unix))]
fn go_on(_child: &Child) {}

/// Lets the machine end, and makes it.
async fn end(child: &mut Child, tie: Option<ChildStdin>) {
    drop(tie);
    if tokio::time::timeout(END, child.wait()).await.is_err() {
        tracing::warn!("a local machine does not end: killed");
        let _gone_meanwhile = child.kill().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_see_the_environment_without_what_is_the_farms() {
        for name in ["PATH", "HOME", "GOFLAGS", "GIT_AUTHOR_NAME", "MY_FARM_X"] {
            assert!(is_inherited(name), "{name}");
        }
        for name in [
            "FARM_STATE",
            "FARM_METRICS_TOKEN_FILE",
            "farm_tls_key",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "GITHUB_WEBHOOK_SECRET",
            "GIT_DIR",
        ] {
            assert!(!is_inherited(name), "{name}");
        }
    }
}
