//! Emulator, functions, coordinator, hub and buildlet as five processes, each of which can be killed and started again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use farm_forge::signature::sign_github;
use farm_model::event::Message;
use farm_model::message::result::RunFinished;
use farm_model::trace::{TRACEPARENT, TraceParent};
use farm_model::view::{BuildView, Cell, GridView, Status};
use serde::de::DeserializeOwned;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{Process, Repository, client, farm_command, leftovers, until};

const SECRET: &str = "s3cret";

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
    pub(crate) ports: [u16; 4],
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
        let environment = environment.iter();
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::new(&folder.path().join("repository"), farm_toml, build);
        std::fs::write(folder.path().join("machine-key"), "a master key").unwrap();
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
        farm.mint_key("m1").await;
        farm.run(Part::Buildlet);
        farm
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

    /// Starts a part, the first time or again.
    pub fn run(&mut self, part: Part) {
        let [pubsub, http, hub, status] = self.ports;
        let at = |port: u16| format!("127.0.0.1:{port}");
        let mut command = match part {
            Part::Emulator => farm_command(
                &self.program,
                &[
                    "emulator",
                    "pubsub",
                    "--host-port",
                    &at(pubsub),
                    "--data-dir",
                    &self.text("pubsub"),
                ],
            ),
            Part::Functions => {
                let mut command = farm_command(&self.program, &["functions"]);
                command.env("PORT", http.to_string());
                command.env("GITHUB_WEBHOOK_SECRET", SECRET);
                command.env("GERRIT_WEBHOOK_SECRET", "other");
                command.env("FARM_TOKEN_KEY", "third");
                command
            }
            Part::Coordinator => {
                let mut command = self.coordinator("coordinator");
                command.args(["--listen", &at(status)]);
                command
            }
            Part::Standby => self.coordinator("standby"),
            Part::Hub => farm_command(
                &self.program,
                &[
                    "hub",
                    "--hub-id",
                    "h1",
                    "--listen",
                    &at(hub),
                    "--data",
                    &self.text("hub"),
                    "--machine-key-file",
                    &self.text("machine-key"),
                    "--heartbeat",
                    "0.3",
                    "--drain",
                    "1",
                ],
            ),
            Part::Buildlet => self.buildlet("m1", "work"),
        };
        command
            .env(
                "FARM_BUS",
                format!("pubsub://farm?endpoint=http://127.0.0.1:{pubsub}"),
            )
            .env("FARM_BUCKET", format!("file://{}", self.text("bucket")))
            .env("FARM_LOG", "info")
            .envs(self.environment.iter().cloned());
        let log = self.path(&format!("{part:?}.log"));
        let process = Process::start(command, &log);
        assert!(self.running.insert(part, process).is_none());
    }

    /// A coordinator with this data folder; all of them share one state.
    fn coordinator(&self, data: &str) -> Command {
        farm_command(
            &self.program,
            &[
                "coordinator",
                "--data",
                &self.text(data),
                "--state",
                &format!("sqlite:{}", self.text("coordinator/state.db")),
                "--repo",
                &format!("demo={}", self.repository.path.display()),
                "--grace",
                "3",
            ],
        )
    }

    fn buildlet(&self, name: &str, work: &str) -> Command {
        let hub = format!("127.0.0.1:{}", self.ports[2]);
        farm_command(
            &self.program,
            &[
                "buildlet",
                "--coordinator",
                &hub,
                "--server-name",
                "localhost",
                "--ca",
                &self.text("hub/hub-cert.pem"),
                "--reverse-type",
                "bench",
                "--hostname",
                name,
                "--key-file",
                &self.text(&format!("{name}.key")),
                "--workdir",
                &self.text(work),
            ],
        )
    }

    async fn mint_key(&self, machine: &str) {
        let output = farm_command(
            &self.program,
            &[
                "mint-key",
                "--machine-key-file",
                &self.text("machine-key"),
                "--host-type",
                "bench",
                "--machine",
                machine,
            ],
        )
        .output()
        .await
        .unwrap();
        assert!(output.status.success());
        std::fs::write(self.path(&format!("{machine}.key")), output.stdout).unwrap();
    }

    /// kill -9.
    pub async fn kill(&mut self, part: Part) {
        self.running.remove(&part).unwrap().kill().await;
    }

    /// A signed push as GitHub sends it; each has another body.
    pub fn push_body(&mut self) -> String {
        self.deliveries += 1;
        json!({ "ref": "refs/heads/main", "repository": { "full_name": "acme/demo" }, "n": self.deliveries }).to_string()
    }

    /// Posts a signed delivery; the answer's status.
    pub async fn deliver(&self, body: &str) -> reqwest::Result<u16> {
        let signature = sign_github(SECRET.as_bytes(), body.as_bytes());
        self.deliver_signed(body, Some(&signature)).await
    }

    /// Posts a signed delivery as part of a trace; the answer's status.
    pub async fn deliver_in_trace(&self, body: &str, trace: &TraceParent) -> reqwest::Result<u16> {
        let signature = sign_github(SECRET.as_bytes(), body.as_bytes());
        let request = self.delivery(body, Some(&signature));
        let request = request.header(TRACEPARENT, trace.as_str());
        Ok(request.send().await?.status().as_u16())
    }

    /// Posts a delivery with this signature, or none.
    pub async fn deliver_signed(
        &self,
        body: &str,
        signature: Option<&str>,
    ) -> reqwest::Result<u16> {
        let request = self.delivery(body, signature);
        Ok(request.send().await?.status().as_u16())
    }

    fn delivery(&self, body: &str, signature: Option<&str>) -> reqwest::RequestBuilder {
        let url = self.url("/github-webhook");
        let mut request = self.http.post(url).header("x-github-event", "push");
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        request.body(body.to_owned())
    }

    /// Pushes until the webhook takes it, as GitHub's redelivery would.
    pub async fn push(&mut self) {
        let body = self.push_body();
        until("the webhook to take a push", async || {
            match self.deliver(&body).await {
                Ok(202) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// Where functions serve `path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[1])
    }

    /// Where the coordinator serves `path` of its own pages.
    #[must_use]
    pub fn coordinator_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[3])
    }

    /// A JSON document that functions serve.
    pub async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        self.json_at(self.url(path)).await
    }

    /// A JSON document at a URL.
    pub async fn json_at<T: DeserializeOwned>(&self, url: String) -> Result<T, String> {
        let answer = self.http.get(url).send().await.map_err(|e| e.to_string())?;
        let text = answer.text().await.map_err(|e| e.to_string())?;
        serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
    }

    /// The commit's cell on the dashboard.
    pub async fn cell(&self, commit: &str) -> Result<Cell, String> {
        let grid: GridView = self.json("/api/grid?repo=demo&branch=main").await?;
        let mut rows = grid.rows.into_iter();
        let row = rows
            .find(|row| row.commit.id.as_str() == commit)
            .ok_or("no such row")?;
        row.cells
            .into_iter()
            .flatten()
            .next()
            .ok_or_else(|| "no cell".to_owned())
    }

    /// Waits for the commit's build to be over, and shows all of it.
    pub async fn over(&self, commit: &str) -> BuildView {
        let build = until("the build to be over", async || {
            let cell = self.cell(commit).await?;
            let view: BuildView = self.json(&format!("/api/build/{}", cell.build)).await?;
            match view.status {
                Status::Queued | Status::Running => Err(format!("{:?} {}", view.status, view.why)),
                _ => Ok(view),
            }
        });
        build.await
    }

    /// The log of the last attempt.
    pub async fn log_of(&self, build: &BuildView) -> String {
        let run = build.runs.last().unwrap();
        let job = &run.jobs[0];
        let key = run.attempt_key(&job.name, job.attempts.last().unwrap().number);
        let answer = self.http.get(self.url(&format!("/log/{key}"))).send().await;
        answer.unwrap().text().await.unwrap()
    }

    /// Waits until `count` different results have been told.
    pub async fn results(&mut self, count: usize) {
        let mut told = std::mem::take(&mut self.told);
        until("results to be told", async || {
            for one in self.take("test").await? {
                let message = &one["message"];
                // Others speak on `results` too: who broke it, whose machine is missing.
                if message["attributes"]["ce-type"] != RunFinished::TYPE {
                    continue;
                }
                let id = message["attributes"]["ce-id"].as_str().unwrap().to_owned();
                let data = base64(message["data"].as_str().unwrap());
                let run = serde_json::from_slice(&data).unwrap();
                told.entry(id).or_insert((run, 0)).1 += 1;
            }
            if told.len() >= count {
                Ok(())
            } else {
                Err(format!("{told:?}"))
            }
        })
        .await;
        self.told = told;
    }

    /// The ids of all processes.
    #[must_use]
    pub fn processes(&self) -> Vec<(Part, i32)> {
        let parts = self.running.iter().map(|(part, of)| (*part, of.id()));
        let added = self.added.iter().map(|of| (Part::Buildlet, of.id()));
        parts.chain(added).collect()
    }

    /// The most memory each part has had at once, in kB.
    #[must_use]
    pub fn peaks(&self) -> Vec<(Part, u64)> {
        self.numbers("VmHWM:")
    }

    /// The resident memory of each part, in kB.
    #[must_use]
    pub fn memory(&self) -> Vec<(Part, u64)> {
        self.numbers("VmRSS:")
    }

    fn numbers(&self, name: &str) -> Vec<(Part, u64)> {
        let number = |process: &Process| {
            let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        self.running
            .iter()
            .map(|(part, process)| (*part, number(process)))
            .collect()
    }

    /// Ends the farm in order, and accounts: nothing undelivered, nothing dead, no process left, no panic.
    pub async fn end(mut self) {
        // The coordinator last but one: what hubs said before they ended is still taken in.
        let order = [Part::Hub, Part::Buildlet, Part::Functions];
        for part in order {
            self.stop(part).await;
        }
        for machine in std::mem::take(&mut self.added) {
            ended_well("a machine", machine).await;
        }
        for subscription in ["activity-coordinator", "commands-coordinator"] {
            self.is_empty(subscription).await;
            self.is_empty(&format!("dead-{subscription}")).await;
        }
        self.is_empty("dead-progress-coordinator").await;
        self.is_empty("dead-work-h1").await;
        self.is_empty("work-h1").await;
        self.stop(Part::Coordinator).await;
        self.stop(Part::Emulator).await;
        let work = self.path("work");
        until("commands to be gone", async || match leftovers(&work) {
            left if left.is_empty() => Ok(()),
            left => Err(left),
        })
        .await;
        for part in Part::ALL {
            let log = std::fs::read_to_string(self.path(&format!("{part:?}.log"))).unwrap();
            assert!(!log.contains("panicked"), "{part:?} panicked:\n{log}");
        }
        // Told at least once, and each run with one result.
        let runs: BTreeSet<_> = self
            .told
            .values()
            .map(|(run, _)| (&run.build, run.run))
            .collect();
        assert_eq!(
            runs.len(),
            self.told.len(),
            "a run was told two results: {:?}",
            self.told
        );
    }

    /// From now on the coordinator that stood by is the coordinator.
    pub fn promote(&mut self) {
        let process = self.running.remove(&Part::Standby).unwrap();
        assert!(self.running.insert(Part::Coordinator, process).is_none());
    }

    /// SIGTERM, and an end in order.
    pub async fn stop(&mut self, part: Part) {
        let process = self.running.remove(&part).unwrap();
        ended_well(&format!("{part:?}"), process).await;
    }
}

async fn ended_well(what: &str, process: Process) {
    let log = process.log.clone();
    let status = process.stop().await;
    let said = || std::fs::read_to_string(&log).unwrap();
    assert!(status.success(), "{what} ended with {status}:\n{}", said());
}

/// Four ports that are free now. A part that is killed comes back on the same one, so they lie below those that the system
/// gives to whoever asks for any: it could give one away between a look and its use, or while its part is dead.
fn free_ports() -> [u16; 4] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    [0; 4].map(|_| {
        loop {
            // Test binaries that run at once start at different places.
            let number = NEXT
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_add(std::process::id().wrapping_mul(97));
            let port = 20_000 + u16::try_from(number % 12_000).unwrap();
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
    })
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}
