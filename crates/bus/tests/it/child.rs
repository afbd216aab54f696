//! Servers of others as processes, which end with this one, however that ends.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Long enough for a virtual machine to come up on a loaded machine.
const START: Duration = Duration::from_secs(60);

/// Its input ends with us, by whatever death, and then the shell ends what it started.
const GUARD: &str = r#""$@" & cat > /dev/null; kill "$!"; wait"#;

/// A running server; ended when dropped.
pub struct Child(std::process::Child);

impl Child {
    pub fn start(program: &Path, args: &[&str], settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sh");
        command.args([OsStr::new("-c"), OsStr::new(GUARD), OsStr::new("sh")]);
        command
            .arg(program)
            .args(args)
            .envs(settings.iter().copied());
        let quiet = command.stdin(Stdio::piped()).stdout(Stdio::null());
        Self(quiet.stderr(Stdio::null()).spawn().unwrap())
    }
}

/// Ends it in order, and waits until it has.
impl Drop for Child {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}

/// Until somebody listens there.
pub async fn is_up(address: SocketAddr) {
    let up = async {
        while TcpStream::connect(address).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(START, up).await.expect("the server did not start");
}

/// What this process was told about servers.
#[expect(
    clippy::disallowed_methods,
    reason = "names the servers to test against"
)]
pub fn told(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The program `name` on PATH.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = told("PATH")?;
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
    places.find(|program| program.is_file())
}

/// Says that cases are left out, and why. Not printed: of a test that passes nobody would see it.
pub fn skipped(why: &str) {
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("skipped: {why}\n"));
}
