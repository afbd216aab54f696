//! A second coordinator takes over, in order or not: running builds do not notice, and nothing is told twice.

use nix::sys::signal::Signal;

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

#[tokio::test]
async fn a_frozen_leader_is_replaced_and_stands_by_when_it_wakes_up() {
    let (mut farm, commit) = busy().await;
    farm.process(Part::Coordinator).signal(Signal::SIGSTOP);
    farm.run(Part::Standby);
    led(&farm, 2).await;
    let frozen = farm.process(Part::Coordinator);
    frozen.signal(Signal::SIGCONT);
    until("the old leader to stand by", async || {
        let said = frozen.output();
        match said.contains("this one stands by") {
            true => Ok(()),
            false => Err(said),
        }
    })
    .await;
    farm.stop(Part::Coordinator).await;
    farm.promote();
    let build = finish(farm, &commit).await;
    assert_eq!(attempts(&build), 1);
}
