use std::process::ExitCode;

use farm_model::view::StatusView;
use serde_json::Value;

use crate::farm::{DONE, Farm};
use crate::typed::farm;

#[tokio::test]
async fn the_state_of_the_farm_in_tables() {
    let server = Farm::with(&[DONE]).await;
    let out = farm(&["status", "--server", &server.url]).await.printed();
    assert_eq!(
        out,
        "\
sample farm: leading in epoch 7 for 2h, version 0.1.0; told 5s ago
12 builds open: 2 running, 10 queued; 2 machines: 2 busy, 1 away
1 event to tell, oldest 9s; 0 pages to write; commits p50 1.2 ms, p99 14.0 ms
removed from the bucket: 1200 of logs/ (34 MB), 3 of said/ (0 MB); looked 30m ago, broke off
trouble: intake: stored deliveries are told late

host type  waiting  pausing  longest wait  machines  busy
local      10       2        3m            2         2
other      0        0        -             0         0

hub  state     heard   machines  session
h1   draining  2s ago  2         s1

subscription          last message  lag     dead letters  why
activity-coordinator  1m ago        0.25 s  1             no JSON [2J
commands-coordinator  -             -       -

deliveries  source  accepted  effective  repeated  refused  found later
2026-01-01  github  6         4          1         1        2
"
    );
}

#[tokio::test]
async fn a_script_gets_the_document_whole() {
    let server = Farm::with(&[DONE]).await;
    let out = farm(&["status", "--json", "--server", &server.url])
        .await
        .printed();
    let line: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(line, server.status());
    assert!(serde_json::from_str::<StatusView>(&out).is_ok());
}

#[tokio::test]
async fn a_coordinator_that_has_not_spoken_for_a_minute_is_away() {
    let server = Farm::with(&[DONE]).await;
    server.age_status("2026-01-01T11:58:00Z");
    let ran = farm(&["status", "--server", &server.url]).await;
    assert!(
        ran.out.contains("told 2m ago: the coordinator is away"),
        "{}",
        ran.out
    );
    assert_eq!(ran.code.unwrap(), ExitCode::FAILURE);
}
