//! All builds of one commit, and of one try set.

use farm_model::record::{Against, BuildKind};
use farm_model::view::{BuildLine, CommitView, SetView, Status};

use super::{HOSTILE, at, commit, failure, key_of};

/// The try set of [`set`]: a name that would break an address.
pub const SET: &str = "gerrit/demo~1234?#&<2>";

/// A build of the newest commit that stands like this.
pub fn line(builder: &str, status: Status) -> BuildLine {
    let key = key_of(builder, &commit('a', HOSTILE));
    let over = matches!(status, Status::Ok | Status::Failed | Status::Lost);
    BuildLine {
        build: key.id(),
        builder: key.builder,
        branch: key.branch,
        kind: key.kind,
        against: None,
        run: 1,
        status,
        opened: at("10:00:00"),
        began: (status != Status::Queued).then(|| at("10:00:20")),
        finished: over.then(|| at("10:03:20")),
        failure: matches!(status, Status::Failed | Status::Lost).then(|| failure(builder)),
    }
}

pub fn commit_view() -> CommitView {
    let against = Against {
        repo: "golang/go".parse().unwrap(),
        commit: "c".repeat(40).parse().unwrap(),
        branch: "main".to_owned(),
    };
    CommitView {
        made: at("10:04:00"),
        repo: "demo".parse().unwrap(),
        commit: commit('a', HOSTILE),
        places: vec![("main".to_owned(), 1), ("release/1 & 2".to_owned(), 0)],
        builds: vec![
            line("linux-test", Status::Queued),
            line("pi", Status::Failed),
            BuildLine {
                against: Some(against),
                ..line("windows", Status::Ok)
            },
        ],
    }
}

pub fn set() -> SetView {
    let tried = |builder, status| BuildLine {
        kind: BuildKind::Try {
            set: SET.to_owned(),
        },
        ..line(builder, status)
    };
    SetView {
        made: at("10:04:00"),
        set: SET.to_owned(),
        repo: "demo".parse().unwrap(),
        commit: "a".repeat(40).parse().unwrap(),
        builds: vec![
            tried("linux-test", Status::Running),
            tried("pi", Status::Failed),
            tried("windows", Status::Ok),
        ],
    }
}
