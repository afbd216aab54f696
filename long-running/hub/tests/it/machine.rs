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
        let file = bench.folder.path().join(format!("{name}.key"));
        std::fs::write(&file, key).unwrap();
        let ca = bench.folder.path().join("hub/hub-cert.pem");
        std::fs::create_dir_all(work_dir).unwrap();
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let args = [
            ("--coordinator", bench.address.clone()),
            ("--server-name", "localhost".to_owned()),
            ("--ca", path(&ca)),
            ("--reverse-type", "host-test".to_owned()),
            ("--hostname", name.to_owned()),
            ("--key-file", path(&file)),
            ("--workdir", path(work_dir)),
            // The guard is this program run again; a test cannot be, and outlives its buildlets anyway.
            ("--guard-exe", "/bin/sh".to_owned()),
            ("--guard-arg", "-c".to_owned()),
            ("--guard-arg", "exec cat > /dev/null".to_owned()),
            ("--guard-arg", "sh".to_owned()),
        ];
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
