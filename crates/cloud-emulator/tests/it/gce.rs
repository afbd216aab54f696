//! Compute Engine.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use farm_cloud_emulator::gce::{Gce, Knobs, Options, Quota, Stock};

use crate::http::{Server, until};
use crate::processes::{gone, of_group, written};

const A: &str = "/compute/v1/projects/p/zones/europe-west4-a";
const B: &str = "/compute/v1/projects/p/zones/europe-west4-b";

struct Cloud {
    server: Server,
    gce: Gce,
    folder: TempDir,
}

async fn cloud_with(change: impl FnOnce(&mut Options)) -> Cloud {
    let folder = tempfile::tempdir().unwrap();
    let machines = folder.path().join("machines");
    let mut options = Options::new(machines, &["europe-west4-a", "europe-west4-b"]);
    change(&mut options);
    let gce = Gce::new(options);
    let serving = gce.clone();
    let server =
        Server::start(async |bound| serving.serve(bound, std::future::pending()).await.unwrap());
    Cloud {
        server: server.await,
        gce,
        folder,
    }
}

async fn cloud() -> Cloud {
    cloud_with(|_| {}).await
}

fn instance(name: &str, zone: &str) -> Value {
    json!({
        "name": name,
        "machineType": format!("zones/{zone}/machineTypes/n2-standard-2"),
        "disks": [{ "boot": true, "autoDelete": true,
            "initializeParams": { "sourceImage": "projects/debian-cloud/global/images/family/debian-12" } }],
        "networkInterfaces": [{ "network": "global/networks/default" }],
        "labels": { "farmhand-farm": "example" },
    })
}

fn with_script(name: &str, script: &str) -> Value {
    let mut body = instance(name, "europe-west4-a");
    body["metadata"] = json!({ "items": [{ "key": "startup-script", "value": script }] });
    body
}

impl Cloud {
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Makes it in zone a; the operation at its end.
    async fn insert(&self, body: Value) -> Value {
        let (status, operation) = self.server.post(&format!("{A}/instances"), body).await;
        assert_eq!(status, 200, "{operation}");
        self.done(A, &operation).await
    }

    async fn done(&self, zone: &str, operation: &Value) -> Value {
        let name = operation["name"].as_str().unwrap();
        let path = format!("{zone}/operations/{name}/wait");
        let (status, operation) = self.server.post(&path, Value::Null).await;
        assert_eq!((status, &operation["status"]), (200, &json!("DONE")));
        operation
    }

    /// The process group of its only machine, once it runs.
    async fn group(&self) -> i64 {
        until("the machine to run", async || {
            let (_, machines) = self.server.get("/emulator/machines").await;
            machines[0]["processGroup"].as_i64().ok_or(machines)
        })
        .await
    }

    async fn names(&self, query: &str) -> Vec<String> {
        let (status, list) = self.server.get(&format!("{A}/instances?{query}")).await;
        assert_eq!(status, 200, "{list}");
        names(&list["items"])
    }
}

fn names(items: &Value) -> Vec<String> {
    let items = items.as_array().into_iter().flatten();
    items
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}

fn reason(answer: &Value) -> &str {
    answer["error"]["errors"][0]["reason"].as_str().unwrap()
}

/// A script that says that it runs, and runs.
fn lasting(file: &Path) -> String {
    format!(
        "echo \"$BUILDLET_HOME\" > {}\nsleep 1000 & sleep 1000\n",
        file.display()
    )
}

#[tokio::test]
async fn an_instance_runs_its_script_until_it_is_deleted() {
    let cloud = cloud().await;
    let file = cloud.path("said");
    let operation = cloud.insert(with_script("m1", &lasting(&file))).await;
    assert!(operation.get("error").is_none(), "{operation}");
    let home = written(&file).await;
    assert!(
        home.contains("/machines/m1.") && home.ends_with("/home\n"),
        "{home}"
    );
    let (_, shown) = cloud.server.get(&format!("{A}/instances/m1")).await;
    assert_eq!(shown["status"], "RUNNING");
    assert_eq!(shown["labels"]["farmhand-farm"], "example");
    let group = cloud.group().await;
    assert!(
        of_group(group)
            .iter()
            .any(|line| line.contains("sleep 1000"))
    );

    let (status, operation) = cloud.server.delete(&format!("{A}/instances/m1")).await;
    assert_eq!(
        (status, &operation["operationType"]),
        (200, &json!("delete"))
    );
    cloud.done(A, &operation).await;
    gone(group).await;
    let (status, answer) = cloud.server.get(&format!("{A}/instances/m1")).await;
    assert_eq!((status, reason(&answer)), (404, "notFound"));
    let (status, _) = cloud.server.delete(&format!("{A}/instances/m1")).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_machine_that_switches_itself_off_stays_until_it_is_deleted() {
    let cloud = cloud().await;
    cloud.insert(with_script("m1", "echo I was here")).await;
    until("the machine to be off", async || {
        let (_, shown) = cloud.server.get(&format!("{A}/instances/m1")).await;
        if shown["status"] == "TERMINATED" {
            Ok(())
        } else {
            Err(shown)
        }
    })
    .await;
    let (_, said) = cloud
        .server
        .get(&format!("{A}/instances/m1/serialPort"))
        .await;
    assert_eq!(said["contents"], "I was here\n");
    let (_, operation) = cloud.server.delete(&format!("{A}/instances/m1")).await;
    cloud.done(A, &operation).await;
}

#[tokio::test]
async fn a_name_is_had_once_in_a_zone_and_a_request_is_done_once() {
    let cloud = cloud().await;
    let path = format!("{A}/instances?requestId=11111111-1111-4111-8111-111111111111");
    let body = instance("m1", "europe-west4-a");
    let (_, first) = cloud.server.post(&path, body.clone()).await;
    let (status, again) = cloud.server.post(&path, body.clone()).await;
    assert_eq!((status, &again["name"]), (200, &first["name"]));
    let (status, answer) = cloud.server.post(&format!("{A}/instances"), body).await;
    assert_eq!((status, reason(&answer)), (409, "alreadyExists"));
    let other = instance("m1", "europe-west4-b");
    let (status, _) = cloud.server.post(&format!("{B}/instances"), other).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn what_the_service_would_not_make_is_refused() {
    let cloud = cloud_with(|options| options.images = vec!["debian-12".to_owned()]).await;
    let wrong = |change: fn(&mut Value)| {
        let mut body = instance("m1", "europe-west4-a");
        change(&mut body);
        body
    };
    let bodies = [
        (wrong(|body| body["name"] = "M1".into()), 400, "invalid"),
        (
            wrong(|body| body["machineType"] = "n2".into()),
            400,
            "invalid",
        ),
        (
            wrong(|body| body["labels"]["A"] = "b".into()),
            400,
            "invalid",
        ),
        (wrong(|body| body["disks"] = json!([])), 400, "required"),
        (
            wrong(|body| body["networkInterfaces"] = json!([])),
            400,
            "required",
        ),
        (
            wrong(|body| {
                body["disks"][0]["initializeParams"]["sourceImage"] = "global/images/x".into()
            }),
            404,
            "notFound",
        ),
    ];
    for (body, status, why) in bodies {
        let (is, answer) = cloud.server.post(&format!("{A}/instances"), body).await;
        assert_eq!((is, reason(&answer)), (status, why), "{answer}");
    }
    let nowhere = "/compute/v1/projects/p/zones/mars-a/instances";
    let (status, _) = cloud.server.get(nowhere).await;
    assert_eq!(status, 404);
    assert_eq!(cloud.names("").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_zone_without_machines_fails_in_the_operation_or_at_once() {
    let cloud = cloud().await;
    let dry = |stock| Knobs {
        stock,
        ..Knobs::default()
    };
    cloud.gce.set_zone("europe-west4-a", dry(Stock::Exhausted));
    let operation = cloud.insert(instance("m1", "europe-west4-a")).await;
    let error = &operation["error"]["errors"][0];
    assert_eq!(error["code"], "ZONE_RESOURCE_POOL_EXHAUSTED");
    assert_eq!(operation["httpErrorStatusCode"], 503);
    assert_eq!(cloud.names("").await, Vec::<String>::new());

    cloud
        .server
        .put(
            "/emulator/zones/europe-west4-a",
            json!({ "stock": "refused" }),
        )
        .await;
    let body = instance("m1", "europe-west4-a");
    let (status, answer) = cloud.server.post(&format!("{A}/instances"), body).await;
    assert_eq!(
        (status, reason(&answer)),
        (503, "ZONE_RESOURCE_POOL_EXHAUSTED")
    );
    let other = instance("m1", "europe-west4-b");
    let (status, _) = cloud.server.post(&format!("{B}/instances"), other).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_region_grants_so_much_and_says_how_much_is_used() {
    let cloud = cloud().await;
    let quota = Quota {
        cpus: 3,
        ..Quota::default()
    };
    cloud.gce.set_quota(quota);
    cloud.insert(instance("m1", "europe-west4-a")).await;
    let body = instance("m2", "europe-west4-a");
    let (status, answer) = cloud
        .server
        .post(&format!("{A}/instances"), body.clone())
        .await;
    assert_eq!((status, reason(&answer)), (403, "quotaExceeded"));
    cloud.gce.set_quota(Quota {
        late: true,
        ..quota
    });
    let operation = cloud.insert(body).await;
    assert_eq!(operation["error"]["errors"][0]["code"], "QUOTA_EXCEEDED");
    let (_, region) = cloud
        .server
        .get("/compute/v1/projects/p/regions/europe-west4")
        .await;
    let cpus = json!({ "metric": "CPUS", "limit": 3, "usage": 2 });
    assert_eq!(region["quotas"][0], cpus);
}

#[tokio::test]
async fn lists_are_filtered_and_come_in_parts() {
    let cloud = cloud().await;
    for name in ["m1", "m2", "m3"] {
        cloud.insert(instance(name, "europe-west4-a")).await;
    }
    let mut foreign = instance("other", "europe-west4-a");
    foreign["labels"] = json!({});
    cloud.insert(foreign).await;
    let (_, operation) = cloud
        .server
        .post(&format!("{B}/instances"), instance("m4", "europe-west4-b"))
        .await;
    cloud.done(B, &operation).await;

    assert_eq!(cloud.names("").await, ["m1", "m2", "m3", "other"]);
    let filter = "filter=labels.farmhand-farm%20%3D%20example&maxResults=2";
    let (_, first) = cloud.server.get(&format!("{A}/instances?{filter}")).await;
    assert_eq!(names(&first["items"]), ["m1", "m2"]);
    let token = first["nextPageToken"].as_str().unwrap();
    let (_, second) = cloud
        .server
        .get(&format!("{A}/instances?{filter}&pageToken={token}"))
        .await;
    assert_eq!(names(&second["items"]), ["m3"]);
    assert!(second.get("nextPageToken").is_none());
    let (status, answer) = cloud
        .server
        .get(&format!("{A}/instances?filter=name%20%3E%202"))
        .await;
    assert_eq!((status, reason(&answer)), (400, "invalid"));

    let (_, all) = cloud
        .server
        .get("/compute/v1/projects/p/aggregated/instances")
        .await;
    let items = &all["items"];
    assert_eq!(names(&items["zones/europe-west4-a"]["instances"]).len(), 4);
    assert_eq!(names(&items["zones/europe-west4-b"]["instances"]), ["m4"]);
    let (_, empty) = cloud
        .server
        .get("/compute/v1/projects/q/aggregated/instances")
        .await;
    let warning = &empty["items"]["zones/europe-west4-a"]["warning"];
    assert_eq!(warning["code"], "NO_RESULTS_ON_PAGE");
}

#[tokio::test]
async fn labels_change_for_whoever_knows_the_last_ones() {
    let cloud = cloud().await;
    cloud.insert(instance("m1", "europe-west4-a")).await;
    let (_, shown) = cloud.server.get(&format!("{A}/instances/m1")).await;
    let path = format!("{A}/instances/m1/setLabels");
    let body = json!({ "labels": { "a": "b" }, "labelFingerprint": shown["labelFingerprint"] });
    let (status, _) = cloud.server.post(&path, body.clone()).await;
    assert_eq!(status, 200);
    let (status, answer) = cloud.server.post(&path, body).await;
    assert_eq!((status, reason(&answer)), (412, "conditionNotMet"));
    assert_eq!(cloud.names("filter=labels.a%3Ab").await, ["m1"]);
}

#[tokio::test]
async fn a_spot_machine_is_taken_back_in_the_middle_of_its_work() {
    let cloud = cloud().await;
    let file = cloud.path("said");
    let mut body = with_script("m1", &lasting(&file));
    body["scheduling"] =
        json!({ "provisioningModel": "SPOT", "instanceTerminationAction": "DELETE" });
    cloud.insert(body).await;
    written(&file).await;
    let group = cloud.group().await;
    let preempt = "/emulator/zones/europe-west4-a/instances/m1/preempt";
    let (status, _) = cloud.server.post(preempt, Value::Null).await;
    assert_eq!(status, 200);
    gone(group).await;
    until("the instance to be gone", async || {
        match cloud.names("").await {
            left if left.is_empty() => Ok(()),
            left => Err(left),
        }
    })
    .await;
    cloud.insert(instance("m2", "europe-west4-a")).await;
    assert!(
        !cloud.gce.preempt("europe-west4-a", "m2"),
        "it is no spot machine"
    );
}

#[tokio::test]
async fn a_machine_ends_when_its_time_is_over() {
    let cloud = cloud().await;
    let file = cloud.path("said");
    let mut body = with_script("m1", &lasting(&file));
    body["scheduling"] =
        json!({ "maxRunDuration": { "seconds": "2" }, "instanceTerminationAction": "STOP" });
    cloud.insert(body).await;
    written(&file).await;
    let group = cloud.group().await;
    until("the machine to be off", async || {
        let (_, shown) = cloud.server.get(&format!("{A}/instances/m1")).await;
        if shown["status"] == "TERMINATED" {
            Ok(())
        } else {
            Err(shown)
        }
    })
    .await;
    gone(group).await;
}

#[tokio::test]
async fn an_instance_may_be_deleted_before_it_is_there() {
    let cloud = cloud().await;
    let slow = Knobs {
        operation_ms: 500,
        ..Knobs::default()
    };
    cloud.gce.set_zone("europe-west4-a", slow);
    let file = cloud.path("said");
    let body = with_script("m1", &lasting(&file));
    let (_, insert) = cloud.server.post(&format!("{A}/instances"), body).await;
    assert_eq!(insert["status"], "RUNNING");
    let (_, shown) = cloud.server.get(&format!("{A}/instances/m1")).await;
    assert_eq!(shown["status"], "PROVISIONING");
    let (_, delete) = cloud.server.delete(&format!("{A}/instances/m1")).await;
    cloud.done(A, &delete).await;
    cloud.done(A, &insert).await;
    assert!(!file.exists());
    assert_eq!(cloud.names("").await, Vec::<String>::new());
    let (_, all) = cloud.server.get(&format!("{A}/operations")).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn whoever_brings_no_token_is_refused_and_the_buildlet_is_for_all() {
    let mut cloud = cloud_with(|options| {
        options.token = Some("secret".to_owned());
        options.buildlet = Some("/bin/sh".into());
    })
    .await;
    let (status, answer) = cloud.server.get(&format!("{A}/instances")).await;
    assert_eq!((status, reason(&answer)), (401, "authError"));
    cloud.server.bring("secret");
    let (status, _) = cloud.server.get(&format!("{A}/instances")).await;
    assert_eq!(status, 200);
    let (status, _) = cloud.server.get("/buildlet/linux-amd64").await;
    assert_eq!(status, 200);
}
