//! Kubernetes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tempfile::TempDir;

use farm_cloud_emulator::kubernetes::{Kubernetes, Node, Options};

use crate::http::{Server, until};
use crate::processes::{gone, written};

const PODS: &str = "/api/v1/namespaces/farm/pods";
const SECRETS: &str = "/api/v1/namespaces/farm/secrets";

struct Cluster {
    server: Server,
    kubernetes: Kubernetes,
    folder: TempDir,
}

async fn cluster_with(change: impl FnOnce(&mut Options)) -> Cluster {
    let folder = tempfile::tempdir().unwrap();
    let entry = ["sh", "-c", "echo \"$0 $*\"; exec sleep 1000", "buildlet"].map(str::to_owned);
    let images = BTreeMap::from([("buildlet:1".to_owned(), entry.into())]);
    let mut options = Options::new(folder.path().join("machines"), images);
    options.namespaces = vec!["farm".to_owned()];
    change(&mut options);
    let kubernetes = Kubernetes::new(options);
    let serving = kubernetes.clone();
    let server =
        Server::start(async |bound| serving.serve(bound, std::future::pending()).await.unwrap());
    Cluster {
        server: server.await,
        kubernetes,
        folder,
    }
}

async fn cluster() -> Cluster {
    cluster_with(|_| {}).await
}

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "labels": { "farmhand-farm": "example" } },
        "spec": {
            "restartPolicy": "Never",
            "containers": [{ "name": "buildlet", "image": "buildlet:1" }],
        },
    })
}

fn command(name: &str, command: &[&str]) -> Value {
    let mut pod = pod(name);
    pod["spec"]["containers"][0]["command"] = json!(command);
    pod
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

impl Cluster {
    async fn create(&self, body: Value) -> Value {
        let (status, made) = self.server.post(PODS, body).await;
        assert_eq!(status, 201, "{made}");
        made
    }

    async fn show(&self, name: &str) -> Value {
        self.server.get(&format!("{PODS}/{name}")).await.1
    }

    /// Waits until a pod is as it is wanted.
    async fn becomes(&self, name: &str, pointer: &str, wanted: &str) -> Value {
        until(wanted, async || {
            let pod = self.show(name).await;
            let is = pod.pointer(pointer).and_then(Value::as_str) == Some(wanted);
            if is { Ok(pod) } else { Err(pod) }
        })
        .await
    }

    async fn phase(&self, name: &str, wanted: &str) -> Value {
        self.becomes(name, "/status/phase", wanted).await
    }

    async fn group(&self, name: &str) -> i64 {
        let (_, machines) = self.server.get("/emulator/machines").await;
        let mut all = machines.as_array().unwrap().iter();
        let found = all.find(|one| one["name"] == name).unwrap();
        found["processGroup"].as_i64().unwrap()
    }
}

#[tokio::test]
async fn a_pod_runs_its_image_until_it_is_deleted() {
    let cluster = cluster().await;
    let mut body = pod("m1");
    body["spec"]["containers"][0]["args"] = json!(["--hostname", "$(HOSTNAME)"]);
    let made = cluster.create(body).await;
    assert_eq!(made["status"]["phase"], "Pending");
    let running = cluster.phase("m1", "Running").await;
    assert_eq!(running["spec"]["nodeName"], "node-1");
    until("its log", async || {
        let (_, log) = cluster.server.get(&format!("{PODS}/m1/log")).await;
        if log == "buildlet --hostname m1\n" {
            Ok(())
        } else {
            Err(log)
        }
    })
    .await;
    let group = cluster.group("m1").await;
    let (status, answer) = cluster
        .server
        .delete(&format!("{PODS}/m1?gracePeriodSeconds=0"))
        .await;
    assert_eq!((status, &answer["kind"]), (200, &json!("Pod")));
    assert!(answer["metadata"]["deletionTimestamp"].is_string());
    gone(group).await;
    let (status, answer) = cluster.server.get(&format!("{PODS}/m1")).await;
    assert_eq!((status, &answer["reason"]), (404, &json!("NotFound")));
    assert_eq!(answer["kind"], "Status");
    assert_eq!(cluster.server.delete(&format!("{PODS}/m1")).await.0, 404);
}

#[tokio::test]
async fn a_pod_may_end_by_itself_well_or_badly_and_counts_no_more() {
    let cluster = cluster().await;
    cluster.create(command("good", &["true"])).await;
    cluster
        .create(command("bad", &["sh", "-c", "exit 7"]))
        .await;
    cluster.phase("good", "Succeeded").await;
    let bad = cluster.phase("bad", "Failed").await;
    let state = &bad["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(
        (&state["exitCode"], &state["reason"]),
        (&json!(7), &json!("Error"))
    );
    let (_, left) = cluster
        .server
        .get(&format!("{PODS}?fieldSelector=status.phase!=Failed"))
        .await;
    assert_eq!(names(&left), ["good"]);
}

#[tokio::test]
async fn a_pod_has_time_to_end_by_itself() {
    let cluster = cluster().await;
    let said = cluster.folder.path().join("said");
    let script = format!(
        "trap 'echo ended > {0}; exit' TERM; echo begun > {0}; while :; do sleep 0.05; done",
        said.display()
    );
    cluster.create(command("m1", &["sh", "-c", &script])).await;
    written(&said).await;
    let options = json!({ "gracePeriodSeconds": 60 });
    let (status, pod) = cluster
        .server
        .ask(reqwest::Method::DELETE, &format!("{PODS}/m1"), options)
        .await;
    assert_eq!(
        (status, &pod["metadata"]["deletionGracePeriodSeconds"]),
        (200, &json!(60))
    );
    until("the pod to be gone", async || {
        match cluster.server.get(&format!("{PODS}/m1")).await {
            (404, _) => Ok(()),
            other => Err(other),
        }
    })
    .await;
    assert_eq!(written(&said).await, "ended\n");
}

#[tokio::test]
async fn a_pod_waits_for_its_secret_which_goes_with_it() {
    let cluster = cluster().await;
    let said = cluster.folder.path().join("said");
    let script = format!(
        "cat \"$KEY_FILE\" > {0}; echo \" $KEY\" >> {0}; exec sleep 1000",
        said.display()
    );
    let mut body = command("m1", &["sh", "-c", &script]);
    let container = &mut body["spec"]["containers"][0];
    container["env"] = json!([
        { "name": "KEY", "valueFrom": { "secretKeyRef": { "name": "m1", "key": "key" } } },
        { "name": "KEY_FILE", "value": "/run/farm/key" },
    ]);
    container["volumeMounts"] = json!([{ "name": "farm", "mountPath": "/run/farm" }]);
    body["spec"]["volumes"] = json!([{ "name": "farm", "secret": { "secretName": "m1" } }]);
    let made = cluster.create(body).await;
    let waiting = "/status/containerStatuses/0/state/waiting/reason";
    cluster
        .becomes("m1", waiting, "CreateContainerConfigError")
        .await;

    let owner =
        json!({ "apiVersion": "v1", "kind": "Pod", "name": "m1", "uid": made["metadata"]["uid"] });
    let secret = json!({
        "metadata": { "name": "m1", "ownerReferences": [owner] }, "stringData": { "key": "s3cret" }
    });
    let (status, secret) = cluster.server.post(SECRETS, secret).await;
    assert_eq!((status, &secret["data"]["key"]), (201, &json!("czNjcmV0")));
    cluster.phase("m1", "Running").await;
    until("both ways to its key", async || {
        let text = written(&said).await;
        if text == "s3cret s3cret\n" {
            Ok(())
        } else {
            Err(text)
        }
    })
    .await;
    cluster
        .server
        .delete(&format!("{PODS}/m1?gracePeriodSeconds=0"))
        .await;
    let (status, _) = cluster.server.get(&format!("{SECRETS}/m1")).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn what_belongs_to_nobody_that_is_there_goes_at_once() {
    let cluster = cluster().await;
    let owner = json!({ "apiVersion": "v1", "kind": "Pod", "name": "m1", "uid": "gone" });
    let secret = json!({ "metadata": { "name": "m1", "ownerReferences": [owner] } });
    assert_eq!(cluster.server.post(SECRETS, secret).await.0, 201);
    assert_eq!(cluster.server.get(&format!("{SECRETS}/m1")).await.0, 404);
}

#[tokio::test]
async fn a_pod_that_does_not_fit_waits_until_there_is_room() {
    let cluster = cluster().await;
    cluster.kubernetes.set_node(Node {
        cpus: Some(2),
        ..Node::default()
    });
    let wanting = |name: &str| {
        let mut body = pod(name);
        body["spec"]["containers"][0]["resources"] = json!({ "requests": { "cpu": "1500m" } });
        body
    };
    cluster.create(wanting("m1")).await;
    cluster.phase("m1", "Running").await;
    cluster.create(wanting("m2")).await;
    let waits = cluster
        .becomes("m2", "/status/conditions/0/reason", "Unschedulable")
        .await;
    assert_eq!(waits["status"]["phase"], "Pending");
    assert_eq!(waits["status"]["conditions"][0]["status"], "False");
    cluster
        .server
        .delete(&format!("{PODS}/m1?gracePeriodSeconds=0"))
        .await;
    cluster.phase("m2", "Running").await;
}

#[tokio::test]
async fn a_namespace_has_its_quota() {
    let cluster = cluster().await;
    let quota = json!({
        "metadata": { "name": "few" }, "spec": { "hard": { "pods": "1", "requests.cpu": "1" } }
    });
    let path = "/api/v1/namespaces/farm/resourcequotas";
    assert_eq!(cluster.server.post(path, quota).await.0, 201);
    let wanting = |name: &str, cpu: &str| {
        let mut body = command(name, &["true"]);
        body["spec"]["containers"][0]["resources"] = json!({ "requests": { "cpu": cpu } });
        body
    };
    let (status, answer) = cluster.server.post(PODS, pod("m1")).await;
    assert_eq!((status, &answer["reason"]), (403, &json!("Forbidden")));
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .contains("must specify requests.cpu"),
        "{answer}"
    );
    let (_, answer) = cluster.server.post(PODS, wanting("m1", "1001m")).await;
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains("exceeded quota: few, requested: requests.cpu=1001m"),
        "{message}"
    );
    cluster.create(wanting("m1", "1")).await;
    // One that has ended does not count.
    cluster.phase("m1", "Succeeded").await;
    cluster.create(wanting("m2", "1")).await;
}

#[tokio::test]
async fn a_pod_ends_at_its_deadline_and_with_its_node() {
    let cluster = cluster().await;
    let mut body = pod("m1");
    body["spec"]["activeDeadlineSeconds"] = 1.into();
    cluster.create(body).await;
    let ended = cluster.phase("m1", "Failed").await;
    assert_eq!(ended["status"]["reason"], "DeadlineExceeded");
    cluster.create(pod("m2")).await;
    cluster.phase("m2", "Running").await;
    let group = cluster.group("m2").await;
    let (status, _) = cluster
        .server
        .post("/emulator/namespaces/farm/pods/m2/lose", Value::Null)
        .await;
    assert_eq!(status, 200);
    cluster.phase("m2", "Failed").await;
    gone(group).await;
}

#[tokio::test]
async fn an_image_that_is_not_there_is_not_pulled() {
    let cluster = cluster().await;
    let mut body = pod("m1");
    body["spec"]["containers"][0]["image"] = "other:1".into();
    cluster.create(body).await;
    let waiting = "/status/containerStatuses/0/state/waiting/reason";
    cluster.becomes("m1", waiting, "ErrImagePull").await;
    cluster
        .server
        .delete(&format!("{PODS}/m1?gracePeriodSeconds=0"))
        .await;
    assert_eq!(cluster.server.get(&format!("{PODS}/m1")).await.0, 404);
}

#[tokio::test]
async fn lists_are_selected_and_come_in_parts() {
    let cluster = cluster().await;
    for name in ["m1", "m2", "m3"] {
        cluster.create(pod(name)).await;
    }
    let mut foreign = pod("other");
    foreign["metadata"]["labels"] = json!({ "app": "web" });
    cluster.create(foreign).await;
    let query = "labelSelector=farmhand-farm%3Dexample&limit=2";
    let (_, first) = cluster.server.get(&format!("{PODS}?{query}")).await;
    assert_eq!(
        (names(&first), &first["kind"]),
        (vec!["m1", "m2"], &json!("PodList"))
    );
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = cluster
        .server
        .get(&format!("{PODS}?{query}&continue={token}"))
        .await;
    assert_eq!(names(&second), ["m3"]);
    assert!(second["metadata"].get("continue").is_none());
    let (_, all) = cluster.server.get("/api/v1/pods").await;
    assert_eq!(names(&all).len(), 4);
    assert_eq!(
        cluster.server.get(&format!("{PODS}?continue=%3F")).await.0,
        410
    );
    assert_eq!(
        cluster.server.get(&format!("{PODS}?watch=true")).await.0,
        405
    );
}

#[tokio::test]
async fn what_the_server_would_not_keep_is_refused() {
    let cluster = cluster().await;
    cluster.create(pod("m1")).await;
    let (status, answer) = cluster.server.post(PODS, pod("m1")).await;
    assert_eq!((status, &answer["reason"]), (409, &json!("AlreadyExists")));
    let mut always = pod("m2");
    always["spec"]["restartPolicy"] = "Always".into();
    let mut empty = pod("m2");
    empty["spec"]["containers"] = json!([]);
    for body in [pod("M2"), always, empty] {
        let (status, answer) = cluster.server.post(PODS, body).await;
        assert_eq!(
            (status, &answer["reason"]),
            (422, &json!("Invalid")),
            "{answer}"
        );
    }
    let nowhere = "/api/v1/namespaces/none/pods";
    let (status, answer) = cluster.server.post(nowhere, pod("m2")).await;
    assert_eq!(
        (status, answer["message"].as_str()),
        (404, Some("namespaces \"none\" not found"))
    );
    let other = json!({ "preconditions": { "uid": "other" } });
    let path = format!("{PODS}/m1");
    let (status, answer) = cluster
        .server
        .ask(reqwest::Method::DELETE, &path, other)
        .await;
    assert_eq!((status, &answer["reason"]), (409, &json!("Conflict")));
}

#[tokio::test]
async fn a_client_may_ask_what_there_is_and_needs_the_token() {
    let mut cluster = cluster_with(|options| options.token = Some("secret".to_owned())).await;
    let (status, answer) = cluster.server.get("/version").await;
    assert_eq!((status, &answer["reason"]), (401, &json!("Unauthorized")));
    cluster.server.bring("secret");
    let (_, version) = cluster.server.get("/version").await;
    assert_eq!(version["major"], "1");
    let (_, api) = cluster.server.get("/api/v1").await;
    assert!(
        api["resources"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["name"] == "pods")
    );
    let (_, namespace) = cluster.server.get("/api/v1/namespaces/farm").await;
    assert_eq!(namespace["status"]["phase"], "Active");
    assert_eq!(cluster.server.get("/apis/apps/v1/deployments").await.0, 404);
}
