//! Pages of past moments.

use farm_core::page::at::Checkpoint;
use farm_model::message::progress::LogSummary;
use farm_model::view::{BuildView, FarmView, GridView, Status};
use serde_json::{Value, json};

use crate::harness::Function;
use crate::sample::{at, build, commit, dashboard_with, failed, farm, grid, key_of};

/// A checkpoint at 10:00 with the sample's farm, and what happened in the hour after it: the queued build ran and failed,
/// the other one was cleared, a commit came.
async fn dashboard() -> Function {
    let function = dashboard_with(&build(failed(LogSummary::default()))).await;
    let queued = &farm().open[0];
    let mut open = serde_json::to_value(queued).unwrap();
    open["opened"] = json!(at("09:30:00"));
    let checkpoint = json!({
        "at": at("10:00:00"), "name": "Sample farm", "repositories": farm().repositories, "grids": [grid()],
        "open": [open], "open_count": 1,
    });
    serde_json::from_value::<Checkpoint>(checkpoint.clone()).unwrap();
    let bucket = &function.bucket;
    let bytes = serde_json::to_vec(&checkpoint).unwrap();
    bucket
        .put_checkpoint(at("10:00:00"), bytes.into())
        .await
        .unwrap();
    let pi = key_of("pi", &commit('a', "")).id();
    let new = commit('c', "third <commit>");
    let lines: [Value; 5] = [
        json!({ "at": at("10:10:00"), "build": queued.build, "run": 1, "to": "leased", "detail": {
            "machine": "h1/m1", "on": "h1/m1", "status": "running", "since": at("10:10:00") } }),
        json!({ "at": at("10:20:00"), "to": "moved", "detail": {
            "repo": "demo", "branch": "main", "commits": serde_json::to_string(&[&new]).unwrap() } }),
        json!({ "at": at("10:30:00"), "build": queued.build, "run": 1, "to": "failed", "detail": { "reason": "exit <1>" } }),
        json!({ "at": at("10:40:00"), "build": pi, "run": 3, "to": "wanted", "detail": {
            "cause": "cleared by user:gopher", "builder": "pi", "repo": "demo", "commit": new.id, "branch": "main" } }),
        json!({ "at": at("10:50:00"), "to": "commanded", "detail": { "by": "user:gopher" } }),
    ];
    for (first, line) in (0..).zip(lines) {
        let text = format!("{line}\n");
        bucket
            .put_history_part(at("10:10:00"), first, text.into())
            .await
            .unwrap();
    }
    function
}

async fn json<T: serde::de::DeserializeOwned>(function: &Function, path: &str) -> T {
    let answer = function.get(path).await;
    answer.of(200);
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn the_farm_and_its_grid_are_seen_as_they_were() {
    let function = dashboard().await;
    let seen = async |minute: &str| {
        let moment = at(&format!("10:{minute}:00"));
        let farm: FarmView = json(&function, &format!("/api/farm?at={moment}")).await;
        let grid: GridView = json(&function, &format!("/api/grid?at={moment}")).await;
        assert_eq!((farm.made, grid.made), (moment, moment));
        let cell = grid.rows.last().unwrap();
        assert!(cell.cells[0].is_none(), "nobody wanted that");
        let queued = grid.rows.iter().find(|row| row.commit == grid_commit());
        let cell = queued.unwrap().cells[0].as_ref().unwrap().status;
        let open: Vec<(Status, String)> = farm
            .open
            .into_iter()
            .map(|open| (open.status, open.why))
            .collect();
        (open, grid.rows.len(), cell)
    };
    let why = || "no machine of host type <pi> is connected".to_owned();
    assert_eq!(
        seen("00").await,
        (vec![(Status::Queued, why())], 2, Status::Queued)
    );
    let running = || vec![(Status::Running, "on h1/m1".to_owned())];
    assert_eq!(seen("10").await, (running(), 2, Status::Running));
    assert_eq!(seen("29").await, (running(), 3, Status::Running));
    assert_eq!(seen("30").await, (vec![], 3, Status::Failed));
    assert_eq!(
        seen("59").await,
        (vec![(Status::Queued, String::new())], 3, Status::Failed)
    );
}

fn grid_commit() -> farm_model::record::CommitInfo {
    grid().rows[0].commit.clone()
}

#[tokio::test]
async fn a_page_of_the_past_says_so_and_its_links_stay_there() {
    let function = dashboard().await;
    let answer = function.get("/?at=2019-04-25T10:29:00Z").await;
    let page = answer.of(200);
    for text in [
        "<b>This is the past:</b> the farm as it was at <time datetime=\"2019-04-25T10:29:00Z\">",
        "title=\"linux-test: running\"",
        "third &#60;commit&#62;",
        "?at=2019-04-25T10:29:00Z\" title=\"pi: failed, run 2: step test: exit status &#60;1&#62;\"",
        "href=\"/?repo=demo&#38;branch=release/1%20%26%202&#38;at=2019-04-25T10:29:00Z\"",
        "href=\"/?repo=demo&#38;branch=main&#38;at=2019-04-25T09:29:00Z\">\u{2212}1 h</a>",
        "href=\"/?repo=demo&#38;branch=main\">now</a>",
        "href=\"/diff?at=2019-04-25T10:29:00Z\"",
        "on h1/m1",
        "<a class=\"brand\" href=\"/?at=2019-04-25T10:29:00Z\">",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    assert!(!page.contains("data-every"), "the past does not change");
    // It is settled: who has it need not hear it again.
    assert!(!answer.header("etag").is_empty());
    let branch = function
        .get("/?repo=demo&branch=release/1%20%26%202&at=2019-04-25T10:29:00Z")
        .await;
    assert!(
        branch
            .of(200)
            .contains("Nothing is known of this branch of that time")
    );
    let now = function.get("/").await;
    assert!(!now.of(200).contains("This is the past"));
}

#[tokio::test]
async fn a_build_is_seen_as_it_was() {
    let function = dashboard().await;
    let id = build(failed(LogSummary::default())).build.id;
    let then: BuildView = json(
        &function,
        &format!("/api/build/{id}?at=2019-04-25T10:00:30Z"),
    )
    .await;
    assert_eq!(
        (then.status, then.runs[0].verdict.is_none()),
        (Status::Running, true)
    );
    let page = function
        .get(&format!("/build/{id}?at=2019-04-25T10:00:30Z"))
        .await;
    let page = page.of(200);
    for text in [
        "This is the past",
        "on h1/m1",
        "Logs are kept whole",
        "&#38;at=2019-04-25T10:00:30Z",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    let page = function
        .get(&format!("/build/{id}?at=2019-04-25T10:00:00Z"))
        .await;
    assert!(page.of(200).contains("not tried yet"));
    let page = function
        .get(&format!("/build/{id}?at=2019-04-25T09:00:00Z"))
        .await;
    assert!(
        page.of(404)
            .contains("was not wanted yet at 2019-04-25T09:00:00Z")
    );
}

#[tokio::test]
async fn what_happened_between_two_moments_is_told() {
    let function = dashboard().await;
    let answer = function
        .get("/diff?at=2019-04-25T10:05:00Z&to=2019-04-25T10:45:00Z")
        .await;
    let page = answer.of(200);
    for text in [
        "in 40 min 0 s",
        "<h2>Ended <span class=\"count\">1</span></h2>",
        "exit &#60;1&#62;",
        "<h2>Started <span class=\"count\">1</span></h2>",
        "<h2>Opened <span class=\"count\">1</span></h2>",
        "cleared by user:gopher",
        "No attempt was lost.",
        ">moved</span>",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    assert!(!page.contains("commanded"), "that came later");
    let since = function.get("/diff?at=2019-04-25T10:05:00Z").await;
    assert!(since.of(200).contains("commanded"));
}

#[tokio::test]
async fn moments_that_cannot_be_shown_are_refused_with_help() {
    let function = dashboard().await;
    for (path, status, text) in [
        ("/?at=yesterday", 400, "Write one as 2026-11-24T15:04:05Z"),
        ("/?at=2999-01-01T00:00:00Z", 400, "has not come yet"),
        (
            "/?at=2019-04-25T09:59:59Z",
            404,
            "before the first moment that this farm has kept",
        ),
        ("/diff", 400, "Say since when"),
        (
            "/diff?at=2019-04-25T10:05:00Z&to=2019-04-25T10:00:00Z",
            400,
            "the earlier moment comes first",
        ),
        ("/api/farm?at=x", 400, "is no moment"),
        (
            "/api/farm?at=2019-01-01T00:00:00Z",
            404,
            "before the first moment",
        ),
    ] {
        let answer = function.get(path).await;
        let page = answer.of(status);
        assert!(page.contains(text), "{path}: {page}");
    }
    // Nothing is asked for by nothing.
    assert!(function.get("/?at=").await.of(200).contains("data-every"));
}
