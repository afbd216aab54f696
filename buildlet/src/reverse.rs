//! Reverse mode: register with the hub, serve what it asks for, come back for ever (`buildlet.md` 8, `revdial.md` 3).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use farm_wire::revdial::listener::{
    Backoff, ListenEnd, Listening, NewKey, RegisterError, Registered, Versions, listen, register,
};
use farm_wire::reverse::{Request, RevdialVersion};
use farm_wire::stream::Connect;
use farm_wire::tls::{TlsConnect, Trust};
use tokio::task::JoinSet;

use crate::key_file;
use crate::machine::Machine;
use crate::{Args, VERSION, http};

const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A session that lasted so long was a good one: the next failure starts with the first wait again.
const GOOD_SESSION: Duration = Duration::from_secs(10);
/// Connections of the hub at once.
const MAX_CONNECTIONS: usize = 64;
/// For the commands of a session that ended.
const REAP: Duration = Duration::from_secs(5);

/// A hub to register with.
pub struct Reverse {
    connect: Arc<dyn Connect>,
    request: Request,
    /// Where the key is, and the next one goes.
    key_file: PathBuf,
}

impl Reverse {
    /// Reads key and certificates; nothing is dialed yet.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn new(args: &Args, host_type: &str) -> anyhow::Result<Self> {
        let connect = TlsConnect::new(
            &args.coordinator,
            args.server_name.as_deref(),
            &trust(args)?,
        )?;
        let host = args
            .coordinator
            .rsplit_once(':')
            .map_or(args.coordinator.as_str(), |(host, _)| host);
        let (key_file, key) = key(args, host_type)?;
        let request = Request {
            host: host.to_owned(),
            hostname: hostname(args)?,
            host_type: host_type.to_owned(),
            key,
            version: VERSION,
            revdial: RevdialVersion::V3,
        };
        Ok(Self {
            connect: Arc::new(connect),
            request,
            key_file,
        })
    }

    /// Registers and serves, again and again, until it is dropped.
    ///
    /// # Errors
    /// None: whatever goes wrong may heal.
    pub async fn serve(&self, machine: &Arc<Machine>) -> anyhow::Result<()> {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let mut versions = Versions::default();
        let mut request = self.request.clone();
        loop {
            request.revdial = versions.next(Instant::now());
            let wait = match register(&*self.connect, &request).await {
                Ok(control) => {
                    let revdial = control.version;
                    tracing::info!(name = %request.hostname, %revdial, "registered");
                    let begun = Instant::now();
                    let end = self.session(control, machine, &mut request.key).await;
                    tracing::warn!(%end, "session ended");
                    if begun.elapsed() >= GOOD_SESSION {
                        backoff.reset();
                    }
                    backoff.next_wait()
                }
                Err(error) if versions.learn(request.revdial, &error, Instant::now()) => {
                    tracing::info!("the hub does not speak revdial version 3: asking for 2");
                    continue;
                }
                Err(error) => after(&error, &mut backoff),
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// One session. When it ends, everything the hub was doing here ends with it. A new key is `key` from then on.
    async fn session(
        &self,
        control: Registered,
        machine: &Arc<Machine>,
        key: &mut String,
    ) -> ListenEnd {
        let Listening {
            mut incoming,
            mut renewals,
            session,
        } = listen(control, self.connect.clone(), &self.request.host);
        let mut connections = JoinSet::new();
        let serve = async {
            loop {
                tokio::select! {
                    Some(stream) = incoming.accept(), if connections.len() < MAX_CONNECTIONS => {
                        let machine = machine.clone();
                        connections.spawn(async move { http::serve(stream, &*machine).await });
                    }
                    Some(ended) = connections.join_next() => drop(ended),
                    Some(next) = renewals.next() => {
                        next.expose().clone_into(key);
                        self.keep(next).await;
                    }
                    else => std::future::pending().await,
                }
            }
        };
        let end = tokio::select! {
            end = session.run() => end,
            () = serve => ListenEnd::NotAccepting,
        };
        connections.shutdown().await;
        if !machine.processes.idle(REAP).await {
            tracing::warn!("a killed command is not gone yet");
        }
        end
    }
}

impl Reverse {
    /// Writes the next key where the last one was. If that fails it is used all the same, while this process lives.
    async fn keep(&self, key: NewKey) {
        let path = self.key_file.clone();
        let kept = move || key_file::replace(&path, key.expose());
        let kept = tokio::task::spawn_blocking(kept).await;
        match kept.map_err(std::io::Error::other).flatten() {
            Ok(()) => tracing::info!(file = %self.key_file.display(), "the hub renewed the key"),
            Err(error) => tracing::warn!(
                file = %self.key_file.display(), %error,
                "the hub renewed the key, which cannot be written: after a restart the old one is used"
            ),
        }
    }
}

fn after(error: &RegisterError, backoff: &mut Backoff) -> Duration {
    let wait = if error.is_lasting() {
        backoff.long_wait()
    } else {
        backoff.next_wait()
    };
    let seconds = wait.as_secs_f32();
    if error.is_lasting() {
        tracing::error!(
            "{error}; check --reverse-type, --hostname and --key-file. Next try in {seconds:.0} s"
        );
    } else {
        tracing::warn!("{error}. Next try in {seconds:.1} s");
    }
    wait
}

fn trust(args: &Args) -> anyhow::Result<Trust> {
    match &args.ca {
        _ if args.insecure_skip_verify => {
            tracing::warn!(
                "--insecure-skip-verify: whoever answers at {} may run anything here",
                args.coordinator
            );
            Ok(Trust::Anyone)
        }
        Some(path) => Ok(Trust::Pem(
            read(path).with_context(|| "--ca names the hub's certificate")?,
        )),
        None => Ok(Trust::PublicRoots),
    }
}

fn hostname(args: &Args) -> anyhow::Result<String> {
    match &args.hostname {
        Some(name) if !name.is_empty() => Ok(name.clone()),
        _ => match nix::unistd::gethostname()?.into_string() {
            Ok(name) if !name.is_empty() => Ok(name),
            _ => bail!("this machine has no usable name; --hostname gives it one"),
        },
    }
}

/// The file of the key, and the key without white space around it (`buildlet.md` 8.2).
fn key(args: &Args, host_type: &str) -> anyhow::Result<(PathBuf, String)> {
    let path = match &args.key_file {
        Some(path) => path.clone(),
        None => home().join(format!(".gobuildkey-{host_type}")),
    };
    let bytes = read(&path).context("--key-file names the file with this machine's key")?;
    let text = String::from_utf8_lossy(&bytes);
    match text.trim() {
        "" => bail!("{} holds no key", path.display()),
        key => Ok((path, key.to_owned())),
    }
}

fn home() -> PathBuf {
    std::env::home_dir().unwrap_or_else(|| PathBuf::from("/"))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
