//! Keeping builds off the network (`buildlet.md` 5.7): for all of this machine and as long as it is up, since the packet
//! filter knows no commands. On Linux alone; elsewhere nothing happens, as in 2019.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::OnceCell;

/// What a command's `env` asks with.
pub const VARIABLE: &str = "GO_DISABLE_OUTBOUND_NETWORK";

/// `iptables-legacy` comes first: kernels of build machines may lack what the other translates to.
const PROGRAMS: [&str; 2] = ["iptables-legacy", "iptables"];
const FALLBACK: &str = "/sbin";
/// For one rule; the filter's lock may be taken for a while.
const LIMIT: Duration = Duration::from_secs(10);
/// What the builds of Go may reach: their server of version control tests, and their own network.
const ALLOWED: [&str; 2] = ["35.184.38.56", "10.0.0.0/8"];
/// ssh, HTTPS, and HTTP, which later versions refuse as well.
const REFUSED: [&str; 3] = ["22", "443", "80"];

/// The blocking, done once.
pub struct Outbound {
    /// Host and port of the hub: this machine is dialed by dialing it, again for each connection.
    hub: Option<(String, String)>,
    done: OnceCell<()>,
}

impl Outbound {
    /// Nothing is blocked yet. `hub` (`host:port`) stays reachable.
    #[must_use]
    pub fn new(hub: Option<&str>) -> Self {
        let parts = hub.and_then(|address| address.rsplit_once(':'));
        Self {
            hub: parts.map(|(host, port)| (host.trim_matches(['[', ']']).into(), port.into())),
            done: OnceCell::new(),
        }
    }

    /// Refuses new connections to the outside from now on; whoever comes meanwhile waits. Failures are only logged.
    pub async fn block(&self, path: Option<&OsStr>) {
        if cfg!(target_os = "linux") {
            self.done.get_or_init(|| self.insert_rules(path)).await;
        }
    }

    async fn insert_rules(&self, path: Option<&OsStr>) {
        let Some(program) = program(path) else {
            return tracing::warn!("{VARIABLE}: no iptables found; the network stays open");
        };
        for rule in self.rules() {
            let mut command = Command::new(&program);
            command.args(&rule).stdin(Stdio::null()).kill_on_drop(true);
            match tokio::time::timeout(LIMIT, command.output()).await {
                Ok(Ok(done)) if done.status.success() => {}
                Ok(Ok(done)) => {
                    let said = String::from_utf8_lossy(&done.stderr);
                    tracing::warn!(status = %done.status, "{VARIABLE}: {}: {}", rule.join(" "), said.trim());
                }
                Ok(Err(error)) => tracing::warn!(%error, "{VARIABLE}: {}", program.display()),
                Err(_) => tracing::warn!("{VARIABLE}: {} takes too long", program.display()),
            }
        }
    }

    /// In the order in which they must stand: exceptions before what they are exceptions of.
    fn rules(&self) -> Vec<Vec<&str>> {
        let accept = |address| vec!["-d", address, "-p", "tcp", "-j", "ACCEPT"];
        let hub = self
            .hub
            .iter()
            .map(|(host, port)| vec!["-d", host, "-p", "tcp", "--dport", port, "-j", "ACCEPT"]);
        let refuse = |port| {
            let reject = ["-j", "REJECT", "--reject-with", "icmp-host-prohibited"];
            [&["-p", "tcp", "--dport", port][..], &reject].concat()
        };
        let exceptions = ALLOWED.into_iter().map(accept).chain(hub);
        let rules = exceptions.chain(REFUSED.into_iter().map(refuse));
        rules
            .zip(POSITIONS)
            .map(|(rule, at)| {
                let new = ["-I", "OUTPUT", at, "-m", "state", "--state", "NEW"];
                [&new[..], &rule].concat()
            })
            .collect()
    }
}

const POSITIONS: [&str; 6] = ["1", "2", "3", "4", "5", "6"];

fn program(path: Option<&OsStr>) -> Option<PathBuf> {
    let path = path.map(OsStr::to_owned).unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .chain([FALLBACK.into()])
        .collect();
    let mut files = PROGRAMS
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    files.find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_those_of_2019_with_http_and_a_way_to_the_hub() {
        let blocked = Outbound::new(Some("farm.example:443"));
        let lines: Vec<String> = blocked.rules().iter().map(|rule| rule.join(" ")).collect();
        assert_eq!(
            lines,
            [
                "-I OUTPUT 1 -m state --state NEW -d 35.184.38.56 -p tcp -j ACCEPT",
                "-I OUTPUT 2 -m state --state NEW -d 10.0.0.0/8 -p tcp -j ACCEPT",
                "-I OUTPUT 3 -m state --state NEW -d farm.example -p tcp --dport 443 -j ACCEPT",
                "-I OUTPUT 4 -m state --state NEW -p tcp --dport 22 -j REJECT --reject-with icmp-host-prohibited",
                "-I OUTPUT 5 -m state --state NEW -p tcp --dport 443 -j REJECT --reject-with icmp-host-prohibited",
                "-I OUTPUT 6 -m state --state NEW -p tcp --dport 80 -j REJECT --reject-with icmp-host-prohibited",
            ]
        );
        assert_eq!(Outbound::new(None).rules().len(), 5);
    }

    #[test]
    fn the_legacy_program_comes_first_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("1"), folder.path().join("2"));
        for folder in [&one, &two] {
            std::fs::create_dir(folder).unwrap();
        }
        let path = std::env::join_paths([&one, &two]).unwrap();
        std::fs::write(one.join("iptables"), "").unwrap();
        assert_eq!(program(Some(&path)), Some(one.join("iptables")));
        std::fs::write(two.join("iptables-legacy"), "").unwrap();
        assert_eq!(program(Some(&path)), Some(two.join("iptables-legacy")));
    }
}
