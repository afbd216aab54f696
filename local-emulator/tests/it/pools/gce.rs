//! Virtual machines.

use std::path::Path;

use farm_harness::{Part, until_within};
use farm_model::machine::MachineRecord;
use farm_model::view::{BuildView, Status};
use reqwest::Method;
use serde_json::json;

use super::clouds::{Cloud, Kind, Machine};
use super::{PATIENCE, Pooled, attempts};

/// One builder on virtual machines, one at a time and soon given up.
const FARM: &str = r#"
[hosts.host-linux]
clean = "none"
vm = { image = "debian-12", buildlet = "linux-amd64", machine = "n2-standard-2" }
[hosts.host-linux.pool]
name = "pool"
most = 1
idle = "1s"
[builders.shell]
host = "host-linux"
timeout = "5m"
steps = [{ name = "build", run = "sh build.sh" }]
[repositories.demo]
github = "acme/demo"
"#;

async fn pooled(cloud: Cloud, farm_toml: &str, build: &str) -> Pooled {
    Pooled::start(cloud, farm_toml, build).await
}

/// A build that says that it runs, and runs until it is let go.
fn waiting(folder: &Path) -> String {
    let folder = folder.display();
    format!("echo $$ >> {folder}/started\nwhile [ ! -e {folder}/go ]; do sleep 0.05; done\n")
}

/// Waits until so many builds have begun.
async fn started(folder: &Path, count: usize) {
    until_within(PATIENCE, "the build to run", async || {
        let text = std::fs::read_to_string(folder.join("started")).unwrap_or_default();
        if text.lines().count() >= count {
            Ok(())
        } else {
            Err(text)
        }
    })
    .await;
}

fn is_green(build: &BuildView) {
    assert_eq!(
        (build.status, build.runs.len()),
        (Status::Ok, 1),
        "{build:?}"
    );
}

impl Pooled {
    /// Waits for a machine of the cloud.
    async fn machine(&self) -> Machine {
        until_within(PATIENCE, "a machine", async || {
            let machines = self.cloud.machines().await;
            machines.first().cloned().ok_or_else(|| self.orders())
        })
        .await
    }
}

#[tokio::test]
async fn a_push_has_a_machine_made_which_goes_when_it_is_idle() {
    let cloud = Cloud::start(Kind::Gce).await;
    let mut pooled = pooled(cloud, FARM, "echo built").await;
    let first = pooled.farm.repository.head();
    is_green(&pooled.over(&first).await);
    pooled.nothing_is_left().await;

    let second = pooled.farm.repository.commit("second", "echo again");
    pooled.farm.push().await;
    let build = pooled.over(&second).await;
    is_green(&build);
    assert!(pooled.farm.log_of(&build).await.contains("\nagain\n"));
    pooled.farm.results(2).await;
    let mut inserts = pooled.cloud.inserts().await;
    assert_eq!(inserts.len(), 2, "{inserts:?}");
    inserts.dedup_by(|a, b| a.1 == b.1);
    assert_eq!(inserts.len(), 2, "each has a name of its own");
    pooled.end().await;
}

#[tokio::test]
async fn a_builder_that_asks_for_a_label_has_a_machine_made_with_it() {
    let cloud = Cloud::start(Kind::Gce).await;
    let labelled = FARM
        .replace("idle = \"1s\"", "idle = \"1s\"\nlabels = [\"gpu\"]")
        .replace("timeout = \"5m\"", "timeout = \"5m\"\nlabels = [\"gpu\"]");
    let folder = tempfile::tempdir().unwrap();
    let mut pooled = pooled(cloud, &labelled, &waiting(folder.path())).await;
    let commit = pooled.farm.repository.head();
    started(folder.path(), 1).await;
    let machine = pooled.machine().await;
    let path = format!("bucket/machines/{}.json", machine.name);
    let record = std::fs::read(pooled.farm.path(&path)).unwrap();
    let record: MachineRecord = serde_json::from_slice(&record).unwrap();
    assert_eq!(record.labels, ["gpu".to_owned()].into());
    let orders = pooled.orders().unwrap().orders;
    assert_eq!(orders[0].order.labels, record.labels);
    std::fs::write(folder.path().join("go"), "").unwrap();
    let build = pooled.over(&commit).await;
    is_green(&build);
    assert_eq!(attempts(&build), 1);
    let inserts = pooled.cloud.inserts().await;
    assert_eq!(inserts.len(), 1, "{inserts:?}");
    pooled.farm.results(1).await;
    pooled.end().await;
}

#[tokio::test]
async fn where_one_zone_has_none_the_other_makes_it_and_where_none_has_it_is_said() {
    let cloud = Cloud::start(Kind::Gce).await;
    for zone in ["zone-a", "zone-b"] {
        cloud.zone(zone, &json!({ "stock": "exhausted" })).await;
    }
    let mut pooled = pooled(cloud, FARM, "true").await;
    let commit = pooled.farm.repository.head();
    until_within(PATIENCE, "the build to say why it waits", async || {
        let build = pooled.build(&commit).await?;
        let why = build.why.clone();
        if why.contains("ZONE_RESOURCE_POOL_EXHAUSTED") {
            Ok(())
        } else {
            Err(why)
        }
    })
    .await;
    pooled
        .cloud
        .zone("zone-b", &json!({ "stock": "plenty" }))
        .await;
    is_green(&pooled.over(&commit).await);
    let inserts = pooled.cloud.inserts().await;
    let (made, failed): (Vec<_>, Vec<_>) = inserts.iter().partition(|one| one.2.is_none());
    assert_eq!(made.len(), 1, "{inserts:?}");
    assert_eq!(made[0].0, "zone-b");
    let first: Vec<&str> = failed.iter().map(|one| one.0.as_str()).collect();
    assert!(
        first.contains(&"zone-a") && first.contains(&"zone-b"),
        "{inserts:?}"
    );
    pooled.farm.results(1).await;
    pooled.end().await;
}

#[tokio::test]
async fn a_spot_machine_taken_back_costs_an_attempt_and_no_build() {
    let cloud = Cloud::start(Kind::Gce).await;
    let spot = FARM.replace("idle = \"1s\"", "idle = \"1s\"\nspot = true");
    let folder = tempfile::tempdir().unwrap();
    let mut pooled = pooled(cloud, &spot, &waiting(folder.path())).await;
    let commit = pooled.farm.repository.head();
    started(folder.path(), 1).await;
    let first = pooled.machine().await;
    let path = format!(
        "/emulator/zones/{}/instances/{}/preempt",
        first.place, first.name
    );
    pooled.cloud.ask(Method::POST, &path, &json!({})).await;
    started(folder.path(), 2).await;
    std::fs::write(folder.path().join("go"), "").unwrap();
    let build = pooled.over(&commit).await;
    is_green(&build);
    assert_eq!(attempts(&build), 2);
    let inserts = pooled.cloud.inserts().await;
    assert_eq!(inserts.len(), 2, "{inserts:?}");
    pooled.farm.results(1).await;
    pooled.end().await;
}

#[tokio::test]
async fn a_maker_killed_in_the_middle_makes_one_machine() {
    let cloud = Cloud::start(Kind::Gce).await;
    for zone in ["zone-a", "zone-b"] {
        // Long enough to be killed between the order and the word of it.
        cloud.zone(zone, &json!({ "operation_ms": 4000 })).await;
    }
    let mut pooled = pooled(cloud, FARM, "true").await;
    let commit = pooled.farm.repository.head();
    let machine = pooled.machine().await;
    assert_eq!(machine.status, "PROVISIONING");
    pooled.farm.kill(Part::Functions).await;
    pooled.farm.run(Part::Functions);
    is_green(&pooled.over(&commit).await);
    let inserts = pooled.cloud.inserts().await;
    assert_eq!(inserts.len(), 1, "{inserts:?}");
    pooled.farm.results(1).await;
    pooled.end().await;
}

#[tokio::test]
async fn a_coordinator_killed_meanwhile_finds_its_machine_again() {
    let cloud = Cloud::start(Kind::Gce).await;
    let folder = tempfile::tempdir().unwrap();
    let mut pooled = pooled(cloud, FARM, &waiting(folder.path())).await;
    let commit = pooled.farm.repository.head();
    pooled.machine().await;
    pooled.farm.kill(Part::Coordinator).await;
    pooled.farm.run(Part::Coordinator);
    started(folder.path(), 1).await;
    pooled.farm.kill(Part::Coordinator).await;
    pooled.farm.run(Part::Coordinator);
    std::fs::write(folder.path().join("go"), "").unwrap();
    let build = pooled.over(&commit).await;
    is_green(&build);
    assert_eq!(attempts(&build), 1);
    let inserts = pooled.cloud.inserts().await;
    assert_eq!(inserts.len(), 1, "{inserts:?}");
    pooled.farm.results(1).await;
    pooled.end().await;
}

#[tokio::test]
async fn a_machine_that_nobody_ordered_goes_and_somebody_elses_stays() {
    let cloud = Cloud::start(Kind::Gce).await;
    let path = "/compute/v1/projects/p/zones/zone-a/instances";
    for (name, farm) in [("stray", "example"), ("theirs", "other")] {
        let body = json!({
            "name": name,
            "machineType": "zones/zone-a/machineTypes/n2-standard-2",
            "disks": [{ "boot": true, "initializeParams": { "sourceImage": "global/images/x" } }],
            "networkInterfaces": [{}],
            "labels": { "farmhand-farm": farm },
        });
        cloud.ask(Method::POST, path, &body).await;
    }
    let mut pooled = pooled(cloud, FARM, "true").await;
    let commit = pooled.farm.repository.head();
    is_green(&pooled.over(&commit).await);
    until_within(PATIENCE, "the stray machine to be gone", async || {
        let machines = pooled.cloud.machines().await;
        let names: Vec<_> = machines.into_iter().map(|one| one.name).collect();
        if names == ["theirs"] {
            Ok(())
        } else {
            Err(names)
        }
    })
    .await;
    pooled
        .cloud
        .ask(Method::DELETE, &format!("{path}/theirs"), &json!({}))
        .await;
    pooled.farm.results(1).await;
    pooled.end().await;
}
