//! Reverse mode: register with the hub, serve what it asks for, come back for ever (`buildlet.md` 8, `revdial.md` 3).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use farm_wire::revdial::listener::{
    Backoff, ListenEnd, Listening, NewKey, RegisterError, Registered, Versions, listen, register,
};
use farm_wire::reverse::{Claim, Mode, Request, RevdialVersion};
use farm_wire::stream::Connect;
use farm_wire::tls::{TlsConnect, Trust};
use tokio::task::JoinSet;

use crate::machine::Machine;
use crate::module_proxy::Upstream;
use crate::vars::Vars;
use crate::{Args, VERSION, http, key, os};

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
    /// Where the key of a host type is, and the next one goes.
    key_file: Option<PathBuf>,
}

impl Reverse {
    /// Reads key and certificates; nothing is dialed yet.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn new(args: &Args, vars: &Vars) -> anyhow::Result<Self> {
        let address = address(&args.coordinator);
        let connect = TlsConnect::new(&address, args.server_name.as_deref(), &trust(args)?)?
            .or_through(vars.proxies());
        let host = address
            .rsplit_once(':')
            .map_or(address.as_str(), |(host, _)| host);
        let host_type = args.reverse_type.as_deref();
        let request = Request {
            host: host.to_owned(),
            hostname: hostname(args, vars)?,
            claim: claim(args, vars)?,
            version: VERSION,
            revdial: RevdialVersion::V3,
        };
        Ok(Self {
            connect: Arc::new(connect),
            request,
            key_file: host_type.map(|name| key::file(name, args, vars)),
        })
    }

    /// The way to modules, with the credentials of this machine (`buildlet.md` 8.6).
    #[must_use]
    pub fn modules(&self) -> Option<Upstream> {
        let mode = match &self.request.claim {
            Claim::HostType(mode) => Some(mode),
            Claim::Builders(modes) => modes.first(),
        };
        let connect = self.connect.clone();
        mode.map(|mode| Upstream::new(connect, &self.request.host, &mode.name, &mode.key))
    }

    /// Registers and serves, again and again, until it is dropped. Once the machine was asked to halt it stays away.
    ///
    /// # Errors
    /// None: whatever goes wrong may heal.
    pub async fn serve(&self, machine: &Arc<Machine>) -> anyhow::Result<()> {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let mut versions = Versions::default();
        let mut request = self.request.clone();
        loop {
            // A machine that is about to end must not be given work once more.
            if machine.is_halting() {
                return std::future::pending().await;
            }
            request.revdial = versions.next(Instant::now());
            let wait = match register(&*self.connect, &request).await {
                Ok(control) => {
                    let revdial = control.version;
                    tracing::info!(name = %request.hostname, %revdial, "registered");
                    let begun = Instant::now();
                    let end = self.session(control, machine, &mut request.claim).await;
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

    /// One session. When it ends, everything the hub was doing here ends with it. A new key stands in `claim`
    /// from then on.
    async fn session(
        &self,
        control: Registered,
        machine: &Arc<Machine>,
        claim: &mut Claim,
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
                        if let (Claim::HostType(mode), Some(file)) = (&mut *claim, &self.key_file) {
                            next.expose().clone_into(&mut mode.key);
                            if let Some(modules) = &machine.modules {
                                modules.renew(&mode.key);
                            }
                            keep(next, file).await;
                        }
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

/// Writes the next key where the last one was. If that fails it is used all the same, while this process lives.
async fn keep(key: NewKey, file: &Path) {
    let path = file.to_owned();
    let kept = move || key::replace(&path, key.expose());
    let kept = tokio::task::spawn_blocking(kept).await;
    match kept.map_err(std::io::Error::other).flatten() {
        Ok(()) => tracing::info!(file = %file.display(), "the hub renewed the key"),
        Err(error) => tracing::warn!(
            file = %file.display(), %error,
            "the hub renewed the key, which cannot be written: after a restart the old one is used"
        ),
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

fn hostname(args: &Args, vars: &Vars) -> anyhow::Result<String> {
    match &args.hostname {
        Some(name) if !name.is_empty() => Ok(name.clone()),
        _ => os::hostname(vars).context("this machine has no usable name; --hostname gives it one"),
    }
}

/// What this machine registers as, with the keys that show it.
fn claim(args: &Args, vars: &Vars) -> anyhow::Result<Claim> {
    let names: Vec<&str> = match &args.reverse_type {
        Some(host_type) => vec![host_type],
        None => args.reverse.iter().map(String::as_str).collect(),
    };
    let keys = key::find(&names, args.reverse_type.is_none(), args, vars)?;
    let mut modes = names.iter().zip(keys).map(|(name, key)| Mode {
        name: (*name).to_owned(),
        key,
    });
    match (&args.reverse_type, modes.next()) {
        (Some(_), Some(mode)) => Ok(Claim::HostType(mode)),
        (None, Some(first)) => Ok(Claim::Builders([first].into_iter().chain(modes).collect())),
        (_, None) => bail!("--reverse names no builder"),
    }
}

/// `host:port` of `--coordinator`; TLS has a port of its own where none is given.
pub fn address(coordinator: &str) -> String {
    let has_port = match coordinator.rsplit_once(']') {
        Some((_, rest)) => rest.starts_with(':'),
        None => coordinator.contains(':'),
    };
    if has_port {
        coordinator.to_owned()
    } else {
        format!("{coordinator}:443")
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_coordinator_without_a_port_is_dialed_at_that_of_https() {
        for (given, dialed) in [
            ("farmer.golang.org", "farmer.golang.org:443"),
            ("farm.example:8119", "farm.example:8119"),
            ("[::1]", "[::1]:443"),
            ("[::1]:8119", "[::1]:8119"),
        ] {
            assert_eq!(address(given), dialed);
        }
    }
}
