//! Emulator, functions, coordinator, hub and buildlet as five processes, each of which can be killed and started again.

mod account;
mod outside;
mod parts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use farm_model::message::result::RunFinished;
use tempfile::TempDir;

use self::parts::free_ports;
use crate::{Process, Repository, client, until};

const SECRET: &str = "s3cret";
/// What machines' keys are made of.
const MASTER_KEY: &str = "a master key";

/// One of the five.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The queues.
    Emulator,
    /// Webhooks and pages.
    Functions,
    /// Plans, schedules, records.
    Coordinator,
    /// Another coordinator on the same state; runs only where a test starts it.
    Standby,
    /// Owns machines.
    Hub,
    /// The one machine.
    Buildlet,
}

impl Part {
    const ALL: [Self; 5] = [
        Self::Emulator,
        Self::Functions,
        Self::Coordinator,
        Self::Hub,
        Self::Buildlet,
    ];
}

/// A farm that builds one repository, `demo`, on one machine, `m1`, and on those that are added.
#[derive(Debug)]
pub struct Farm {
    /// Everything of it.
    pub folder: TempDir,
    /// What is built.
    pub repository: Repository,
    /// For its pages.
    pub http: reqwest::Client,
    program: PathBuf,
    running: BTreeMap<Part, Process>,
    /// Buildlets beside the first.
    added: Vec<Process>,
    pub(crate) ports: [u16; 5],
    /// What every part is started with besides.
    environment: Vec<(String, String)>,
    deliveries: u32,
    /// Results told so far, by event id, with how often each was told.
    pub told: BTreeMap<String, (RunFinished, u32)>,
}

impl Farm {
    /// All five, building the repository's head with this `farm.toml` and `build.sh`.
    /// `program` is the `farm` binary.
    pub async fn start(program: &Path, farm_toml: &str, build: &str) -> Self {
        Self::start_in(program, farm_toml, build, &[]).await
    }

    /// The same with these settings in the environment of every part.
    pub async fn start_in(
        program: &Path,
        farm_toml: &str,
        build: &str,
        environment: &[(&str, &str)],
    ) -> Self {
        let mut farm = Self::without_machines(program, farm_toml, build, environment).await;
        farm.mint_key("m1").await;
        farm.run(Part::Buildlet);
        farm
    }

    /// The same without its one machine.
    pub async fn without_machines(
        program: &Path,
        farm_toml: &str,
        build: &str,
        environment: &[(&str, &str)],
    ) -> Self {
        let environment = environment.iter();
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::new(&folder.path().join("repository"), farm_toml, build);
        std::fs::write(folder.path().join("machine-key"), MASTER_KEY).unwrap();
        let mut farm = Self {
            folder,
            repository,
            http: client(),
            program: program.to_owned(),
            running: BTreeMap::new(),
            added: Vec::new(),
            ports: free_ports(),
            environment: environment
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            deliveries: 0,
            told: BTreeMap::new(),
        };
        farm.run(Part::Emulator);
        farm.listen_to_results().await;
        farm.run(Part::Functions);
        farm.run(Part::Coordinator);
        farm.run(Part::Hub);
        let certificate = farm.path("hub/hub-cert.pem");
        until("the hub's certificate", async || {
            std::fs::metadata(&certificate)
        })
        .await;
        farm
    }

    /// From its next start on, each part has this setting too.
    pub fn set(&mut self, name: &str, value: String) {
        self.environment.push((name.to_owned(), value));
    }

    /// Where machines dial in.
    #[must_use]
    pub fn hub_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports[2])
    }

    /// One more machine of the same kind.
    pub async fn add_machine(&mut self, name: &str) {
        self.mint_key(name).await;
        let command = self.buildlet(name, &format!("work-{name}"));
        let log = self.path(&format!("{name}.log"));
        self.added.push(Process::start(command, &log));
    }

    /// A file of this farm.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}
