//! The pool of local machines: this same binary run again as buildlets, each started anew when it ends until it is deleted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use farm_core::pool::{CreateError, Found, MachinePool, Mark, Order, PoolError};
use farm_model::id::{HostType, MachineName};
use farm_runtime::Clock;
use farm_wire::keys::{MasterKey, mint};

use super::folder::write_private;
use crate::inherit;

/// How long a local machine's key is good for: its child is started with a fresh one each time.
const KEY_LIFE: SignedDuration = SignedDuration::from_hours(24 * 30);
/// First pause before a machine that ended is started again; doubles up to the cap.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_CAP: Duration = Duration::from_secs(10);
/// A machine that lived this long starts with a short pause again.
const STEADY: Duration = Duration::from_secs(10);
/// Where all of them are.
const PLACE: &str = "here";
/// How long a machine may take to end when told.
const END: Duration = Duration::from_secs(5);

/// What a local machine is started with.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Folder of all machines.
    pub(super) root: PathBuf,
    /// The hub.
    pub(super) hub: std::net::SocketAddr,
    /// The hub's certificate.
    pub(super) ca: PathBuf,
    /// What machines' keys are made of.
    pub(super) master_key: MasterKey,
    /// When keys begin.
    pub(super) clock: Clock,
    /// The `farm` binary.
    pub(super) program: PathBuf,
    /// Who may be hit.
    pub(super) roster: Roster,
}

/// The machines of this computer. What it makes ends with it: there are no foreign ones.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    plan: Plan,
    stop: CancellationToken,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    machines: BTreeMap<MachineName, Life>,
    tasks: JoinSet<()>,
}

/// A machine that is kept running.
#[derive(Debug, Clone)]
struct Life {
    since: Timestamp,
    stop: CancellationToken,
    ended: CancellationToken,
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

    fn leave(&self, name: &str) {
        self.0.lock().remove(name);
    }
}

/// How a machine's life ended.
enum End {
    Itself(std::io::Result<ExitStatus>),
    Killed,
    Told,
}

impl Pool {
    /// No machines yet; all that will be made end when `stop` comes.
    pub(super) fn new(plan: Plan, stop: CancellationToken) -> Self {
        Self {
            plan,
            stop,
            kept: Arc::default(),
        }
    }

    /// Waits until every machine has ended, which must have been told to.
    pub(super) async fn ended(&self) {
        let mut tasks = std::mem::take(&mut self.kept.lock().tasks);
        while tasks.join_next().await.is_some() {}
    }
}

impl MachinePool for Pool {
    type Order = Order;

    async fn create(&self, order: &Order) -> Result<String, CreateError> {
        let mut kept = self.kept.lock();
        while kept.tasks.try_join_next().is_some() {}
        if kept.machines.contains_key(&order.name) {
            return Ok(PLACE.to_owned());
        }
        let life = Life {
            since: self.plan.clock.now(),
            stop: self.stop.child_token(),
            ended: CancellationToken::new(),
        };
        kept.machines.insert(order.name.clone(), life.clone());
        let (plan, name, host) = (self.plan.clone(), order.name.clone(), order.host.clone());
        kept.tasks.spawn(async move {
            // Said however this ends.
            let _ended = life.ended.drop_guard();
            plan.keep(name.as_str(), &host, life.stop).await;
        });
        Ok(PLACE.to_owned())
    }

    async fn list(&self) -> Result<Vec<Found>, PoolError> {
        let kept = self.kept.lock();
        let each = kept.machines.iter();
        let found = each.map(|(name, life)| Found {
            name: name.clone(),
            place: PLACE.to_owned(),
            since: life.since,
            mark: Mark::Ours,
            until: None,
            ended: false,
        });
        Ok(found.collect())
    }

    async fn delete(&self, name: &MachineName, _place: Option<&str>) -> Result<(), PoolError> {
        let life = self.kept.lock().machines.get(name).cloned();
        if let Some(life) = life {
            life.stop.cancel();
            life.ended.cancelled().await;
            self.kept.lock().machines.remove(name);
        }
        Ok(())
    }
}

impl Plan {
    /// Keeps the machine running until `stop`.
    async fn keep(&self, name: &str, host: &HostType, stop: CancellationToken) {
        let mut hits = self.roster.join(name);
        self.live(name, host, &mut hits, &stop).await;
        self.roster.leave(name);
    }

    async fn live(
        &self,
        name: &str,
        host: &HostType,
        hits: &mut mpsc::Receiver<Hit>,
        stop: &CancellationToken,
    ) {
        let mut pause = PAUSE;
        loop {
            let (started, mut killed) = (Instant::now(), false);
            match self.spawn(name, host) {
                Ok(mut child) => {
                    // Waiting would close it, and so end the machine.
                    let tie = child.stdin.take();
                    match life(&mut child, hits, stop).await {
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
                () = stop.cancelled() => return,
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
        inherit::keep(&mut command, inherit::by_builds);
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
