//! Machines that are held for the job that goes on from there.

use std::time::{Duration, Instant};

use farm_model::config::Clean;
use farm_model::message::progress::{Missing, Outcome};
use farm_model::message::work::RunJob;

use crate::harness::{Bench, step};

/// A job that leaves something in the work dir, and its machine held.
async fn made(b: &mut Bench, clean: Clean, seconds: u64) -> RunJob {
    let mut job = b.job(1, "m");
    (job.clean, job.hold_seconds) = (clean, seconds);
    step(
        &mut job,
        "make",
        "echo made > made.txt; echo beside > ../beside.txt",
    );
    assert_eq!(b.run(&job).await.reason, "");
    job
}

/// The same machine, as `before` left it.
fn next(b: &Bench, number: u32, before: &RunJob, script: &str) -> RunJob {
    let mut job = b.job(number, "m");
    job.clean = before.clean;
    job.continues = Some(before.attempt.clone());
    step(&mut job, "test", script);
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_goes_on_where_another_ended_and_the_next_after_it() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let make = made(&mut b, Clean::Wipe, 60).await;
    b.held("m", Some(&make.attempt)).await;
    let status: serde_json::Value =
        serde_json::from_str(&b.public("GET", "/status.json", "").await.text()).unwrap();
    let held = serde_json::to_value(&make.attempt).unwrap();
    assert!(
        status.to_string().contains(&format!("\"held\":{held}")),
        "{status}"
    );
    let mut first = next(
        &b,
        2,
        &make,
        "cat made.txt ../beside.txt && rm hello.txt && exit 1",
    );
    first.hold_seconds = 60;
    let report = b.run(&first).await;
    assert_eq!(report.reason, "step test: exit status 1");
    let log = b.log(&first).await;
    assert!(
        log.contains(&format!("[farm] goes on from {}\n", make.attempt)),
        "{log}"
    );
    // One that failed is gone on from, too; nothing was placed again.
    b.held("m", Some(&first.attempt)).await;
    let second = next(&b, 3, &first, "cat made.txt && test ! -e hello.txt");
    assert_eq!(b.run(&second).await.reason, "");
    b.held("m", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_work_dir_that_is_not_there_is_refused() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut lost = b.job(1, "m");
    step(&mut lost, "test", "true");
    b.run(&lost).await;
    for (number, machine) in [(2, "m"), (3, "elsewhere")] {
        let mut job = next(&b, number, &lost, "never");
        job.machine = format!("h1/{machine}").parse().unwrap();
        b.offer(&job).await;
        assert_eq!(b.refused(&job).await.1, Some(Missing::WorkDir));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_its_own_ends_the_hold_and_finds_a_clean_machine() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let make = made(&mut b, Clean::Wipe, 60).await;
    let mut other = b.job(2, "m");
    other.clean = Clean::Wipe;
    step(
        &mut other,
        "look",
        "test ! -e made.txt && test ! -e ../beside.txt && test -e hello.txt",
    );
    assert_eq!(b.run(&other).await.reason, "");
    let late = next(&b, 3, &make, "never");
    b.offer(&late).await;
    assert_eq!(b.refused(&late).await.1, Some(Missing::WorkDir));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_is_over_is_followed_by_what_clean_says() {
    let mut b = Bench::start().await;
    let machine = b.machine("m").await;
    made(&mut b, Clean::Halt, 1).await;
    assert_eq!(b.gone("m").await, "it is halted after every attempt");
    machine.ended().await;
    let _machine = b.connect("m");
    b.report_of("m").await;
    let mut short = b.job(2, "m");
    short.hold_seconds = 1;
    step(&mut short, "test", "true");
    b.run(&short).await;
    b.held("m", Some(&short.attempt)).await;
    b.held("m", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_of_what_is_over_lets_its_machine_go() {
    let mut b = Bench::start().await;
    let machine = b.machine("m").await;
    let make = made(&mut b, Clean::Halt, 3000).await;
    b.held("m", Some(&make.attempt)).await;
    b.cancel(&make.attempt).await;
    assert_eq!(b.gone("m").await, "it is halted after every attempt");
    machine.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_job_has_a_held_machine_halted_first() {
    let mut b = Bench::start().await;
    let machine = b.machine("m").await;
    made(&mut b, Clean::Halt, 3000).await;
    let mut other = b.job(2, "m");
    other.clean = Clean::Halt;
    step(&mut other, "never", "true");
    b.offer(&other).await;
    let (reason, missing) = b.refused(&other).await;
    assert!(
        reason.contains("is halted now") && missing.is_none(),
        "{reason}"
    );
    machine.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_or_told_not_to_is_not_held() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    job.hold_seconds = 60;
    step(&mut job, "wait", "echo waiting; sleep 1000");
    b.offer(&job).await;
    b.log_holds(&job, "\nwaiting\n").await;
    b.cancel(&job.attempt).await;
    assert_eq!(b.report(&job).await.outcome, Outcome::Lost);
    let late = next(&b, 2, &job, "never");
    b.offer(&late).await;
    assert_eq!(b.refused(&late).await.1, Some(Missing::WorkDir));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_machine_that_goes_takes_its_work_dir_along() {
    let mut b = Bench::start().await;
    let machine = b.machine("m").await;
    let make = made(&mut b, Clean::Wipe, 60).await;
    machine.cut();
    b.gone("m").await;
    let _machine = b.machine("m").await;
    let late = next(&b, 2, &make, "never");
    b.offer(&late).await;
    assert_eq!(b.refused(&late).await.1, Some(Missing::WorkDir));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_life_of_the_hub_holds_nothing() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let make = made(&mut b, Clean::Wipe, 60).await;
    b.held("m", Some(&make.attempt)).await;
    let before = b.session().await;
    b.kill_and_start_again().await;
    while b.session().await == before {}
    b.told("m", None).await;
    let late = next(&b, 2, &make, "never");
    b.offer(&late).await;
    assert_eq!(b.refused(&late).await.1, Some(Missing::WorkDir));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_shuts_down_holds_nothing_up() {
    let mut b = Bench::start().await;
    let machine = b.machine("m").await;
    let make = made(&mut b, Clean::Halt, 3000).await;
    b.held("m", Some(&make.attempt)).await;
    let began = Instant::now();
    b.shutdown.cancel();
    machine.ended().await;
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}
