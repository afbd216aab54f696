//! What every pool does, whoever makes its machines.

use farm_core::pool::{MachinePool, Mark};
use farm_model::order::NotMade;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Cloud, Stage, until};

/// Runs each test on a stage of each kind.
macro_rules! on_every_cloud {
    ($($test:ident),* $(,)?) => {
        mod gce {
            $(#[tokio::test] async fn $test() { super::$test(crate::stage::Stage::gce().await).await; })*
        }
        mod kubernetes {
            $(#[tokio::test] async fn $test() { super::$test(crate::stage::Stage::kubernetes().await).await; })*
        }
    };
}

on_every_cloud!(
    an_order_makes_one_machine_however_often_it_is_told,
    what_is_deleted_is_gone_and_may_be_deleted_again,
    other_peoples_machines_are_seen_and_left_alone,
    a_machine_that_has_ended_says_so,
    what_the_quota_does_not_allow_is_said,
    a_cloud_that_does_not_answer_is_asked_again_later,
    many_machines_are_all_seen,
);

async fn an_order_makes_one_machine_however_often_it_is_told(stage: Stage) {
    let make = stage.order("m1");
    let place = stage.pool().create(&make).await.unwrap();
    let again = stage.pool().create(&make).await.unwrap();
    let mut later = make.clone();
    later.order.attempt = 2;
    assert_eq!(stage.pool().create(&later).await.unwrap(), place);
    assert_eq!(again, place);
    let all = stage.list().await;
    assert_eq!(all.len(), 1, "{all:?}");
    let found = &all[0];
    assert_eq!((found.name.as_str(), found.mark), ("m1", Mark::Ours));
    assert_eq!((&found.place, found.ended), (&place, false));
    assert_eq!(found.until, Some(make.order.until));
    let late = found.since.as_second() - make.now.as_second();
    assert!((0..60).contains(&late), "{found:?}");
    assert_eq!(stage.key_seen("m1").await, "the key of m1");
}

async fn what_is_deleted_is_gone_and_may_be_deleted_again(stage: Stage) {
    let make = stage.order("m1");
    let place = stage.pool().create(&make).await.unwrap();
    let pool = stage.pool();
    pool.delete(&make.order.machine, Some("elsewhere"))
        .await
        .unwrap();
    stage.has(&["m1"]).await;
    pool.delete(&make.order.machine, Some(&place))
        .await
        .unwrap();
    stage.has(&[]).await;
    pool.delete(&make.order.machine, Some(&place))
        .await
        .unwrap();
    pool.delete(&make.order.machine, None).await.unwrap();
}

/// A machine that somebody else has made; how to see whether it is there.
async fn foreign(stage: &Stage, name: &str) -> (String, Value) {
    let (list, body) = match stage.cloud {
        Cloud::Gce(_) => (
            "/compute/v1/projects/p/zones/zone-a/instances",
            json!({
                "name": name,
                "machineType": "zones/zone-a/machineTypes/n2-standard-2",
                "disks": [{ "boot": true, "initializeParams": { "sourceImage": "global/images/debian-12" } }],
                "networkInterfaces": [{}],
                "labels": { "farmhand-farm": "other" },
            }),
        ),
        Cloud::Kubernetes(_) => (
            "/api/v1/namespaces/farm/pods",
            json!({
                "metadata": { "name": name, "labels": { "farmhand-farm": "other" } },
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{ "name": "c", "image": "buildlet:test" }],
                },
            }),
        ),
    };
    stage.ask(Method::POST, list, &body).await;
    let path = format!("{list}/{name}");
    let shown = stage.ask(Method::GET, &path, &Value::Null).await;
    (path, shown)
}

async fn other_peoples_machines_are_seen_and_left_alone(stage: Stage) {
    let (path, _) = foreign(&stage, "m1").await;
    let all = stage.list().await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].mark, Mark::Foreign);
    let name = &all[0].name;
    stage.pool().delete(name, None).await.unwrap();
    stage
        .pool()
        .delete(name, Some(&all[0].place))
        .await
        .unwrap();
    stage.ask(Method::GET, &path, &Value::Null).await;
}

async fn a_machine_that_has_ended_says_so(stage: Stage) {
    let make = stage.order("m1");
    stage.pool().create(&make).await.unwrap();
    stage.key_seen("m1").await;
    let path = "/emulator/machines";
    let machines = stage.ask(Method::GET, path, &Value::Null).await;
    let group = machines[0]["processGroup"].as_i64().unwrap();
    end_programs(group);
    until("the machine to have ended", async || {
        let all = stage.list().await;
        if all.len() == 1 && all[0].ended {
            Ok(())
        } else {
            Err(all)
        }
    })
    .await;
    stage
        .pool()
        .delete(&make.order.machine, None)
        .await
        .unwrap();
    stage.has(&[]).await;
}

/// As if the buildlet ended by itself: the program that runs in a group's place of it.
fn end_programs(group: i64) {
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let own = stat
            .rsplit_once(')')
            .is_some_and(|(_, rest)| rest.split_whitespace().nth(2) == Some(&group.to_string()));
        let line = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        if own && line.starts_with("sleep\u{0}1000") {
            let id = entry.file_name().into_string().unwrap();
            let killed = std::process::Command::new("kill").arg(id).status();
            assert!(killed.unwrap().success());
        }
    }
}

async fn what_the_quota_does_not_allow_is_said(stage: Stage) {
    match &stage.cloud {
        Cloud::Gce(gce) => gce.set_quota(farm_cloud_emulator::gce::Quota {
            instances: 1,
            ..Default::default()
        }),
        Cloud::Kubernetes(_) => {
            let quota = json!({ "metadata": { "name": "q" }, "spec": { "hard": { "pods": "1" } } });
            let path = "/api/v1/namespaces/farm/resourcequotas";
            stage.ask(Method::POST, path, &quota).await;
        }
    }
    stage.pool().create(&stage.order("m1")).await.unwrap();
    let error = stage.pool().create(&stage.order("m2")).await.unwrap_err();
    assert_eq!(error.cause, NotMade::Quota, "{error}");
    assert!(error.reason.to_lowercase().contains("quota"), "{error}");
    stage.has(&["m1"]).await;
    let first = stage.order("m1").order.machine;
    stage.pool().delete(&first, None).await.unwrap();
    stage.has(&[]).await;
    stage.pool().create(&stage.order("m2")).await.unwrap();
}

async fn a_cloud_that_does_not_answer_is_asked_again_later(mut stage: Stage) {
    stage.goes_away().await;
    let error = stage.pool().create(&stage.order("m1")).await.unwrap_err();
    assert_eq!(error.cause, NotMade::Passing, "{error}");
    stage.pool().list().await.unwrap_err();
    let name = stage.order("m1").order.machine;
    stage.pool().delete(&name, None).await.unwrap_err();
}

async fn many_machines_are_all_seen(stage: Stage) {
    let names = ["m1", "m2", "m3", "m4", "m5"];
    for name in names {
        stage.pool().create(&stage.order(name)).await.unwrap();
    }
    stage.has(&names).await;
}
