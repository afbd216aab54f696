//! A second coordinator takes over, in order or not: running builds do not notice, and nothing is told twice.

use crate::kills::{attempts, busy, finish};
use farm_harness::{Farm, Part, until};

/// How often the state has had a new leader, by the file that its leader locks.
async fn led(farm: &Farm, epoch: u32) {
    let seat = farm.path(&format!("coordinator/state.db-leader-{epoch}"));
    until("a leader", async || std::fs::metadata(&seat)).await;
}

#[tokio::test]
async fn a_rolling_replacement_interrupts_nothing() {
    let (mut farm, commit) = busy().await;
    farm.run(Part::Standby);
    farm.stop(Part::Coordinator).await;
    farm.promote();
    led(&farm, 2).await;
    let build = finish(farm, &commit).await;
    assert_eq!(attempts(&build), 1);
}

#[tokio::test]
async fn a_standby_takes_over_from_a_killed_leader() {
    let (mut farm, commit) = busy().await;
    farm.run(Part::Standby);
    farm.kill(Part::Coordinator).await;
    farm.promote();
    let build = finish(farm, &commit).await;
    assert_eq!(attempts(&build), 1);
}
