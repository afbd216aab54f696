//! Machines that come and go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use farm_model::config::Clean;
use farm_model::message::progress::{AttemptEvent, Outcome};

use crate::harness::{Bench, Said, step};
use crate::puppet::{Puppet, Reply, alive, answer};

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

/// A puppet that takes a source, and says `exec` to every command.
async fn commanded(b: &mut Bench, exec: Reply) -> Puppet {
    let puppet = Puppet::start(b, "m", move |path| match path {
        "/status" => alive(),
        "/exec" => exec.clone(),
        _ => answer("200 OK", ""),
    })
    .await;
    b.told("m", None).await;
    puppet
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_end_is_not_told_is_lost_and_not_failed() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Process-State\r\n\r\n";
    for (number, (what, exec)) in (1..).zip([
        ("no trailer", format!("{chunked}3\r\nabc\r\n0\r\n\r\n")),
        ("no end", format!("{chunked}3\r\nabc\r\n")),
        ("a cut piece", format!("{chunked}9\r\nabc")),
        (
            "a cut body with a state before it",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nProcess-State: ok\r\n\r\nabc".to_owned(),
        ),
        (
            "a refusal",
            "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nno\r\n".to_owned(),
        ),
        ("no answer", String::new()),
    ]) {
        let mut b = Bench::start().await;
        let _puppet = commanded(&mut b, Reply::Bytes(exec)).await;
        let mut job = b.job(number, "m");
        step(&mut job, "test", "true");
        let report = b.run(&job).await;
        assert_eq!(report.outcome, Outcome::Lost, "{what}: {report:?}");
        assert!(
            report.steps[0].state.starts_with("lost: "),
            "{what}: {report:?}"
        );
        // The machine answers all the same.
        b.told("m", None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_that_the_trailer_tells_is_the_commands() {
    for (number, (state, outcome)) in (1..).zip([
        ("ok", Outcome::Ok),
        ("exit status 3", Outcome::Failed),
        (
            "exec: \"true\": executable file not found in $PATH",
            Outcome::Failed,
        ),
    ]) {
        let mut b = Bench::start().await;
        let exec = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nProcess-State: {state}\r\n\r\n"
        );
        let _puppet = commanded(&mut b, Reply::Bytes(exec)).await;
        let mut job = b.job(number, "m");
        step(&mut job, "test", "true");
        let report = b.run(&job).await;
        assert_eq!(
            (report.outcome, report.steps[0].state.as_str()),
            (outcome, state)
        );
        assert!(b.log(&job).await.contains("abc"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_registers_anew_takes_the_place_of_one_that_no_longer_answers() {
    let mut b = Bench::with(|settings| settings.checks.limit = Duration::from_secs(1)).await;
    let asked = AtomicBool::new(false);
    let mute = Puppet::start(&b, "m", move |_| {
        if asked.swap(true, Ordering::Relaxed) {
            Reply::Silence
        } else {
            alive()
        }
    })
    .await;
    b.told("m", None).await;
    let _machine = b.connect("m");
    mute.dismissed().await;
    let mut job = b.job(1, "m");
    step(&mut job, "test", "true");
    b.status(|status| status.machines == 1).await;
    assert_eq!(b.run(&job).await.outcome, Outcome::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_does_not_answer_its_checks_is_gone() {
    let mut b = Bench::with(|settings| {
        settings.checks.limit = Duration::from_secs(1);
        settings.checks.period = Duration::from_millis(100);
    })
    .await;
    let asked = AtomicBool::new(false);
    let mute = Puppet::start(&b, "m", move |_| {
        if asked.swap(true, Ordering::Relaxed) {
            Reply::Silence
        } else {
            alive()
        }
    })
    .await;
    b.told("m", None).await;
    assert_eq!(
        b.gone("m").await,
        "it did not pass its check: no answer within 1 s"
    );
    mute.dismissed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_starts_again_is_another_life_and_knows_nothing_of_what_it_drove() {
    let mut b = Bench::with_durable_queue().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    step(&mut job, "wait", "echo waiting; sleep 1000");
    b.offer(&job).await;
    b.log_holds(&job, "\nwaiting\n").await;
    b.told("m", Some(&job.attempt)).await;
    let before = b.session().await;
    b.kill_and_start_again().await;
    // Lives sort by their start. The machine comes back by itself, and works on nothing.
    b.next(|said| {
        let Said::Beat(beat) = said else { return None };
        let idle = beat.machines.iter().any(|m| m.busy.is_none());
        (beat.session > before && idle).then_some(())
    })
    .await;
    // The coordinator takes the attempt for lost, and offers the next one.
    let mut next = b.job(2, "m");
    step(&mut next, "test", "true");
    assert_eq!(b.run(&next).await.outcome, Outcome::Ok);
    assert_eq!(
        b.seen(&job, |what| matches!(what, AttemptEvent::Finished { .. })),
        0
    );
}
