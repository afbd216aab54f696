//! Against a small server of the API's form. What the API does with pods is the emulator's to say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use farm_core::pool::Mark;
use farm_model::order::NotMade;
use serde_json::json;
use tokio::task::JoinSet;

use super::*;
use crate::make::tests::{container, vm};
use crate::settings::Access;

#[derive(Default)]
struct World {
    pods: Mutex<BTreeMap<String, Value>>,
    secrets: Mutex<Vec<Value>>,
    /// What a new pod is answered instead.
    refuses: Mutex<Option<(u16, String)>>,
    tokens: Mutex<Vec<String>>,
}

type Shared = State<Arc<World>>;

fn status(status: u16, message: &str) -> (StatusCode, Json<Value>) {
    let body = json!({ "kind": "Status", "message": message });
    (StatusCode::from_u16(status).unwrap(), Json(body))
}

async fn insert(
    State(world): Shared,
    headers: HeaderMap,
    Json(mut body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let token = headers["authorization"].to_str().unwrap().to_owned();
    world.tokens.lock().unwrap().push(token);
    if let Some((code, message)) = &*world.refuses.lock().unwrap() {
        return status(*code, message);
    }
    let name = body["metadata"]["name"].as_str().unwrap().to_owned();
    let mut pods = world.pods.lock().unwrap();
    if pods.contains_key(&name) {
        return status(409, "already exists");
    }
    body["metadata"]["uid"] = json!(format!("uid-{}", pods.len()));
    body["metadata"]["namespace"] = json!("builds");
    body["metadata"]["creationTimestamp"] = json!("2026-11-26T09:00:00Z");
    body["status"] = json!({ "phase": "Pending" });
    pods.insert(name, body.clone());
    (StatusCode::CREATED, Json(body))
}

async fn list(State(world): Shared) -> Json<Value> {
    let items: Vec<_> = world.pods.lock().unwrap().values().cloned().collect();
    Json(json!({ "metadata": {}, "items": items }))
}

async fn one(State(world): Shared, Path(name): Path<String>) -> Result<Json<Value>, StatusCode> {
    let pods = world.pods.lock().unwrap();
    pods.get(&name)
        .cloned()
        .map(Json)
        .ok_or(StatusCode::NOT_FOUND)
}

async fn remove(
    State(world): Shared,
    Path(name): Path<String>,
    Json(options): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let mut pods = world.pods.lock().unwrap();
    if options["preconditions"]["uid"] != pods[&name]["metadata"]["uid"] {
        return status(409, "another pod");
    }
    pods.remove(&name);
    status(200, "")
}

async fn secret(State(world): Shared, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let mut secrets = world.secrets.lock().unwrap();
    let same = |other: &Value| other["metadata"]["name"] == body["metadata"]["name"];
    if secrets.iter().any(same) {
        return status(409, "already exists");
    }
    secrets.push(body.clone());
    (StatusCode::CREATED, Json(body))
}

struct Bench {
    world: Arc<World>,
    pool: Kubernetes,
    _serving: JoinSet<()>,
    _folder: tempfile::TempDir,
}

/// Nobody asks what time it is.
fn never() -> Now {
    Arc::new(|| farm_model::Timestamp::UNIX_EPOCH)
}

async fn bench() -> Bench {
    let world = Arc::<World>::default();
    let space = "/api/v1/namespaces/builds";
    let router = axum::Router::new()
        .route(&format!("{space}/pods"), get(list).post(insert))
        .route(&format!("{space}/pods/{{name}}"), get(one).delete(remove))
        .route(&format!("{space}/secrets"), post(secret))
        .with_state(Arc::clone(&world));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "t0ken\n").unwrap();
    let settings = KubernetesSettings {
        namespace: "builds".to_owned(),
        endpoint: Some(endpoint),
        ca: None,
        access: Some(Access::File(token.to_str().unwrap().to_owned())),
    };
    let farm = json!({ "farm": "example", "hub": "h:1", "ca": "PEM", "buildlet": "http://b", "pools": {} });
    let farm = crate::Settings::read(&farm.to_string()).unwrap();
    Bench {
        pool: Kubernetes::open(&settings, "example", &Boot::new(&farm), &never()).unwrap(),
        world,
        _serving: serving,
        _folder: folder,
    }
}

#[tokio::test]
async fn the_same_order_again_is_one_pod_with_one_secret_that_goes_with_it() {
    let b = bench().await;
    let make = container("m1");
    for _ in 0..3 {
        assert_eq!(b.pool.create(&make).await.as_deref(), Ok("builds"));
    }
    let secrets = b.world.secrets.lock().unwrap().clone();
    assert_eq!(secrets.len(), 1);
    assert_eq!(secrets[0]["metadata"]["ownerReferences"][0]["uid"], "uid-0");
    assert_eq!(
        secrets[0]["stringData"],
        json!({ "key": "fm1.k", "ca.pem": "PEM" })
    );
    let there = b.pool.list().await.unwrap();
    assert_eq!(there.len(), 1, "{there:?}");
    assert_eq!(
        (there[0].mark, there[0].until),
        (Mark::Ours, Some(make.order.until))
    );
    for _ in 0..2 {
        b.pool.delete(&make.order.machine, None).await.unwrap();
        assert_eq!(b.pool.list().await.unwrap(), []);
    }
    assert!(
        b.world
            .tokens
            .lock()
            .unwrap()
            .iter()
            .all(|token| token == "Bearer t0ken")
    );
}

#[tokio::test]
async fn a_pod_has_no_rights_no_root_and_an_end() {
    let b = bench().await;
    b.pool.create(&container("m1")).await.unwrap();
    let pods = b.world.pods.lock().unwrap();
    let spec = &pods["m1"]["spec"];
    assert_eq!(spec["automountServiceAccountToken"], false);
    assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
    assert_eq!(spec["activeDeadlineSeconds"], 3600);
    assert_eq!(spec["restartPolicy"], "Never");
    let buildlet = &spec["containers"][0];
    assert_eq!(
        buildlet["resources"]["limits"],
        json!({ "cpu": "8", "memory": "24Gi" })
    );
    let text = buildlet.to_string();
    assert!(
        text.contains("--key-file=/run/farm/key") && !text.contains("fm1.k"),
        "{text}"
    );
}

#[tokio::test]
async fn refusals_are_sorted_by_what_to_do() {
    use NotMade::{Passing, Quota, Refused};
    let b = bench().await;
    let quota = "pods \"m1\" is forbidden: exceeded quota: builds, requested: pods=1, used: pods=2, limited: pods=2";
    for (code, message, cause) in [
        (403, quota, Quota),
        (
            403,
            "pods is forbidden: User cannot create resource",
            Refused,
        ),
        (422, "Pod is invalid", Refused),
        (401, "Unauthorized", Passing),
        (429, "too many requests", Passing),
        (500, "etcdserver: leader changed", Passing),
    ] {
        *b.world.refuses.lock().unwrap() = Some((code, message.to_owned()));
        let error = b.pool.create(&container("m1")).await.unwrap_err();
        assert_eq!((error.cause, error.reason.as_str()), (cause, message));
    }
    let mut nested = container("m1");
    let farm_model::order::MachineSpec::Container(inside) = &mut nested.order.spec else {
        panic!("{nested:?}")
    };
    inside.nested = true;
    for make in [vm("m1"), nested] {
        let error = b.pool.create(&make).await.unwrap_err();
        assert_eq!(error.cause, Refused);
    }
}

#[tokio::test]
async fn somebody_elses_pod_of_that_name_is_left_alone_and_an_ended_one_is_seen_as_such() {
    let b = bench().await;
    b.pool.create(&container("m1")).await.unwrap();
    b.world.pods.lock().unwrap().get_mut("m1").unwrap()["metadata"]["labels"][FARM] =
        json!("other");
    let error = b.pool.create(&container("m1")).await.unwrap_err();
    assert_eq!(error.cause, NotMade::Refused);
    b.pool.delete(&"m1".parse().unwrap(), None).await.unwrap();
    assert_eq!(b.pool.list().await.unwrap()[0].mark, Mark::Foreign);
    b.world.pods.lock().unwrap().get_mut("m1").unwrap()["status"]["phase"] = json!("Failed");
    assert!(b.pool.list().await.unwrap()[0].ended);
}

#[test]
fn a_cluster_that_is_nowhere_is_named() {
    let settings = KubernetesSettings {
        namespace: "builds".to_owned(),
        endpoint: None,
        ca: None,
        access: None,
    };
    // No pod runs this test.
    let error = access::Way::find(&settings, &never())
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("`endpoint` says where"), "{error}");
}
