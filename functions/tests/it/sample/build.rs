//! Builds and their attempts.

use std::collections::BTreeMap;

use farm_model::id::AttemptKey;
use farm_model::message::progress::{AttemptReport, LogSummary, Outcome, StepReport};
use farm_model::record::{Attempt, AttemptState, Build, Job, JobState, Part, Run, Verdict};
use farm_model::view::{BuildView, Status};

use super::{HOSTILE, at, commit, key_of};

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
            run: 1,
        },
    }
}

/// The one attempt of [`build`].
pub fn attempt() -> AttemptKey {
    let id = key_of("pi", &commit('a', HOSTILE)).id();
    format!("{id}/1/steps/1").parse().unwrap()
}
