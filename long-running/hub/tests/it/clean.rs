//! Machines that must be clean before they are used again.

use farm_model::config::Clean;
use farm_model::message::progress::Outcome;

use crate::harness::{Bench, source, step};
use crate::puppet::{Puppet, alive, answer};

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_cannot_be_cleaned_is_set_aside() {
    let mut b = Bench::start().await;
    for (number, clean) in [(1, Clean::Wipe), (2, Clean::None)] {
        let puppet = Puppet::start(&b, "m", |path| match path {
            "/status" => alive(),
            "/removeall" => answer("500 Internal Server Error", "read-only file system"),
            other => panic!("a machine that is not clean is asked for {other}"),
        })
        .await;
        b.told("m", None).await;
        let mut job = b.job(number, "m");
        job.clean = clean;
        step(&mut job, "never", "true");
        let report = b.run(&job).await;
        assert_eq!(report.outcome, Outcome::Lost);
        assert!(
            report.reason.starts_with("cannot clean the machine") && report.steps.is_empty(),
            "{report:?}"
        );
        assert_eq!(b.gone("m").await, "it could not be cleaned");
        puppet.dismissed().await;
    }
    let late = b.job(3, "m");
    b.offer(&late).await;
    assert!(b.answer(&late).await.unwrap_err().contains("not connected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halted_machine_is_used_again_only_once_it_has_registered_anew() {
    let mut b = Bench::start().await;
    let machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    job.clean = Clean::Halt;
    step(&mut job, "test", "true");
    assert_eq!(b.run(&job).await.outcome, Outcome::Ok);
    let mut next = b.job(2, "m");
    next.clean = Clean::Halt;
    step(&mut next, "test", "true");
    b.offer(&next).await;
    assert!(b.answer(&next).await.unwrap_err().contains("not connected"));
    machine.ended().await;
    let _machine = b.machine("m").await;
    next.attempt.attempt = 3;
    assert_eq!(b.run(&next).await.outcome, Outcome::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_was_lost_before_it_was_halted_is_halted_when_it_comes_back() {
    let mut b = Bench::start().await;
    let machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    job.clean = Clean::Halt;
    step(&mut job, "wait", "echo waiting; sleep 1000");
    b.offer(&job).await;
    b.log_holds(&job, "\nwaiting\n").await;
    machine.cut();
    assert_eq!(b.report(&job).await.outcome, Outcome::Lost);
    b.gone("m").await;
    // The same machine, not halted: it is told to, and not used.
    let unclean = b.connect("m");
    unclean.ended().await;
    assert_eq!(b.status.borrow().machines, 0);
    // Halted, it is as good as any.
    let _machine = b.machine("m").await;
    let mut next = b.job(2, "m");
    next.clean = Clean::Halt;
    step(&mut next, "test", "true");
    assert_eq!(b.run(&next).await.outcome, Outcome::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_lost_before_anything_ran_owes_no_halt() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    job.clean = Clean::Halt;
    source(&mut job).url = "/nowhere".to_owned();
    step(&mut job, "never", "true");
    assert_eq!(b.run(&job).await.outcome, Outcome::Lost);
    assert_eq!(b.gone("m").await, "it is halted after every attempt");
}
