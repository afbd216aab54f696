//! The farm's own document.

use farm_model::config::Role;
use farm_model::reason::SetAside;
use farm_model::view::{
    AwayView, FarmView, MachineStanding, MachineView, OpenBuildView, RepositoryView, Status,
};

use super::{HOSTILE, at, attempt, commit, key_of};

pub fn farm() -> FarmView {
    let commit = commit('a', HOSTILE);
    FarmView {
        made: at("10:00:00"),
        name: "Sample farm".to_owned(),
        repositories: vec![
            RepositoryView {
                name: "demo".parse().unwrap(),
                branches: vec!["main".to_owned(), "release/1 & 2".to_owned()],
                role: Role::Alone,
                import_path: None,
            },
            RepositoryView {
                name: "golang/tools".parse().unwrap(),
                branches: Vec::new(),
                role: Role::Alone,
                import_path: None,
            },
        ],
        machines: vec![
            machine("h1/m1"),
            MachineView {
                busy: Some(attempt()),
                standing: Some(MachineStanding::Busy),
                ..machine("h1/m2")
            },
            MachineView {
                standing: Some(MachineStanding::Aside),
                aside: Some(SetAside {
                    machine: "h1/m3".parse().unwrap(),
                    why: "lost <3> attempts in a row".to_owned(),
                    until: Some(at("10:30:00")),
                }),
                ..machine("h1/m3")
            },
        ],
        away: vec![AwayView {
            name: "attic-pi".parse().unwrap(),
            since: at("08:00:00"),
        }],
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

fn machine(id: &str) -> MachineView {
    MachineView {
        machine: id.parse().unwrap(),
        host_type: "bench".parse().unwrap(),
        busy: None,
        seen: at("10:00:00"),
        standing: Some(MachineStanding::Idle),
        aside: None,
    }
}
