//! Builds that go too far.

use farm_model::view::Status;

use crate::binary;
use farm_harness::{Farm, SHELL, leftovers, until};

#[tokio::test]
async fn a_command_that_never_ends_is_killed_with_all_it_started() {
    let toml = SHELL.replace("timeout = \"5m\"", "timeout = \"2s\"");
    let build = "echo before\n(trap '' TERM HUP; while :; do sleep 0.1; done) &\nsleep 1000\n";
    let mut farm = Farm::start(binary(), &toml, build).await;
    let build = farm.over(&farm.repository.head()).await;
    assert_eq!(build.status, Status::Failed);
    let reason = &build.runs[0].verdict.as_ref().unwrap().reason;
    assert!(reason.contains("timed out after 2"), "{reason}");
    assert!(farm.log_of(&build).await.contains("\nbefore\n"));
    let work = farm.path("work");
    until("the process group to be gone", async || {
        let left = leftovers(&work);
        // The buildlet itself may have its place there.
        let commands: Vec<_> = left
            .into_iter()
            .filter(|line| line.contains("sleep"))
            .collect();
        if commands.is_empty() {
            Ok(())
        } else {
            Err(commands)
        }
    })
    .await;
    farm.results(1).await;
    farm.end().await;
}

#[tokio::test]
async fn a_hundred_megabytes_of_output_are_bounded() {
    let toml = SHELL.replace("timeout = \"5m\"", "timeout = \"5m\"\nlog-limit = \"1MiB\"");
    let mut farm = Farm::start(
        binary(),
        &toml,
        "head -c 100000000 /dev/zero | tr '\\0' x; echo; echo end",
    )
    .await;
    let build = farm.over(&farm.repository.head()).await;
    assert_eq!(build.status, Status::Ok, "{build:?}");
    let log = farm.log_of(&build).await;
    assert!(log.len() < (1 << 20) + 1000, "{}", log.len());
    let tail = &log[log.len() - 300..];
    assert!(tail.contains("dropped"), "{tail}");
    let peaks = farm.peaks();
    for part in &peaks {
        assert!(part.1 < 150_000, "{peaks:?} kB at their peaks");
    }
    farm.results(1).await;
    farm.end().await;
}
