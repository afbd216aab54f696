//! Commits × builders.

use farm_model::record::CommitInfo;
use farm_model::view::{Cell, GridRow, GridView, Status};

use super::{HOSTILE, at, commit, failure, key_of};

pub fn grid() -> GridView {
    let (new, old) = (commit('a', HOSTILE), commit('b', "plain"));
    let cell = |builder: &str, commit: &CommitInfo, status, run| {
        Some(Cell {
            build: key_of(builder, commit).id(),
            run,
            status,
            failure: (status == Status::Failed).then(|| failure(builder)),
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

/// The same commits as a page for ever.
pub fn sheet() -> GridView {
    GridView {
        sheet: Some(0),
        ..grid()
    }
}
