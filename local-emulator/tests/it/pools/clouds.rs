//! A cloud as a process: `farm emulator gce` or `kubernetes`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use farm_harness::{Farm, Process, client, farm_command, leftovers, until};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary;

/// Whose API it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Gce,
    Kubernetes,
}

/// A cloud that runs.
pub struct Cloud {
    kind: Kind,
    folder: TempDir,
    process: Process,
    /// All before the first path.
    pub address: String,
}

/// A machine, as the emulator shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    pub name: String,
    /// Its zone, or its namespace.
    pub place: String,
    pub status: String,
    pub process_group: Option<i64>,
}

impl Cloud {
    pub async fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (name, more) = match kind {
            Kind::Gce => ("gce", ["--zones", "zone-a,zone-b"]),
            Kind::Kubernetes => ("kubernetes", ["--images", "buildlet:test"]),
        };
        let mut command = farm_command(binary(), &["emulator", name]);
        command.args(["--listen", "127.0.0.1:0"]).args(more);
        command
            .arg("--data-dir")
            .arg(folder.path().join("machines"));
        let process = Process::start(command, &folder.path().join("emulator.log"));
        let address = until("the cloud to listen", async || {
            let output = process.output();
            let mut words = output.split(['"', '\n', '=']);
            let found = words.find(|word| word.starts_with("http://"));
            let file = folder.path().join("machines/kubeconfig");
            let config = std::fs::read_to_string(file).unwrap_or_default();
            let mut others = config.split('"');
            let found = found.or_else(|| others.find(|word| word.starts_with("http://")));
            let found = found.map(|url| url.trim_end_matches("/compute/v1/").to_owned());
            found.filter(|_| output.contains("export ")).ok_or(output)
        });
        let address = address.await;
        Self {
            kind,
            folder,
            process,
            address,
        }
    }

    /// `FARM_POOLS` for a farm: one pool, `pool`.
    pub fn settings(&self, farm: &Farm) -> Value {
        let certificate = std::fs::read_to_string(farm.path("hub/hub-cert.pem")).unwrap();
        let pool = match self.kind {
            Kind::Gce => json!({
                "kind": "gce", "most": 8, "project": "p", "zones": ["zone-a", "zone-b"],
                "endpoint": self.address,
            }),
            Kind::Kubernetes => json!({
                "kind": "kubernetes", "most": 8, "namespace": "farm",
                "endpoint": self.address, "access": "nobody",
            }),
        };
        json!({
            "farm": "example",
            "hub": farm.hub_address(),
            "server_name": "localhost",
            "ca": certificate,
            "buildlet": format!("{}/buildlet/{{buildlet}}", self.address),
            "pools": { "pool": pool },
        })
    }

    /// Every machine that there is.
    pub async fn machines(&self) -> Vec<Machine> {
        let answer = client().get(format!("{}/emulator/machines", self.address));
        let all: Vec<BTreeMap<String, Value>> = answer.send().await.unwrap().json().await.unwrap();
        let machine = |one: BTreeMap<String, Value>| {
            let text = |name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
            Machine {
                name: text("name").unwrap(),
                place: text("zone").or_else(|| text("namespace")).unwrap(),
                status: text("status").unwrap(),
                process_group: one["processGroup"].as_i64(),
            }
        };
        all.into_iter().map(machine).collect()
    }

    /// Every instance that was asked for, with what came of it: the zone, the name, the code of its error.
    pub async fn inserts(&self) -> Vec<(String, String, Option<String>)> {
        let mut all = Vec::new();
        for zone in ["zone-a", "zone-b"] {
            let path = format!("/compute/v1/projects/p/zones/{zone}/operations");
            let answer = client().get(format!("{}{path}", self.address)).send().await;
            let list: Value = answer.unwrap().json().await.unwrap();
            let items = list["items"].as_array().unwrap().iter();
            all.extend(
                items
                    .filter(|one| one["operationType"] == "insert")
                    .map(|one| {
                        let target = one["targetLink"].as_str().unwrap();
                        let name = target.rsplit_once('/').unwrap().1.to_owned();
                        let error = one["error"]["errors"][0]["code"].as_str();
                        (zone.to_owned(), name, error.map(str::to_owned))
                    }),
            );
        }
        all
    }

    /// Turns one of the emulator's own switches, or asks its API.
    pub async fn ask(&self, method: reqwest::Method, path: &str, body: &Value) -> Value {
        let request = client().request(method, format!("{}{path}", self.address));
        let answer = request.json(body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Sets how a zone behaves.
    pub async fn zone(&self, zone: &str, knobs: &Value) {
        let path = format!("/emulator/zones/{zone}");
        self.ask(reqwest::Method::PUT, &path, knobs).await;
    }

    /// Processes that run in the machines' folders.
    pub fn processes(&self) -> Vec<String> {
        leftovers(&self.machines_folder())
    }

    fn machines_folder(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("machines")
    }

    pub async fn end(self) {
        let log = self.process.log.clone();
        let said = || std::fs::read_to_string(&log).unwrap();
        let status = self.process.stop().await;
        assert!(
            status.success() && !said().contains("panicked"),
            "{}",
            said()
        );
    }
}
