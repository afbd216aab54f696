//! Against a small server of the API's form. What the API does with machines is the emulator's to say.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get};
use farm_core::pool::Mark;
use farm_model::order::NotMade;
use serde_json::{Value, json};
use std::sync::Mutex;
use tokio::task::JoinSet;

use super::*;
use crate::make::tests::{container, vm as make};
use crate::settings::{PoolKind, Settings};

/// Machines by zone and name; zones that have none.
#[derive(Default)]
struct World {
    machines: Mutex<BTreeMap<(String, String), Value>>,
    empty: Mutex<Vec<String>>,
}

type Shared = State<Arc<World>>;

async fn insert(
    State(world): Shared,
    Path((_, zone)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    if world.empty.lock().unwrap().contains(&zone) {
        return (
            StatusCode::OK,
            Json(json!({ "name": "no", "status": "RUNNING" })),
        );
    }
    let name = body["name"].as_str().unwrap().to_owned();
    let mut body = body;
    body["status"] = json!("RUNNING");
    body["creationTimestamp"] = json!("2026-11-26T02:00:00.000-07:00");
    let taken = world.machines.lock().unwrap().insert((zone, name), body);
    match taken {
        Some(_) => (StatusCode::CONFLICT, Json(json!({}))),
        None => (
            StatusCode::OK,
            Json(json!({ "name": "yes", "status": "RUNNING" })),
        ),
    }
}

async fn list(State(world): Shared, Path((_, zone)): Path<(String, String)>) -> Json<Value> {
    let machines = world.machines.lock().unwrap();
    let items = machines.iter().filter(|((of, _), _)| *of == zone);
    Json(json!({ "items": items.map(|(_, machine)| machine).collect::<Vec<_>>() }))
}

async fn one(
    State(world): Shared,
    Path((_, zone, name)): Path<(String, String, String)>,
) -> Result<Json<Value>, StatusCode> {
    let machines = world.machines.lock().unwrap();
    machines
        .get(&(zone, name))
        .cloned()
        .map(Json)
        .ok_or(StatusCode::NOT_FOUND)
}

async fn remove(
    State(world): Shared,
    Path((_, zone, name)): Path<(String, String, String)>,
) -> Json<Value> {
    world.machines.lock().unwrap().remove(&(zone, name));
    Json(json!({ "name": "yes", "status": "RUNNING" }))
}

async fn operation(Path((_, _, name)): Path<(String, String, String)>) -> Json<Value> {
    Json(match name.as_str() {
        "yes" => json!({ "name": name, "status": "DONE" }),
        _ => json!({
            "name": name, "status": "DONE", "httpErrorStatusCode": 503,
            "error": { "errors": [{ "code": "ZONE_RESOURCE_POOL_EXHAUSTED", "message": "none here" }] },
        }),
    })
}

async fn pool(world: &Arc<World>) -> (Gce, JoinSet<()>) {
    let zone = "/compute/v1/projects/{project}/zones/{zone}";
    let router = axum::Router::new()
        .route(&format!("{zone}/instances"), get(list).post(insert))
        .route(
            &format!("{zone}/instances/{{name}}"),
            delete(remove).get(one),
        )
        .route(&format!("{zone}/operations/{{name}}"), get(operation))
        .with_state(Arc::clone(world));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    let settings = json!({
        "farm": "example", "hub": "h:1", "buildlet": "http://b/{buildlet}",
        "pools": { "vms": {
            "kind": "gce", "most": 9, "project": "p", "zones": ["z-a", "z-b", "z-c"], "endpoint": endpoint,
        } },
    });
    let settings = Settings::read(&settings.to_string()).unwrap();
    let PoolKind::Gce(gce) = &settings.pools[&"vms".parse().unwrap()].kind else {
        panic!("{settings:?}")
    };
    let pool = Gce::open(gce, "example", &Boot::new(&settings)).unwrap();
    (pool, serving)
}

#[tokio::test]
async fn the_same_order_again_is_one_machine_wherever_the_next_try_would_begin() {
    let world = Arc::<World>::default();
    let (pool, _serving) = pool(&world).await;
    let mut order = make("m1");
    let place = pool.create(&order).await.unwrap();
    for attempt in 2..5 {
        order.order.attempt = attempt;
        assert_eq!(pool.create(&order).await.as_ref(), Ok(&place));
    }
    let there = pool.list().await.unwrap();
    assert_eq!(there.len(), 1, "{there:?}");
    assert_eq!(
        (there[0].mark, there[0].place.as_str()),
        (Mark::Ours, place.as_str())
    );
    assert_eq!(there[0].until, Some(order.order.until));
    pool.delete(&order.order.machine, Some("z-elsewhere"))
        .await
        .unwrap();
    assert_eq!(pool.list().await.unwrap().len(), 1);
    for _ in 0..2 {
        pool.delete(&order.order.machine, None).await.unwrap();
        assert_eq!(pool.list().await.unwrap(), []);
    }
}

#[tokio::test]
async fn zones_are_tried_in_turn_until_none_is_left() {
    let world = Arc::<World>::default();
    let (pool, _serving) = pool(&world).await;
    *world.empty.lock().unwrap() = vec!["z-a".to_owned(), "z-b".to_owned()];
    assert_eq!(pool.create(&make("m1")).await.as_deref(), Ok("z-c"));
    world.empty.lock().unwrap().push("z-c".to_owned());
    let error = pool.create(&make("m2")).await.unwrap_err();
    assert_eq!(error.cause, NotMade::StockOut);
    assert!(error.reason.contains("none here"), "{error}");
}

#[tokio::test]
async fn somebody_elses_machine_of_that_name_is_left_alone() {
    let world = Arc::<World>::default();
    let (pool, _serving) = pool(&world).await;
    let foreign = json!({
        "name": "m1", "status": "RUNNING", "creationTimestamp": "2026-11-26T02:00:00Z",
        "labels": { FARM: "other" },
    });
    let at = ("z-a".to_owned(), "m1".to_owned());
    world.machines.lock().unwrap().insert(at, foreign);
    pool.delete(&"m1".parse().unwrap(), None).await.unwrap();
    let there = pool.list().await.unwrap();
    assert_eq!(there.len(), 1);
    assert_eq!(there[0].mark, Mark::Foreign);
}

#[tokio::test]
async fn a_container_is_nothing_for_this_pool() {
    let world = Arc::<World>::default();
    let (pool, _serving) = pool(&world).await;
    let error = pool.create(&container("m1")).await.unwrap_err();
    assert_eq!(error.cause, NotMade::Refused);
    assert!(world.machines.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_machine_is_asked_for_with_its_end_and_without_rights() {
    let world = Arc::<World>::default();
    let (pool, _serving) = pool(&world).await;
    let mut order = make("m1");
    order.order.spot = true;
    pool.create(&order).await.unwrap();
    let machines = world.machines.lock().unwrap();
    let machine = machines.values().next().unwrap();
    let expected = json!({
        "automaticRestart": false, "onHostMaintenance": "TERMINATE", "provisioningModel": "SPOT",
        "instanceTerminationAction": "DELETE", "maxRunDuration": { "seconds": "3600" },
    });
    assert_eq!(machine["scheduling"], expected);
    assert_eq!(machine["serviceAccounts"], json!([]));
    let labels =
        json!({ "farmhand-farm": "example", "farmhand-host": "host-linux", "delete-at": "4600" });
    assert_eq!(machine["labels"], labels);
    let disk = &machine["disks"][0]["initializeParams"]["sourceImage"];
    assert_eq!(disk, "projects/p/global/images/debian");
    let script = machine["metadata"]["items"][0]["value"].as_str().unwrap();
    assert!(
        script.contains("\nkey='fm1.k'\n") && script.contains("\nurl='http://b/linux-amd64'\n")
    );
}
