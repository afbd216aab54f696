//! The queue is away for a while: what runs goes on, what is to be said is said later.

use farm_model::message::progress::Outcome;

use crate::harness::{Bench, Said, step};

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_ends_while_the_queue_is_away_is_reported_when_it_is_back() {
    let mut b = Bench::with_durable_queue().await;
    let machine = b.machine("m").await;
    let _other = b.machine("n").await;
    let (go, done) = (b.folder.path().join("go"), b.folder.path().join("done"));
    let mut job = b.job(1, "m");
    let script = format!(
        "until test -e {}; do sleep 0.05; done; echo finished > {}",
        go.display(),
        done.display()
    );
    step(&mut job, "wait", &script);
    b.offer(&job).await;
    b.step_started(&job, "wait").await;
    b.stop_queue().await;
    std::fs::write(go, "").unwrap();
    // It ends well, though nobody hears of it.
    b.status(|status| status.ok == 1).await;
    assert!(done.exists());
    // Machines come and go meanwhile.
    machine.cut();
    b.status(|status| status.machines == 1).await;
    b.start_queue().await;
    let report = b.report(&job).await;
    assert_eq!(report.outcome, Outcome::Ok);
    b.gone("m").await;
    // It beats as before, and takes work.
    b.next(|said| matches!(said, Said::Beat(_)).then_some(()))
        .await;
    let mut next = b.job(2, "n");
    step(&mut next, "test", "true");
    assert_eq!(b.run(&next).await.outcome, Outcome::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_ends_in_time_though_the_queue_is_away() {
    let mut b = Bench::with_durable_queue().await;
    let _machine = b.machine("m").await;
    b.stop_queue().await;
    b.shutdown.cancel();
    b.ends().await;
}
