//! What a builder has done lately.

use farm_model::kept::Pause;
use farm_model::view::{BuildLine, BuilderRun, BuilderView, Expected, Status};

use super::{HOSTILE, at, commit, flake, key_of, line};

pub fn builder() -> BuilderView {
    BuilderView {
        made: at("10:04:00"),
        builder: "pi".parse().unwrap(),
        host_type: Some("bench".parse().unwrap()),
        pause: Some(Pause {
            builder: "pi".parse().unwrap(),
            reason: "new <kernel>".to_owned(),
            actor: "user:gopher".to_owned(),
            at: at("09:50:00"),
        }),
        usual: Some(Expected {
            start: None,
            seconds: 170.0,
        }),
        runs: vec![
            run('a', HOSTILE, Status::Failed),
            run('b', "plain", Status::Ok),
            run('c', "older", Status::Lost),
            run('d', "", Status::Queued),
        ],
        flakes: vec![flake()],
    }
}

fn run(digit: char, subject: &str, status: Status) -> BuilderRun {
    let commit = commit(digit, subject);
    BuilderRun {
        repo: "demo".parse().unwrap(),
        subject: commit.subject.clone(),
        line: BuildLine {
            build: key_of("pi", &commit).id(),
            ..line("pi", status)
        },
        commit: commit.id,
    }
}
