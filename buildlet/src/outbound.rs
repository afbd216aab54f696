//! Keeping builds off the network (`buildlet.md` 5.7): for all of this machine and as long as it is up, since the packet
//! filter knows no commands. On Linux alone; elsewhere nothing happens, as in 2019.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
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
            let inserted = tell(&program, &[&INSERT[..], &rule].concat()).await;
            // Without its exception the hub would be out of reach until this machine starts again.
            if let (false, Some((host, port))) = (inserted, &self.hub)
                && rule == hub(host, port)
                && REFUSED.contains(&port.as_str())
            {
                tracing::warn!("{VARIABLE}: port {port} stays open, since the hub is there");
                tell(&program, &[&DELETE[..], &refuse(port)].concat()).await;
            }
        }
    }

    /// In the order in which they are inserted, each in front of those before: what is refused, then its exceptions. So no
    /// rule depends on the place of another, which may have failed or, for a name with several addresses, be several.
    fn rules(&self) -> Vec<Vec<&str>> {
        let hub = self.hub.iter().map(|(host, port)| hub(host, port));
        let exceptions = ALLOWED.into_iter().map(accept).chain(hub);
        let mut stand: Vec<_> = exceptions.chain(REFUSED.into_iter().map(refuse)).collect();
        stand.reverse();
        stand
    }
}

const INSERT: [&str; 3] = ["-I", "OUTPUT", "1"];
const DELETE: [&str; 2] = ["-D", "OUTPUT"];
const NEW: [&str; 4] = ["-m", "state", "--state", "NEW"];

fn accept(address: &str) -> Vec<&str> {
    [&NEW[..], &["-d", address, "-p", "tcp", "-j", "ACCEPT"]].concat()
}

fn hub<'a>(host: &'a str, port: &'a str) -> Vec<&'a str> {
    let to = ["-d", host, "-p", "tcp", "--dport", port, "-j", "ACCEPT"];
    [&NEW[..], &to].concat()
}

fn refuse(port: &str) -> Vec<&str> {
    let reject = ["-j", "REJECT", "--reject-with", "icmp-host-prohibited"];
    [&NEW[..], &["-p", "tcp", "--dport", port], &reject].concat()
}

/// Whether it was done; if not, that is logged.
async fn tell(program: &Path, rule: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(rule).stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(LIMIT, command.output()).await {
        Ok(Ok(done)) if done.status.success() => return true,
        Ok(Ok(done)) => {
            let said = String::from_utf8_lossy(&done.stderr);
            tracing::warn!(status = %done.status, "{VARIABLE}: {}: {}", rule.join(" "), said.trim());
        }
        Ok(Err(error)) => tracing::warn!(%error, "{VARIABLE}: {}", program.display()),
        Err(_) => tracing::warn!("{VARIABLE}: {} takes too long", program.display()),
    }
    false
}

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
                "-m state --state NEW -p tcp --dport 80 -j REJECT --reject-with icmp-host-prohibited",
                "-m state --state NEW -p tcp --dport 443 -j REJECT --reject-with icmp-host-prohibited",
                "-m state --state NEW -p tcp --dport 22 -j REJECT --reject-with icmp-host-prohibited",
                "-m state --state NEW -d farm.example -p tcp --dport 443 -j ACCEPT",
                "-m state --state NEW -d 10.0.0.0/8 -p tcp -j ACCEPT",
                "-m state --state NEW -d 35.184.38.56 -p tcp -j ACCEPT",
            ]
        );
        assert_eq!(Outbound::new(None).rules().len(), 5);
    }

    /// The exception of a hub whose name is not found is refused by the packet filter.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_hub_without_an_exception_is_not_locked_out() {
        for (hub, taken_back) in [("farm.example:443", true), ("farm.example:8119", false)] {
            let folder = tempfile::tempdir().unwrap();
            let told = folder.path().join("told");
            let script = format!(
                "#!/bin/sh\necho \"$@\" >> {}\ncase \"$*\" in *farm.example*) exit 2;; esac\n",
                told.display()
            );
            // Another process writes it: nothing here has it open while it is run.
            let made = std::process::Command::new("sh")
                .args([
                    "-c",
                    "printf %s \"$1\" > iptables; chmod 755 iptables",
                    "sh",
                    &script,
                ])
                .current_dir(folder.path())
                .status();
            assert!(made.unwrap().success());
            Outbound::new(Some(hub))
                .block(Some(folder.path().as_os_str()))
                .await;
            let told = std::fs::read_to_string(&told).unwrap();
            let deleted: Vec<_> = told
                .lines()
                .filter(|line| line.starts_with("-D "))
                .collect();
            let refusal = format!("-D OUTPUT {}", refuse("443").join(" "));
            assert_eq!(
                deleted,
                if taken_back {
                    vec![refusal]
                } else {
                    Vec::new()
                },
                "{told}"
            );
            assert!(
                told.ends_with("-d 35.184.38.56 -p tcp -j ACCEPT\n"),
                "{told}"
            );
        }
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
