//! Accepting, refusing, cancelling, repeating.

use farm_model::message::progress::{AttemptEvent, Outcome};

use crate::harness::{Bench, step};
use crate::jobs::ended;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_offer_five_times_runs_once() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let count = b.folder.path().join("count");
    let mut job = b.job(1, "m");
    step(
        &mut job,
        "count",
        &format!("echo run >> {}; sleep 1", count.display()),
    );
    for _ in 0..3 {
        b.offer(&job).await;
    }
    let report = b.report(&job).await;
    assert_eq!(report.outcome, Outcome::Ok);
    // After it has ended, the report is said again.
    for _ in 0..2 {
        b.offer(&job).await;
        assert_eq!(b.report(&job).await, report);
    }
    assert_eq!(std::fs::read_to_string(&count).unwrap(), "run\n");
    assert_eq!(
        b.seen(&job, |what| matches!(what, AttemptEvent::Accepted)),
        3
    );
    let status = b.status.borrow().clone();
    assert_eq!((status.accepted, status.ok), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_is_refused_at_once() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let unknown = b.job(1, "unknown");
    b.offer(&unknown).await;
    assert_eq!(
        b.answer(&unknown).await.unwrap_err(),
        "machine h1/unknown is not connected"
    );
    let mut late = b.job(2, "m");
    late.start_by = farm_model::Timestamp::UNIX_EPOCH;
    b.offer(&late).await;
    assert!(
        b.answer(&late)
            .await
            .unwrap_err()
            .contains("had to be started")
    );
    let mut first = b.job(3, "m");
    step(&mut first, "wait", "sleep 1000");
    b.offer(&first).await;
    assert_eq!(b.answer(&first).await, Ok(()));
    let second = b.job(4, "m");
    b.offer(&second).await;
    assert!(b.answer(&second).await.unwrap_err().contains("works on"));
    // A refusal stands, even if the machine is free by then.
    b.cancel(&first.attempt).await;
    b.report(&first).await;
    b.offer(&second).await;
    assert!(b.answer(&second).await.unwrap_err().contains("works on"));
    assert_eq!(b.status.borrow().refused, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_ends_what_runs_and_what_is_yet_to_come() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    let pids = b.folder.path().join("pids");
    let script = format!(
        "sleep 1000 & echo $! $$ > {}; echo waiting; wait",
        pids.display()
    );
    step(&mut job, "wait", &script);
    b.offer(&job).await;
    b.step_started(&job, "wait").await;
    b.told("m", Some(&job.attempt)).await;
    b.log_holds(&job, "\nwaiting\n").await;
    b.cancel(&job.attempt).await;
    let report = b.report(&job).await;
    assert_eq!(
        (report.outcome, report.reason.as_str()),
        (Outcome::Lost, "cancelled: superseded")
    );
    assert_eq!(report.steps[0].state, "lost: cancelled: superseded");
    for pid in std::fs::read_to_string(pids).unwrap().split_whitespace() {
        ended(pid).await;
    }
    let mut early = b.job(2, "m");
    step(&mut early, "never", "true");
    b.cancel(&early.attempt).await;
    // Another message behind it: the cancel has been dealt with once this is answered.
    let mut between = b.job(3, "m");
    step(&mut between, "test", "true");
    b.run(&between).await;
    b.offer(&early).await;
    assert_eq!(b.answer(&early).await.unwrap_err(), "cancelled: superseded");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_other_kinds_and_hubs_are_dropped() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    job.hub = "h2".parse().unwrap();
    b.offer(&job).await;
    let mut own = b.job(2, "m");
    step(&mut own, "test", "true");
    assert_eq!(b.run(&own).await.outcome, Outcome::Ok);
    assert_eq!(b.status.borrow().accepted, 1);
}
