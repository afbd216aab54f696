//! Views as a coordinator would write them.

use std::collections::BTreeMap;

use farm_model::Timestamp;
use farm_model::id::AttemptKey;
use farm_model::message::progress::{AttemptReport, LogSummary, Outcome, StepReport};
use farm_model::record::{
    Attempt, AttemptState, Build, BuildKey, BuildKind, CommitInfo, Job, JobState, Part, Run,
    Verdict,
};
use farm_model::view::{
    BuildView, Cell, FarmView, GridRow, GridView, MachineView, OpenBuildView, RepositoryView,
    Status, key,
};

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

pub fn farm() -> FarmView {
    let commit = commit('a', HOSTILE);
    FarmView {
        made: at("10:00:00"),
        name: "Sample farm".to_owned(),
        repositories: vec![
            RepositoryView {
                name: "demo".parse().unwrap(),
                branches: vec!["main".to_owned(), "release/1 & 2".to_owned()],
            },
            RepositoryView {
                name: "golang/tools".parse().unwrap(),
                branches: Vec::new(),
            },
        ],
        machines: vec![MachineView {
            machine: "h1/m1".parse().unwrap(),
            host_type: "bench".parse().unwrap(),
            busy: None,
            seen: at("10:00:00"),
            aside: None,
        }],
        away: Vec::new(),
        open: vec![OpenBuildView {
            build: key_of("linux-test", &commit).id(),
            run: 1,
            builder: "linux-test".parse().unwrap(),
            repo: "demo".parse().unwrap(),
            commit: commit.id,
            status: Status::Queued,
            why: "no machine of host type <pi> is connected".to_owned(),
            since: at("09:30:00"),
        }],
        open_count: 1,
        troubles: vec!["farm.toml: line 3: <what> is this?".to_owned()],
    }
}

pub fn grid() -> GridView {
    let (new, old) = (commit('a', HOSTILE), commit('b', "plain"));
    let cell = |builder: &str, commit: &CommitInfo, status, run| {
        Some(Cell {
            build: key_of(builder, commit).id(),
            run,
            status,
            failure: None,
        })
    };
    GridView {
        made: at("10:00:01"),
        repo: "demo".parse().unwrap(),
        branch: "main".to_owned(),
        sheet: None,
        total: 2,
        builders: vec!["linux-test".parse().unwrap(), "pi".parse().unwrap()],
        rows: vec![
            GridRow {
                number: 1,
                cells: vec![
                    cell("linux-test", &new, Status::Queued, 1),
                    cell("pi", &new, Status::Failed, 2),
                ],
                commit: new,
            },
            GridRow {
                number: 0,
                cells: vec![None, cell("pi", &old, Status::Ok, 1)],
                commit: old,
            },
        ],
    }
}

/// The state of an attempt that still runs.
pub fn running() -> AttemptState {
    AttemptState::Running {
        session: "s1".parse().unwrap(),
        step: Some("test".to_owned()),
        since: at("10:00:02"),
    }
}

/// The state of an attempt that has failed, with its log.
pub fn failed(log: LogSummary) -> AttemptState {
    AttemptState::Finished {
        at: at("10:01:00"),
        report: AttemptReport {
            outcome: Outcome::Failed,
            reason: "step test: exit status <1>".to_owned(),
            steps: vec![
                StepReport {
                    name: "compile".to_owned(),
                    state: "ok".to_owned(),
                    started: at("10:00:03"),
                    milliseconds: 1500,
                },
                StepReport {
                    name: "test".to_owned(),
                    state: "exit status <1>".to_owned(),
                    started: at("10:00:05"),
                    milliseconds: 65_000,
                },
            ],
            log,
            ..AttemptReport::bare(Outcome::Failed, String::new())
        },
    }
}

/// A build of one run, one job, and one attempt in this state.
pub fn build(state: AttemptState) -> BuildView {
    let commit = commit('a', HOSTILE);
    let key = key_of("pi", &commit);
    let id = key.id();
    let done = matches!(state, AttemptState::Finished { .. });
    let verdict = Verdict {
        outcome: Outcome::Failed,
        reason: "step test: exit status <1>".to_owned(),
        at: at("10:01:00"),
        superseded: false,
    };
    let attempt = Attempt {
        number: 1,
        hub: "h1".parse().unwrap(),
        machine: "h1/m1".parse().unwrap(),
        leased: at("10:00:01"),
        start_by: at("10:05:00"),
        state,
        last_seq: 1,
        continues: None,
        mentioned: None,
    };
    let job = Job {
        name: "steps".parse().unwrap(),
        needs: Vec::new(),
        part: Part::Whole,
        state: match done {
            true => JobState::Done {
                outcome: Outcome::Failed,
            },
            false => JobState::Leased,
        },
        attempts: vec![attempt],
    };
    BuildView {
        made: at("10:01:01"),
        commit: Some(commit),
        status: if done {
            Status::Failed
        } else {
            Status::Running
        },
        why: if done {
            String::new()
        } else {
            "step test on h1/m1".to_owned()
        },
        reason: None,
        expected: None,
        usual: BTreeMap::new(),
        budget: None,
        number: Some(1),
        runs: vec![Run {
            build: id.clone(),
            number: 1,
            opened: at("10:00:00"),
            cause: "push".to_owned(),
            jobs: vec![job],
            trace: None,
            verdict: done.then_some(verdict),
        }],
        build: Build {
            id,
            key,
            wanted: at("10:00:00"),
            behind: 0,
            number: None,
            run: 1,
        },
    }
}

/// The one attempt of [`build`].
pub fn attempt() -> AttemptKey {
    let id = key_of("pi", &commit('a', HOSTILE)).id();
    format!("{id}/1/steps/1").parse().unwrap()
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
