//! What the coordinator says of itself, on its own page and to those who read the bucket.

use farm_bucket::Bucket;
use farm_harness::{Farm, Part, SHELL, until};
use farm_model::view::{Role, Status, StatusView};
use farm_runtime::Clock;
use serde_json::json;

use crate::binary;

#[tokio::test]
async fn the_page_the_document_and_the_metrics_say_the_same() {
    let mut farm = Farm::start(binary(), SHELL, "echo one").await;
    farm.over(&farm.repository.head()).await;
    farm.push().await;
    let own: StatusView = until("an idle machine and a delivery", async || {
        let view: StatusView = farm.json_at(farm.coordinator_url("/status.json")).await?;
        let settled = view.farm.open == 0 && view.farm.machines.idle == 1;
        match view.farm.intake.first() {
            Some(row) if settled && row.effective == 1 => Ok(view),
            _ => Err(format!("{view:?}")),
        }
    })
    .await;
    assert_eq!(
        (own.coordinator.role, own.coordinator.epoch),
        (Role::Leading, 1)
    );
    assert_eq!(own.farm.hubs[0].machines, 1);
    assert!(own.coordinator.commits.count > 0);
    let public: StatusView = until("the document", async || {
        let view: StatusView = farm.json("/api/status").await?;
        if view.farm.intake == own.farm.intake {
            Ok(view)
        } else {
            Err(format!("{view:?}"))
        }
    })
    .await;
    assert_eq!(public.coordinator.epoch, 1);
    let text = async |path| {
        let answer = farm
            .http
            .get(farm.coordinator_url(path))
            .send()
            .await
            .unwrap();
        answer.text().await.unwrap()
    };
    assert_eq!(text("/healthz").await, "leading\n");
    let metrics = text("/metrics").await;
    for line in [
        "farm_coordinator_attempts_total{outcome=\"ok\"} 1",
        "farm_coordinator_leader 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert!(text("/status").await.contains("progress-coordinator"));
    // The counts are kept over a death.
    farm.kill(Part::Coordinator).await;
    farm.run(Part::Coordinator);
    until("the counts of the life before", async || {
        let view: StatusView = farm.json_at(farm.coordinator_url("/status.json")).await?;
        let kept = view.coordinator.epoch == 2 && view.farm.intake == own.farm.intake;
        if kept {
            Ok(())
        } else {
            Err(format!("{view:?}"))
        }
    })
    .await;
    farm.results(1).await;
    farm.end().await;
}

#[tokio::test]
async fn a_delivery_that_was_stored_and_never_told_is_found_and_built() {
    let mut farm = Farm::start(binary(), SHELL, "echo one").await;
    farm.over(&farm.repository.head()).await;
    let second = farm.repository.commit("second", "echo two");
    // As a function leaves it that dies between storing and publishing, some minutes ago.
    let url = format!("file://{}", farm.path("bucket").display());
    let body = farm.push_body();
    let received = Clock::system().now() - jiff::SignedDuration::from_mins(5);
    let id = "7".repeat(64).parse().unwrap();
    let headers = json!({ "x-github-event": "push" }).to_string();
    let bucket = Bucket::open(&url).unwrap();
    let stored = bucket.put_delivery("github", received, &id, Some(&headers), body.into());
    stored.await.unwrap();
    // It searches at its start, and then every five minutes.
    farm.kill(Part::Coordinator).await;
    farm.run(Part::Coordinator);
    until("the delivery to be counted", async || {
        let view: StatusView = farm.json_at(farm.coordinator_url("/status.json")).await?;
        match view.farm.intake.first() {
            Some(row) if (row.found, row.effective) == (1, 1) => Ok(()),
            _ => Err(format!("{view:?}")),
        }
    })
    .await;
    assert_eq!(farm.over(&second).await.status, Status::Ok);
    farm.results(2).await;
    farm.end().await;
}
