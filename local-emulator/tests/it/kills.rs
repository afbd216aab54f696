//! kill -9 of each part in the middle of a running build: the run ends once, with one result, and nothing that was
//! published is missing.

use std::path::Path;

use farm_model::view::{BuildView, Status};
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::binary;
use farm_harness::{Farm, Part, SHELL, until};

/// A build that tells its process id and runs until it is let go.
fn waiting(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "echo $$ >> {folder}/started\n\
         while [ ! -e {folder}/go ]; do sleep 0.05; done\n\
         echo let go\n"
    )
}

/// Process ids of the attempts that have started, once there are `count`.
async fn started(farm: &Farm, count: usize) -> Vec<i32> {
    let file = farm.path("started");
    until("the build to run", async || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let ids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
        if ids.len() >= count {
            Ok(ids)
        } else {
            Err(text)
        }
    })
    .await
}

async fn gone(id: i32) {
    until("a command to be killed", async || {
        if kill(Pid::from_raw(id), None).is_err() {
            Ok(())
        } else {
            Err(id)
        }
    })
    .await;
}

/// A farm with a build in the middle of its run.
pub async fn busy() -> (Farm, String) {
    let mut farm = Farm::start(binary(), SHELL, "true").await;
    farm.over(&farm.repository.head()).await;
    let build = waiting(farm.folder.path());
    let commit = farm.repository.commit("waits", &build);
    farm.push().await;
    started(&farm, 1).await;
    (farm, commit)
}

/// Lets the build go and sees it end once, with one result.
pub async fn finish(mut farm: Farm, commit: &str) -> BuildView {
    std::fs::write(farm.path("go"), "").unwrap();
    let build = farm.over(commit).await;
    assert_eq!(
        (build.status, build.runs.len()),
        (Status::Ok, 1),
        "{build:?}"
    );
    let log = farm.log_of(&build).await;
    assert!(log.contains("\nlet go\n"), "{log}");
    farm.results(2).await;
    assert_eq!(farm.told.len(), 2, "{:?}", farm.told);
    farm.end().await;
    build
}

pub fn attempts(build: &BuildView) -> usize {
    build.runs[0].jobs[0].attempts.len()
}

#[tokio::test]
async fn no_running_build_notices_the_death_of_the_coordinator() {
    let (mut farm, commit) = busy().await;
    farm.kill(Part::Coordinator).await;
    // What comes in meanwhile waits on the queue.
    let next = farm.repository.commit("meanwhile", "true");
    farm.push().await;
    std::fs::write(farm.path("go"), "").unwrap();
    farm.run(Part::Coordinator);
    assert_eq!(farm.over(&next).await.status, Status::Ok);
    farm.results(3).await;
    let build = farm.over(&commit).await;
    assert_eq!(
        (build.status, attempts(&build)),
        (Status::Ok, 1),
        "{build:?}"
    );
    assert_eq!(farm.told.len(), 3);
    farm.end().await;
}

#[tokio::test]
async fn no_running_build_notices_the_death_of_the_functions() {
    let (mut farm, commit) = busy().await;
    farm.kill(Part::Functions).await;
    farm.run(Part::Functions);
    let build = finish(farm, &commit).await;
    assert_eq!(attempts(&build), 1);
}

#[tokio::test]
async fn what_was_published_outlives_the_queue() {
    let (mut farm, commit) = busy().await;
    // Published and answered; nobody can have taken it, for the coordinator is dead.
    farm.kill(Part::Coordinator).await;
    let next = farm.repository.commit("meanwhile", "true");
    farm.push().await;
    farm.kill(Part::Emulator).await;
    farm.run(Part::Emulator);
    farm.run(Part::Coordinator);
    std::fs::write(farm.path("go"), "").unwrap();
    assert_eq!(farm.over(&next).await.status, Status::Ok);
    let build = farm.over(&commit).await;
    assert_eq!(
        (build.status, attempts(&build)),
        (Status::Ok, 1),
        "{build:?}"
    );
    farm.results(3).await;
    let feed = std::fs::read_to_string(farm.path("bucket/views/feed.json")).unwrap();
    assert_eq!(feed.matches("\"acme\"").count(), 2, "{feed}");
    farm.end().await;
}

#[tokio::test]
async fn a_running_build_goes_on_while_the_queue_is_away() {
    let (mut farm, commit) = busy().await;
    farm.kill(Part::Emulator).await;
    farm.run(Part::Emulator);
    let build = finish(farm, &commit).await;
    assert_eq!(attempts(&build), 1);
}

#[tokio::test]
async fn what_a_dead_hub_ran_is_killed_and_run_again() {
    let (mut farm, commit) = busy().await;
    farm.kill(Part::Hub).await;
    farm.run(Part::Hub);
    let ids = started(&farm, 2).await;
    gone(ids[0]).await;
    let build = finish(farm, &commit).await;
    assert_eq!(attempts(&build), 2);
}

#[tokio::test]
async fn what_a_dead_machine_ran_is_killed_and_run_again() {
    let (mut farm, commit) = busy().await;
    farm.kill(Part::Buildlet).await;
    let ids = started(&farm, 1).await;
    gone(ids[0]).await;
    farm.run(Part::Buildlet);
    started(&farm, 2).await;
    let build = finish(farm, &commit).await;
    assert_eq!(attempts(&build), 2);
}
