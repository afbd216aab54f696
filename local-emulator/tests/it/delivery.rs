//! From a webhook to a cell, and what does not become one.

use farm_forge::signature::sign_github;
use farm_model::message::progress::Outcome;
use farm_model::view::{FarmView, FeedView, Status};

use crate::binary;
use farm_harness::{Farm, Part, SHELL, until};
use serde_json::json;

#[tokio::test]
async fn a_signed_push_becomes_a_cell_a_log_and_one_result() {
    let mut farm = Farm::start(binary(), SHELL, "echo one").await;
    let first = farm.repository.head();
    assert_eq!(farm.over(&first).await.status, Status::Ok);

    let second = farm.repository.commit("second", "echo two; exit 3");
    farm.push().await;
    let build = farm.over(&second).await;
    assert_eq!(build.status, Status::Failed);
    let verdict = build.runs[0].verdict.as_ref().unwrap();
    assert_eq!(verdict.reason, "step build: exit status 3");
    let log = farm.log_of(&build).await;
    assert!(log.contains("\ntwo\n"), "{log}");

    farm.results(2).await;
    let outcomes: Vec<_> = farm.told.values().map(|(run, _)| run.outcome).collect();
    assert!(outcomes.contains(&Outcome::Ok) && outcomes.contains(&Outcome::Failed));
    let page = farm.http.get(farm.url("/")).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(
        page.contains(&second[..8]) && page.contains("second"),
        "{page}"
    );
    farm.end().await;
}

#[tokio::test]
async fn the_same_delivery_five_times_is_one_build() {
    let mut farm = Farm::start(binary(), SHELL, "echo one").await;
    let first = farm.repository.head();
    farm.over(&first).await;
    let second = farm.repository.commit("second", "echo two");
    let body = farm.push_body();
    for _ in 0..5 {
        assert_eq!(farm.deliver(&body).await.unwrap(), 202);
    }
    let build = farm.over(&second).await;
    assert_eq!((build.status, build.runs.len()), (Status::Ok, 1));
    // One more commit by another delivery: what the five led to is over by then.
    let third = farm.repository.commit("third", "echo three");
    farm.push().await;
    farm.over(&third).await;
    farm.results(3).await;
    let of_second = farm
        .told
        .values()
        .filter(|(run, _)| run.commit.as_str() == second);
    assert_eq!(of_second.count(), 1);
    let feed = until("the feed", async || {
        let recent = farm.http.get(farm.url("/recent")).send().await;
        let text = recent.unwrap().text().await.unwrap();
        match text.matches("\"GitHub\"").count() {
            2 => Ok(text),
            _ => Err(text),
        }
    });
    assert!(feed.await.contains("\"RepoOwner\": \"acme\""));
    farm.end().await;
}

#[tokio::test]
async fn what_is_not_signed_is_refused_and_nothing_comes_of_it() {
    let mut farm = Farm::start(binary(), SHELL, "echo one").await;
    farm.over(&farm.repository.head()).await;
    let second = farm.repository.commit("second", "echo two");
    let body = farm.push_body();
    assert_eq!(farm.deliver_signed(&body, None).await.unwrap(), 401);
    let wrong = sign_github(b"another secret", body.as_bytes());
    assert_eq!(farm.deliver_signed(&body, Some(&wrong)).await.unwrap(), 401);
    let large = "x".repeat(5 << 20);
    assert_eq!(farm.deliver(&large).await.unwrap(), 413);
    assert_eq!(farm.deliver("{").await.unwrap(), 400);
    // A good one after them: had they been published, they would be in the feed before it.
    farm.push().await;
    assert_eq!(farm.over(&second).await.status, Status::Ok);
    farm.results(2).await;
    let feed = std::fs::read(farm.path("bucket/views/feed.json")).unwrap();
    let feed: FeedView = serde_json::from_slice(&feed).unwrap();
    assert_eq!(feed.events.len(), 1);
    farm.end().await;
}

#[tokio::test]
async fn a_retry_clears_the_result_and_runs_it_again() {
    let mut farm = Farm::start(binary(), SHELL, "echo one; exit 1").await;
    let first = farm.repository.head();
    assert_eq!(farm.over(&first).await.status, Status::Failed);
    let url = farm.url(&format!("/clear-results?builder=shell&hash={first}"));
    let refused = farm.http.post(&url).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let hour = farm_model::Timestamp::from_second(4_000_000_000).unwrap();
    let token = farm_forge::token::mint(b"third", "gopher", hour).unwrap();
    let taken = farm.http.post(&url).bearer_auth(token).send().await;
    assert!(taken.unwrap().status().is_success());
    let again = until("a second run", async || {
        let build = farm.over(&first).await;
        match build.runs.len() {
            2 => Ok(build),
            _ => Err(build),
        }
    });
    let again = again.await;
    assert!(
        again.runs[1].cause.contains("gopher"),
        "{}",
        again.runs[1].cause
    );
    farm.results(2).await;
    farm.end().await;
}

#[tokio::test]
async fn what_nobody_can_use_is_counted_and_shown_and_stops_nothing() {
    let mut farm = Farm::start(binary(), SHELL, "echo one").await;
    farm.over(&farm.repository.head()).await;
    let event = json!({
        "ce-specversion": "1.0", "ce-id": "x", "ce-source": "/x", "ce-type": "farmhand.command.v1",
    });
    farm.publish("commands", json!({ "a": "b" }), "no event")
        .await;
    farm.publish("commands", event.clone(), "no command").await;
    farm.publish("commands", event, "{}").await;
    let second = farm.repository.commit("second", "echo two");
    farm.push().await;
    farm.over(&second).await;
    // It looks at its start, and then once a minute.
    farm.kill(Part::Coordinator).await;
    farm.run(Part::Coordinator);
    until("the dead letters to be shown", async || {
        let view: FarmView = farm.json("/api/farm").await?;
        let wanted = "dead letters of commands-coordinator: 3 messages that nobody could use";
        let shown = view.troubles.iter().any(|text| text.starts_with(wanted));
        if shown {
            Ok(())
        } else {
            Err(format!("{:?}", view.troubles))
        }
    })
    .await;
}
