//! Compute Engine alone.

use farm_cloud_emulator::gce::{Gce, Knobs, Quota, Stock};
use farm_core::pool::MachinePool;
use farm_model::order::{MachineSpec, NotMade};

use crate::stage::{Cloud, Stage};

fn gce(stage: &Stage) -> &Gce {
    match &stage.cloud {
        Cloud::Gce(gce) => gce,
        Cloud::Kubernetes(_) => unreachable!("it is a stage of Compute Engine"),
    }
}

fn stock(stock: Stock) -> Knobs {
    Knobs {
        stock,
        // The operation takes a while to find out.
        operation_ms: 100,
    }
}

#[tokio::test]
async fn a_machine_is_made_wherever_there_is_one() {
    let stage = Stage::gce().await;
    for (empty, other, how) in [
        ("zone-a", "zone-b", Stock::Exhausted),
        ("zone-b", "zone-a", Stock::Exhausted),
        ("zone-a", "zone-b", Stock::Refused),
        ("zone-b", "zone-a", Stock::Refused),
    ] {
        gce(&stage).set_zone(empty, stock(how));
        gce(&stage).set_zone(other, stock(Stock::Plenty));
        let make = stage.order("m1");
        assert_eq!(stage.pool().create(&make).await.unwrap(), other);
        stage
            .pool()
            .delete(&make.order.machine, None)
            .await
            .unwrap();
        stage.has(&[]).await;
    }
    for zone in ["zone-a", "zone-b"] {
        gce(&stage).set_zone(zone, stock(Stock::Exhausted));
    }
    let error = stage.pool().create(&stage.order("m1")).await.unwrap_err();
    assert_eq!(error.cause, NotMade::StockOut, "{error}");
    assert!(
        error.reason.contains("ZONE_RESOURCE_POOL_EXHAUSTED"),
        "{error}"
    );
    stage.has(&[]).await;
}

#[tokio::test]
async fn a_quota_that_shows_only_in_the_operation_is_one_too() {
    let stage = Stage::gce().await;
    gce(&stage).set_quota(Quota {
        cpus: 1,
        late: true,
        ..Quota::default()
    });
    let error = stage.pool().create(&stage.order("m1")).await.unwrap_err();
    assert_eq!(error.cause, NotMade::Quota, "{error}");
}

#[tokio::test]
async fn an_image_that_is_not_there_is_refused_for_good() {
    let stage = Stage::gce().await;
    let mut make = stage.order("m1");
    let MachineSpec::Vm(vm) = &mut make.order.spec else {
        unreachable!("it is a virtual machine")
    };
    vm.image = "none-such".to_owned();
    let error = stage.pool().create(&make).await.unwrap_err();
    assert_eq!(error.cause, NotMade::Refused, "{error}");
    assert!(error.reason.contains("none-such"), "{error}");
}

#[tokio::test]
async fn a_spot_machine_that_is_taken_back_is_not_there_any_more() {
    let stage = Stage::gce().await;
    let mut make = stage.order("m1");
    make.order.spot = true;
    let zone = stage.pool().create(&make).await.unwrap();
    stage.key_seen("m1").await;
    assert!(gce(&stage).preempt(&zone, "m1"));
    stage.has(&[]).await;
}
