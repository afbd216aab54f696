//! Shells on this machine (`buildlet.md` 4.9 and 9.6): who may log in, and the server that lets them.

mod keys;
mod os;
mod server;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

pub use keys::Key;
use server::Server;

/// For a connection to the server, its start included.
const LIMIT: Duration = Duration::from_secs(15);
/// A server that was just started is asked so often, after 10, 20, … ms.
const PROBES: u32 = 40;
const PROBE: Duration = Duration::from_millis(10);

/// Where the SSH server is, and the homes.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SshArgs {
    /// The SSH server that /connect-ssh leads to. Default: localhost:22, on linux/amd64 localhost:2200.
    #[arg(long, value_name = "HOST:PORT")]
    pub ssh_server: Option<String>,

    /// The folder with the homes of those who log in. Default: the system's.
    #[arg(long, value_name = "DIR", hide = true)]
    pub ssh_homes: Option<PathBuf>,
}

/// The way to a shell.
pub struct Ssh {
    address: String,
    homes: Option<PathBuf>,
    server: Server,
    /// What came of the one attempt to start a server, which lives as long as this.
    started: OnceCell<Option<tokio::process::Child>>,
}

impl Ssh {
    /// Nothing is dialed or started yet.
    #[must_use]
    pub fn new(args: &SshArgs) -> Self {
        let address = args.ssh_server.clone().unwrap_or_else(os::address);
        Self {
            server: Server::of_system(&address),
            address,
            homes: args.ssh_homes.clone(),
            started: OnceCell::new(),
        }
    }

    /// Lets the owner of a key log in. Blocks.
    ///
    /// # Errors
    /// The key cannot be stored.
    pub fn authorize(&self, key: &Key) -> io::Result<()> {
        let homes = self.homes.clone();
        keys::append(&homes.unwrap_or_else(|| os::homes(&key.user)), key)
    }

    /// A connection to the server. If there is none, one is started, once, on machines that are known to have no other
    /// way.
    ///
    /// # Errors
    /// There is none within fifteen seconds.
    pub async fn dial(&self) -> io::Result<TcpStream> {
        let dialed = timeout(LIMIT, self.dial_or_start()).await;
        dialed.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }

    async fn dial_or_start(&self) -> io::Result<TcpStream> {
        let mut refused = match TcpStream::connect(&self.address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        let started = self.started.get_or_init(|| self.server.start()).await;
        if started.is_some() {
            for number in 1..=PROBES {
                sleep(PROBE * number).await;
                match TcpStream::connect(&self.address).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => refused = error,
                }
            }
        }
        let text = format!("ssh server at {}: {refused}", self.address);
        Err(io::Error::new(refused.kind(), text))
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A container of ours, as its files tell it, and a script in the server's place that tells how it was run.
    struct Container(tempfile::TempDir);

    impl Container {
        fn new(processes: u32) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for number in 1..=processes {
                std::fs::create_dir_all(folder.path().join(format!("proc/{number}"))).unwrap();
            }
            std::fs::create_dir_all(folder.path().join("proc/net")).unwrap();
            std::fs::write(folder.path().join("stage0"), "").unwrap();
            let sshd = folder.path().join("sshd");
            let script = "#!/bin/sh\necho \"$@\" >> \"$(dirname \"$0\")/runs\"\nexec sleep 1000\n";
            std::fs::write(&sshd, script).unwrap();
            std::fs::set_permissions(&sshd, PermissionsExt::from_mode(0o755)).unwrap();
            Self(folder)
        }

        fn ssh(&self, address: &str) -> Ssh {
            let at = |name: &str| self.0.path().join(name);
            let mut ssh = Ssh::new(&SshArgs {
                ssh_server: Some(address.to_owned()),
                ssh_homes: None,
            });
            ssh.server.processes = at("proc");
            ssh.server.stage0 = at("stage0");
            ssh.server.program = at("sshd");
            ssh.server.run_dir = at("run/sshd");
            ssh
        }

        fn runs(&self) -> String {
            std::fs::read_to_string(self.0.path().join("runs")).unwrap_or_default()
        }
    }

    /// An address that refuses until it is bound.
    fn refusing() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    }

    #[tokio::test]
    async fn in_our_container_a_server_is_started_once_and_waited_for() {
        let container = Container::new(3);
        let address = refusing();
        let port = address.rsplit(':').next().unwrap().to_owned();
        let ssh = container.ssh(&address);
        let listen = async {
            while container.runs().is_empty() {
                sleep(Duration::from_millis(5)).await;
            }
            TcpListener::bind(&address).unwrap()
        };
        let (dialed, listener) = tokio::join!(ssh.dial(), listen);
        dialed.unwrap();
        assert_eq!(container.runs(), format!("-D -p {port}\n"));
        assert!(container.0.path().join("run/sshd").is_dir());
        // It is not started a second time.
        ssh.dial().await.unwrap();
        drop(listener);
        assert_eq!(container.runs().lines().count(), 1);
    }

    #[tokio::test]
    async fn elsewhere_no_server_is_started() {
        let (busy, strange) = (Container::new(4), Container::new(3));
        std::fs::remove_file(strange.0.path().join("stage0")).unwrap();
        for container in [busy, strange] {
            let address = refusing();
            let error = container.ssh(&address).dial().await.unwrap_err();
            assert!(error.to_string().contains(&address), "{error}");
            assert_eq!(container.runs(), "");
        }
    }
}
