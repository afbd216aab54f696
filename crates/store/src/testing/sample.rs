//! Records to store. Numbers make them different; the same number makes the same record.

use std::collections::BTreeMap;

use farm_model::Timestamp;
use farm_model::config::Vm;
use farm_model::event::{Event, Topic};
use farm_model::id::{BuildId, CommitId};
use farm_model::kept::{Kept, Ordered, Pause};
use farm_model::message::activity::{GithubHint, Hint};
use farm_model::message::progress::{AttemptReport, LogSummary, Outcome, StepReport};
use farm_model::order::{MachineOrder, MachineSpec, NotMade, OrderStand};
use farm_model::record::{
    Attempt, AttemptState, Away, Branch, Build, BuildKey, BuildKind, CommitInfo, Job, JobState,
    Numbered, OwnedMachine, Part, Run, Transition, Verdict,
};
use farm_model::view::{FeedEvent, OrderLine};

use crate::OutboxEntry;

/// 2027-01-15T08:00:00Z and `seconds`.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// A commit id.
#[must_use]
pub fn commit(number: u32) -> CommitId {
    format!("{number:040x}").parse().unwrap()
}

/// The branch `name` with its newest commit `head`.
#[must_use]
pub fn branch(name: &str, head: u32) -> Branch {
    Branch {
        repo: "sample".parse().unwrap(),
        name: name.to_owned(),
        default: name == "main",
        commits: vec![commit_info(head)],
        total: 0,
        observed: at(i64::from(head)),
    }
}

/// A commit.
#[must_use]
pub fn commit_info(number: u32) -> CommitInfo {
    CommitInfo {
        id: commit(number),
        parents: vec![commit(number.wrapping_sub(1))],
        author: "Gopher \"G\" Ö".to_owned(),
        email: "gopher@example.org".to_owned(),
        time: at(i64::from(number)),
        subject: "all: mend\tthe build".to_owned(),
    }
}

/// Commits of the branch `main`, oldest first, from the number `first` on.
#[must_use]
pub fn numbered(first: u64, commits: &[u32], total: u64) -> Numbered {
    Numbered {
        repo: "sample".parse().unwrap(),
        branch: "main".to_owned(),
        first,
        commits: commits.iter().copied().map(commit_info).collect(),
        total,
    }
}

/// A build, in its first run.
#[must_use]
pub fn build(number: u32) -> Build {
    let key = BuildKey {
        builder: "linux-test".parse().unwrap(),
        repo: "sample".parse().unwrap(),
        commit: commit(number),
        branch: "main".to_owned(),
        kind: BuildKind::PostSubmit,
        against: None,
    };
    Build {
        id: key.id(),
        key,
        wanted: at(i64::from(number)),
        behind: 0,
        number: None,
        run: 1,
    }
}

/// An open run of `build` that waits.
#[must_use]
pub fn run(build: &BuildId, number: u32) -> Run {
    Run {
        build: build.clone(),
        number,
        opened: at(0),
        cause: "push".to_owned(),
        jobs: vec![Job {
            name: "steps".parse().unwrap(),
            needs: Vec::new(),
            part: Part::Whole,
            state: JobState::Waiting { not_before: at(0) },
            attempts: Vec::new(),
        }],
        trace: None,
        verdict: None,
    }
}

/// A run of `build` that is over, with one attempt of three steps: as large as usual.
#[must_use]
pub fn finished(build: &BuildId, number: u32) -> Run {
    let step = |name: &str| StepReport {
        name: name.to_owned(),
        state: "ok".to_owned(),
        started: at(2),
        milliseconds: 1234,
    };
    let report = AttemptReport {
        steps: vec![step("build"), step("test"), step("lint")],
        log: LogSummary {
            bytes: 54_321,
            dropped: 0,
            whole: None,
            hash: None,
        },
        ..AttemptReport::bare(Outcome::Ok, String::new())
    };
    let attempt = Attempt {
        number: 1,
        hub: "h1".parse().unwrap(),
        machine: "h1/m1".parse().unwrap(),
        leased: at(1),
        start_by: at(60),
        state: AttemptState::Finished { at: at(9), report },
        last_seq: 5,
        continues: None,
        mentioned: None,
    };
    let job = Job {
        name: "steps".parse().unwrap(),
        needs: Vec::new(),
        part: Part::Whole,
        state: JobState::Done {
            outcome: Outcome::Ok,
        },
        attempts: vec![attempt],
    };
    Run {
        jobs: vec![job],
        verdict: Some(Verdict {
            outcome: Outcome::Ok,
            reason: String::new(),
            at: at(9),
            superseded: false,
        }),
        ..run(build, number)
    }
}

/// Something to publish, under `id`.
#[must_use]
pub fn outgoing(id: &str) -> OutboxEntry {
    OutboxEntry {
        topic: Topic::Work,
        event: Event {
            id: id.to_owned(),
            source: "/coordinator".to_owned(),
            kind: "farmhand.work.run.v1".to_owned(),
            time: at(1),
            extensions: BTreeMap::from([("farmhub".to_owned(), "h1".to_owned())]),
            data: r#"{"a":"\u00e9"}"#.to_owned(),
        },
    }
}

/// A transition of build 1.
#[must_use]
pub fn transition(at: Timestamp, to: &str) -> Transition {
    Transition {
        at,
        build: Some(build(1).id),
        run: 1,
        to: to.to_owned(),
        detail: BTreeMap::from([("machine".to_owned(), "h1/m1".to_owned())]),
    }
}

/// A machine with an owner, away since then.
#[must_use]
pub fn owned(name: &str, away: Option<Timestamp>) -> OwnedMachine {
    OwnedMachine {
        name: name.parse().unwrap(),
        owner: Some("gopher@example.org".to_owned()),
        host_type: "rpi4".parse().unwrap(),
        hub: "h1".parse().unwrap(),
        away: away.map(|since| Away { since, told: false }),
    }
}

/// A builder that somebody paused.
#[must_use]
pub fn pause(builder: &str, reason: &str) -> Kept {
    Kept::Pause(Pause {
        builder: builder.parse().unwrap(),
        reason: reason.to_owned(),
        actor: "gopher@example.org".to_owned(),
        at: at(1),
    })
}

/// A machine that could not be made so many times.
#[must_use]
pub fn ordered(machine: &str, failures: u32) -> Kept {
    let spec = MachineSpec::Vm(Vm {
        image: "debian".to_owned(),
        machine: "m7i.large".to_owned(),
        buildlet: "linux-amd64".to_owned(),
        min_cpu: None,
    });
    let order = MachineOrder {
        machine: machine.parse().unwrap(),
        host_type: "host-linux".parse().unwrap(),
        pool: "vms".parse().unwrap(),
        spec,
        spot: true,
        labels: ["gpu".to_owned()].into(),
        at: at(1),
        until: at(7_201),
        attempt: failures + 1,
    };
    let stand = OrderStand::Waits {
        again: at(9),
        cause: NotMade::StockOut,
        reason: "ZONE_RESOURCE_POOL_EXHAUSTED".to_owned(),
    };
    let since = at(2);
    Kept::Order(Ordered {
        line: OrderLine {
            order,
            stand,
            since,
        },
        failures,
    })
}

/// A feed event.
#[must_use]
pub fn fed(time: Timestamp, issue: u64) -> FeedEvent {
    FeedEvent {
        time,
        hint: Hint::Github(GithubHint {
            event: "issues".to_owned(),
            action: "opened".to_owned(),
            owner: "golang".to_owned(),
            repo: "go".to_owned(),
            git_ref: None,
            issue: Some(issue),
            pull_request: None,
        }),
    }
}
