//! A pool, and the cloud that it makes machines in.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use farm_cloud_emulator::Bound;
use farm_cloud_emulator::{gce, kubernetes};
use farm_core::pool::{Found, MachinePool};
use farm_model::Timestamp;
use farm_model::config::{Container, Vm};
use farm_model::order::{MachineOrder, MachineSpec};
use farm_pool::{Make, Pool, Pools, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Long enough for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a machine that is made here may last.
const LAST: i64 = 3_600;
/// What a machine runs that says what it was started with.
const BUILDLET: &str = "#!/bin/sh\nfor word; do case $word in --key-file=*) cat \"${word#*=}\" >key-seen;; esac; done\n\
                        exec sleep 1000\n";

/// Whose machines they are.
#[derive(Debug, Clone)]
pub enum Cloud {
    Gce(gce::Gce),
    Kubernetes(kubernetes::Kubernetes),
}

/// One pool, `pool`, of the farm `example`.
pub struct Stage {
    pub cloud: Cloud,
    pub address: String,
    pools: Pools,
    folder: TempDir,
    serving: JoinSet<()>,
}

impl Stage {
    pub async fn gce() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = gce::Options::new(folder.path().join("machines"), &["zone-a", "zone-b"]);
        options.images = vec!["debian-12".to_owned()];
        options.buildlet = Some(program(&folder));
        let (bound, address) = bound().await;
        let cloud = gce::Gce::new(options);
        let mut serving = JoinSet::new();
        let server = cloud.clone();
        serving.spawn(async move { server.serve(bound, std::future::pending()).await.unwrap() });
        let pool = json!({
            "kind": "gce", "most": 9, "project": "p", "zones": ["zone-a", "zone-b"], "endpoint": address,
        });
        Self {
            cloud: Cloud::Gce(cloud),
            pools: pools(&address, &pool),
            address,
            folder,
            serving,
        }
    }

    pub async fn kubernetes() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let entry = vec!["sh".to_owned(), program(&folder).display().to_string()];
        let images = BTreeMap::from([("buildlet:test".to_owned(), entry)]);
        let mut options = kubernetes::Options::new(folder.path().join("machines"), images);
        options.namespaces = vec!["farm".to_owned()];
        let (bound, address) = bound().await;
        let cloud = kubernetes::Kubernetes::new(options);
        let mut serving = JoinSet::new();
        let server = cloud.clone();
        serving.spawn(async move { server.serve(bound, std::future::pending()).await.unwrap() });
        let pool = json!({
            "kind": "kubernetes", "most": 9, "namespace": "farm", "endpoint": address, "access": "nobody",
        });
        Self {
            cloud: Cloud::Kubernetes(cloud),
            pools: pools(&address, &pool),
            address,
            folder,
            serving,
        }
    }

    pub fn pool(&self) -> &Pool {
        self.pools.get(&"pool".parse().unwrap()).unwrap()
    }

    /// An order of a machine that this cloud makes.
    pub fn order(&self, name: &str) -> Make {
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let (machine, buildlet) = ("n2-standard-2".to_owned(), "linux-amd64".to_owned());
        let spec = match self.cloud {
            Cloud::Gce(_) => MachineSpec::Vm(Vm {
                image: "debian-12".to_owned(),
                machine,
                buildlet,
                min_cpu: None,
            }),
            Cloud::Kubernetes(_) => MachineSpec::Container(Container {
                image: "buildlet:test".to_owned(),
                machine,
                buildlet,
                nested: false,
                vm_image: None,
            }),
        };
        Make {
            order: MachineOrder {
                machine: name.parse().unwrap(),
                host_type: "host-linux".parse().unwrap(),
                pool: "pool".parse().unwrap(),
                spec,
                spot: false,
                labels: [].into(),
                at: now,
                until: Timestamp::from_second(now.as_second() + LAST).unwrap(),
                attempt: 1,
            },
            key: format!("the key of {name}"),
            now,
        }
    }

    /// The machines of the pool, by name.
    pub async fn list(&self) -> Vec<Found> {
        let mut all = self.pool().list().await.unwrap();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Waits until the pool has just these.
    pub async fn has(&self, names: &[&str]) {
        until("the pool's machines", async || {
            let all = self.list().await;
            let there: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
            if there == names {
                return Ok(());
            }
            Err(format!("{all:?}"))
        })
        .await;
    }

    /// The key that the machine's buildlet was started with, once it was.
    pub async fn key_seen(&self, name: &str) -> String {
        let root = self.folder.path().join("machines");
        until("the machine to start its buildlet", async || {
            // The folder comes with the first machine.
            let entries = std::fs::read_dir(&root).into_iter().flatten().flatten();
            let mut own = entries.filter(|entry| {
                let folder = entry.file_name().into_string().unwrap();
                folder.starts_with(&format!("{name}."))
            });
            let folder = own.next().ok_or("no folder")?.path();
            let text = std::fs::read_to_string(folder.join("key-seen")).unwrap_or_default();
            if text.ends_with('\n') || text == format!("the key of {name}") {
                Ok(text.trim_end().to_owned())
            } else {
                Err("no key")
            }
        })
        .await
    }

    /// The cloud does not answer any more.
    pub async fn goes_away(&mut self) {
        self.serving.shutdown().await;
    }

    /// Asks the cloud itself.
    pub async fn ask(&self, method: reqwest::Method, path: &str, body: &Value) -> Value {
        let request = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = request.request(method, format!("{}{path}", self.address));
        let answer = request.json(body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn program(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("buildlet");
    std::fs::write(&path, BUILDLET).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

async fn bound() -> (Bound, String) {
    let bound = Bound::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = format!("http://{}", bound.address);
    (bound, address)
}

fn pools(address: &str, pool: &Value) -> Pools {
    let settings = json!({
        "farm": "example",
        "hub": "hub.example.org:443",
        "buildlet": format!("{address}/buildlet/{{buildlet}}"),
        "pools": { "pool": pool },
    });
    let settings = Settings::read(&settings.to_string()).unwrap();
    Pools::open(&settings, Timestamp::now).unwrap()
}

/// Asks until there is an answer.
pub async fn until<T, E: Debug>(what: &str, mut ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(found) => return found,
            Err(last) => assert!(
                Instant::now() < end,
                "waited for {what}; last seen: {last:?}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
