//! Views as a coordinator would write them, a file a kind of document.

mod breakages;
mod build;
mod builder;
mod commit;
mod farm;
mod grid;
mod pools;
mod queue;
mod status;
mod tests;

use farm_model::Timestamp;
use farm_model::record::{BuildKey, BuildKind, CommitInfo};
use farm_model::view::{BuildView, Failure, key};

pub use self::breakages::breakages;
pub use self::build::{attempt, build, failed, running};
pub use self::builder::builder;
pub use self::commit::{SET, commit_view, line, set};
pub use self::farm::farm;
pub use self::grid::{grid, sheet};
pub use self::pools::pools;
pub use self::queue::queue;
pub use self::status::{audit, status};
pub use self::tests::{flake, flakes, tests};
use crate::harness::Function;

/// What a stranger may write into a commit.
pub const HOSTILE: &str = "<script>alert(\"x\")</script> & 'more'";

pub fn at(text: &str) -> Timestamp {
    format!("2019-04-25T{text}Z").parse().unwrap()
}

pub fn commit(digit: char, subject: &str) -> CommitInfo {
    CommitInfo {
        id: digit.to_string().repeat(40).parse().unwrap(),
        parents: Vec::new(),
        author: "Ann <b>Example".to_owned(),
        email: "ann@example.com".to_owned(),
        time: at("09:00:00"),
        subject: subject.to_owned(),
    }
}

pub fn key_of(builder: &str, commit: &CommitInfo) -> BuildKey {
    BuildKey {
        builder: builder.parse().unwrap(),
        repo: "demo".parse().unwrap(),
        commit: commit.id.clone(),
        branch: "main".to_owned(),
        kind: BuildKind::PostSubmit,
        against: None,
    }
}

/// Why a build of this builder failed.
pub fn failure(builder: &str) -> Failure {
    let id = key_of(builder, &commit('a', HOSTILE)).id();
    Failure {
        reason: "step test: exit status <1>".to_owned(),
        attempt: Some(format!("{id}/1/steps/1").parse().unwrap()),
        log: Some("5ba93c9db0cff93f52b521d7420e43f6eda2784f".parse().unwrap()),
        by_chance: builder == "linux-test",
    }
}

/// A dashboard on a farm with one branch that has commits.
pub async fn dashboard() -> Function {
    let function = Function::start("dashboard", None);
    function.put_view(key::FARM, &farm()).await;
    let demo = "demo".parse().unwrap();
    function.put_view(&key::grid(&demo, "main"), &grid()).await;
    function
}

/// The same with a build.
pub async fn dashboard_with(build: &BuildView) -> Function {
    let function = dashboard().await;
    function.put_view(&key::build(&build.build.id), build).await;
    function
}

/// The same with every document there is, and what the builds' logs are found by.
pub async fn full() -> Function {
    let view = build(failed(Default::default()));
    let function = dashboard_with(&view).await;
    let demo = "demo".parse().unwrap();
    let commit = commit_view();
    function
        .put_view(&key::sheet(&demo, "main", 0), &sheet())
        .await;
    function
        .put_view(&key::commit(&demo, &commit.commit.id), &commit)
        .await;
    function.put_view(&key::set(SET), &set()).await;
    let pi = "pi".parse().unwrap();
    function.put_view(&key::builder(&pi), &builder()).await;
    function
        .put_view(&key::tests(&demo, "main"), &tests())
        .await;
    function
        .put_view(&key::breakages(&demo, "main"), &breakages())
        .await;
    let bench = "bench".parse().unwrap();
    function.put_view(&key::queue(&bench), &queue()).await;
    function.put_view(key::POOLS, &pools()).await;
    function.put_view(key::STATUS, &status()).await;
    function.put_view(key::FLAKES, &flakes()).await;
    function.put_view(key::AUDIT, &audit()).await;
    function
}
