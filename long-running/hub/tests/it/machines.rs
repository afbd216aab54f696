//! Machines that come and go.

use farm_model::config::Clean;
use farm_model::message::progress::Outcome;

use crate::harness::{Bench, step};

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_vanishes_in_the_middle_of_a_command_loses_the_attempt() {
    let mut b = Bench::start().await;
    let machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    step(&mut job, "wait", "echo waiting; sleep 1000");
    b.offer(&job).await;
    b.log_holds(&job, "\nwaiting\n").await;
    machine.cut();
    let report = b.report(&job).await;
    assert_eq!(report.outcome, Outcome::Lost);
    assert_eq!(report.steps.len(), 1);
    b.gone("m").await;
    assert_eq!(b.status.borrow().machines, 0);
    // It comes back and works.
    let _machine = b.machine("m").await;
    let mut again = b.job(2, "m");
    step(&mut again, "test", "true");
    assert_eq!(b.run(&again).await.outcome, Outcome::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_machine_that_goes_is_gone_at_once() {
    let mut b = Bench::start().await;
    let machine = b.machine("m").await;
    machine.cut();
    b.gone("m").await;
    let job = b.job(1, "m");
    b.offer(&job).await;
    assert!(b.answer(&job).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_to_be_halted_leaves_after_the_attempt() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    job.clean = Clean::Halt;
    step(&mut job, "test", "true");
    assert_eq!(b.run(&job).await.outcome, Outcome::Ok);
    assert_eq!(b.gone("m").await, "it is halted after every attempt");
}
