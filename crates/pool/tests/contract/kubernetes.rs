//! Kubernetes alone.

use farm_cloud_emulator::kubernetes::{Kubernetes, Node};
use farm_core::pool::MachinePool;
use farm_model::order::NotMade;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Cloud, Stage, until};

const SECRETS: &str = "/api/v1/namespaces/farm/secrets";

fn kubernetes(stage: &Stage) -> &Kubernetes {
    match &stage.cloud {
        Cloud::Kubernetes(kubernetes) => kubernetes,
        Cloud::Gce(_) => unreachable!("it is a stage of Kubernetes"),
    }
}

#[tokio::test]
async fn the_key_of_a_pod_goes_with_it() {
    let stage = Stage::kubernetes().await;
    let make = stage.order("m1");
    stage.pool().create(&make).await.unwrap();
    let secrets = stage.ask(Method::GET, SECRETS, &Value::Null).await;
    assert_eq!(secrets["items"].as_array().unwrap().len(), 1);
    stage
        .pool()
        .delete(&make.order.machine, None)
        .await
        .unwrap();
    let secrets = stage.ask(Method::GET, SECRETS, &Value::Null).await;
    assert_eq!(secrets["items"], json!([]));
}

#[tokio::test]
async fn a_pod_that_was_made_without_its_key_gets_it_the_next_time() {
    let stage = Stage::kubernetes().await;
    let make = stage.order("m1");
    stage.pool().create(&make).await.unwrap();
    stage.key_seen("m1").await;
    // As if whoever made it had died in between.
    stage
        .ask(Method::DELETE, &format!("{SECRETS}/m1"), &Value::Null)
        .await;
    stage.pool().create(&make).await.unwrap();
    let secrets = stage.ask(Method::GET, SECRETS, &Value::Null).await;
    assert_eq!(secrets["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_pod_that_fits_nowhere_is_there_and_can_be_deleted() {
    let stage = Stage::kubernetes().await;
    kubernetes(&stage).set_node(Node {
        cpus: Some(0),
        ..Node::default()
    });
    let make = stage.order("m1");
    stage.pool().create(&make).await.unwrap();
    let all = stage.list().await;
    assert_eq!((all.len(), all[0].ended), (1, false), "{all:?}");
    stage
        .pool()
        .delete(&make.order.machine, None)
        .await
        .unwrap();
    stage.has(&[]).await;
}

#[tokio::test]
async fn a_pod_whose_node_is_gone_has_ended() {
    let stage = Stage::kubernetes().await;
    stage.pool().create(&stage.order("m1")).await.unwrap();
    stage.key_seen("m1").await;
    assert!(kubernetes(&stage).lose("farm", "m1"));
    until("the pod to have ended", async || {
        let all = stage.list().await;
        if all.iter().all(|one| one.ended) {
            Ok(())
        } else {
            Err(all)
        }
    })
    .await;
}

#[tokio::test]
async fn somebody_elses_pod_of_the_name_is_no_machine_of_ours() {
    let stage = Stage::kubernetes().await;
    let pod = json!({
        "metadata": { "name": "m1" },
        "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "buildlet:test" }] },
    });
    stage
        .ask(Method::POST, "/api/v1/namespaces/farm/pods", &pod)
        .await;
    let error = stage.pool().create(&stage.order("m1")).await.unwrap_err();
    assert_eq!(error.cause, NotMade::Refused, "{error}");
}
