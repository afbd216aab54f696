//! A machine: the real buildlet, in this process.

use std::path::Path;

use clap::Parser;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::{Bench, PATIENCE};

/// A machine as long as it is held.
pub struct Connection {
    buildlet: JoinSet<anyhow::Result<()>>,
}

impl Connection {
    /// Dials the hub and comes back when the session ends.
    pub fn start(bench: &Bench, name: &str, work_dir: &Path) -> Self {
        Self::with_key(bench, name, work_dir, &bench.key(name))
    }

    /// The same with another key, which is in the file `<name>.key`.
    pub fn with_key(bench: &Bench, name: &str, work_dir: &Path, key: &str) -> Self {
        Self::register(&bench.address, bench, name, work_dir, key)
    }

    /// The same at another address of the hub.
    pub fn start_at(address: &str, bench: &Bench, name: &str, work_dir: &Path) -> Self {
        Self::register(address, bench, name, work_dir, &bench.key(name))
    }

    fn register(address: &str, bench: &Bench, name: &str, work_dir: &Path, key: &str) -> Self {
        let file = bench.folder.path().join(format!("{name}.key"));
        std::fs::write(&file, key).unwrap();
        let ca = bench.folder.path().join("hub/hub-cert.pem");
        std::fs::create_dir_all(work_dir).unwrap();
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let args = [
            ("--coordinator", address.to_owned()),
            ("--server-name", "localhost".to_owned()),
            ("--ca", path(&ca)),
            ("--reverse-type", "host-test".to_owned()),
            ("--hostname", name.to_owned()),
            ("--key-file", path(&file)),
            ("--workdir", path(work_dir)),
        ];
        Self::run(args.into())
    }

    /// Serves on a port of this computer, for whoever has the password.
    pub fn direct(port: u16, password: Option<&Path>, work_dir: &Path) -> Self {
        std::fs::create_dir_all(work_dir).unwrap();
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let mut args = vec![
            ("--listen", format!("127.0.0.1:{port}")),
            ("--workdir", path(work_dir)),
        ];
        args.extend(password.map(|file| ("--password-file", path(file))));
        Self::run(args)
    }

    fn run(mut args: Vec<(&str, String)>) -> Self {
        // The guard is this program run again; a test cannot be, and outlives its buildlets anyway.
        args.push(("--guard-exe", "/bin/sh".to_owned()));
        for word in ["-c", "exec cat > /dev/null", "sh"] {
            args.push(("--guard-arg", word.to_owned()));
        }
        let args = args
            .into_iter()
            .flat_map(|(flag, value)| [flag.to_owned(), value]);
        let args = std::iter::once("buildlet".to_owned()).chain(args);
        let args = buildlet::Args::try_parse_from(args).unwrap();
        let mut buildlet = JoinSet::new();
        buildlet.spawn(buildlet::run(args, std::future::pending()));
        Self { buildlet }
    }

    /// Waits until the buildlet has ended by itself: it was told to halt.
    pub async fn ended(mut self) {
        let ended = timeout(PATIENCE, self.buildlet.join_next()).await;
        ended.unwrap().unwrap().unwrap().unwrap();
    }

    /// All its connections end at once, without a word.
    pub fn cut(mut self) {
        self.buildlet.abort_all();
    }
}
