//! Shutdown.

use std::time::Duration;

use farm_model::message::progress::Outcome;
use tokio::time::timeout;

use crate::harness::{Bench, PATIENCE, Said, step};

impl Bench {
    pub async fn ends(&mut self) {
        timeout(PATIENCE, self.hub.join_next())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
            .unwrap();
    }

    async fn told_draining(&mut self) {
        self.next(|said| matches!(said, Said::Beat(beat) if beat.draining).then_some(()))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_may_end_and_nothing_new_begins() {
    let mut b = Bench::start().await;
    let _first = b.machine("m").await;
    let _second = b.machine("n").await;
    let go = b.folder.path().join("go");
    let mut job = b.job(1, "m");
    step(
        &mut job,
        "wait",
        &format!("until test -e {}; do sleep 0.05; done", go.display()),
    );
    b.offer(&job).await;
    b.step_started(&job, "wait").await;
    b.shutdown.cancel();
    b.told_draining().await;
    let late = b.job(2, "n");
    b.offer(&late).await;
    assert!(b.answer(&late).await.unwrap_err().contains("shutting down"));
    std::fs::write(go, "").unwrap();
    assert_eq!(b.report(&job).await.outcome, Outcome::Ok);
    b.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_in_time_is_reported_lost() {
    let mut b = Bench::with(|settings| settings.drain = Duration::from_millis(200)).await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    step(&mut job, "wait", "sleep 1000");
    b.offer(&job).await;
    b.step_started(&job, "wait").await;
    b.shutdown.cancel();
    let report = b.report(&job).await;
    assert_eq!(
        (report.outcome, report.reason.as_str()),
        (Outcome::Lost, "hub shutting down")
    );
    b.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_hub_ends_at_once() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    b.shutdown.cancel();
    b.ends().await;
}
