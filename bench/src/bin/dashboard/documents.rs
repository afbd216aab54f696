//! What a coordinator would have written of the history.

use std::collections::BTreeMap;

use farm_model::id::{BuilderName, HostType, JobName};
use farm_model::kept::Flake;
use farm_model::message::progress::{AttemptReport, LogSummary, Outcome, StepReport};
use farm_model::record::{Attempt, AttemptState, Build, Job, JobState, Part, Run, Verdict};
use farm_model::view::{
    Breakage, BreakagesView, BuildLine, BuildView, BuilderRun, BuilderView, Cell, CommitView,
    Expected, Failure, FarmView, FlakesView, GridRow, GridView, MachineView, QueueEntry,
    QueueMachines, QueueView, RepositoryView, SHEET_ROWS, Status, TestFailure, TestLine, TestsView,
};
use jiff::SignedDuration;

use crate::history::{BRANCH, History, Place};

/// Machines of the farm.
const MACHINES: usize = 400;
/// Shards of a build's tests.
const SHARDS: usize = 11;
/// Commits behind the head that the tests' and the builders' documents look at.
const LATELY: u64 = 100;

impl History {
    pub fn farm(&self) -> FarmView {
        let machines = (0..MACHINES).map(|n| MachineView {
            machine: format!("h1/m{n}").parse().unwrap(),
            host_type: host(&self.builders[n % self.builders.len()]),
            busy: None,
            seen: self.now,
            aside: None,
            standing: None,
        });
        FarmView {
            made: self.now,
            name: "bench".to_owned(),
            repositories: vec![RepositoryView {
                name: self.repo.clone(),
                branches: vec![BRANCH.to_owned()],
                role: farm_model::config::Role::Alone,
                import_path: None,
            }],
            machines: machines.collect(),
            open: Vec::new(),
            open_count: 0,
            away: Vec::new(),
            troubles: Vec::new(),
        }
    }

    /// The newest thirty commits.
    pub fn grid(&self) -> GridView {
        self.rows(None, self.commits.saturating_sub(SHEET_ROWS)..self.commits)
    }

    pub fn sheet(&self, sheet: u64) -> GridView {
        let first = sheet * SHEET_ROWS;
        self.rows(Some(sheet), first..(first + SHEET_ROWS).min(self.commits))
    }

    fn rows(&self, sheet: Option<u64>, numbers: std::ops::Range<u64>) -> GridView {
        let row = |number: u64| GridRow {
            number,
            commit: self.commit(number),
            cells: self
                .places(number)
                .map(|place| Some(self.cell(place)))
                .collect(),
        };
        GridView {
            made: self.now,
            repo: self.repo.clone(),
            branch: BRANCH.to_owned(),
            sheet,
            total: self.commits,
            builders: self.builders.clone(),
            rows: numbers.rev().map(row).collect(),
        }
    }

    fn places(&self, commit: u64) -> impl Iterator<Item = Place> {
        (0..self.builders.len()).map(move |builder| Place { commit, builder })
    }

    fn cell(&self, place: Place) -> Cell {
        Cell {
            build: self.key(place).id(),
            run: 1,
            status: self.status(place),
            failure: self.failure(place),
        }
    }

    fn failure(&self, place: Place) -> Option<Failure> {
        let status = self.status(place);
        matches!(status, Status::Failed | Status::Lost).then(|| Failure {
            reason: "tests of net/http: TestServerTimeouts: exit status 1".to_owned(),
            attempt: Some(
                format!("{}/1/tests-3/1", self.key(place).id())
                    .parse()
                    .unwrap(),
            ),
            log: Some(self.id(place.commit).as_str().parse().unwrap()),
            by_chance: place.commit.is_multiple_of(5),
        })
    }

    pub fn commit_view(&self, number: u64) -> CommitView {
        CommitView {
            made: self.now,
            repo: self.repo.clone(),
            commit: self.commit(number),
            places: vec![(BRANCH.to_owned(), number)],
            builds: self.places(number).map(|place| self.line(place)).collect(),
        }
    }

    fn line(&self, place: Place) -> BuildLine {
        let key = self.key(place);
        let opened = self.commit(place.commit).time;
        let over = self.status(place) != Status::Queued;
        let after = |seconds| over.then(|| opened + SignedDuration::from_secs(seconds));
        BuildLine {
            build: key.id(),
            builder: key.builder,
            branch: key.branch,
            kind: key.kind,
            against: None,
            run: 1,
            status: self.status(place),
            opened,
            began: after(20),
            finished: after(600 + (place.commit % 60).cast_signed()),
            failure: self.failure(place),
        }
    }

    pub fn builder(&self, builder: usize) -> BuilderView {
        let lately = self.commits.saturating_sub(LATELY)..self.commits;
        let run = |commit: u64| BuilderRun {
            repo: self.repo.clone(),
            commit: self.id(commit),
            subject: self.commit(commit).subject,
            line: self.line(Place { commit, builder }),
        };
        BuilderView {
            made: self.now,
            builder: self.builders[builder].clone(),
            host_type: Some(host(&self.builders[builder])),
            pause: None,
            usual: Some(Expected {
                start: None,
                seconds: 600.0,
            }),
            runs: lately.rev().map(run).collect(),
            flakes: self.flakes(20).flakes,
        }
    }

    pub fn tests(&self) -> TestsView {
        let lately: Vec<u64> = (self.commits.saturating_sub(LATELY)..self.commits)
            .rev()
            .collect();
        let line = |test: u64| TestLine {
            unit: format!("go_test:net/package{test}"),
            name: format!("TestNumber{test}"),
            failures: lately
                .iter()
                .skip(test as usize % 7)
                .step_by(9)
                .map(|commit| self.failed(*commit, test))
                .collect(),
        };
        TestsView {
            made: self.now,
            repo: self.repo.clone(),
            branch: BRANCH.to_owned(),
            commits: lately.iter().map(|commit| self.id(*commit)).collect(),
            tests: (0..200).map(line).collect(),
        }
    }

    fn failed(&self, commit: u64, test: u64) -> TestFailure {
        let builder = (test as usize * 7) % self.builders.len();
        let build = self.key(Place { commit, builder }).id();
        TestFailure {
            commit: self.id(commit),
            builder: self.builders[builder].clone(),
            attempt: format!("{build}/1/tests-3/1").parse().unwrap(),
            flaked: test.is_multiple_of(3),
            output: "    server_test.go:210: timed out after 5s\n".repeat(5),
        }
    }

    pub fn breakages(&self) -> BreakagesView {
        let breakage = |n: u64| {
            let place = self.somewhere(n);
            let commit = self.commit(place.commit);
            Breakage {
                builder: self.builders[place.builder].clone(),
                repo: self.repo.clone(),
                branch: BRANCH.to_owned(),
                subject: commit.subject,
                author: format!("{} <{}>", commit.author, commit.email),
                green: self.id(place.commit.saturating_sub(1)),
                build: self.key(place).id(),
                run: 1,
                failure: Failure {
                    reason: "tests of net/http: exit status 1".to_owned(),
                    attempt: None,
                    log: None,
                    by_chance: false,
                },
                commit: commit.id,
                at: commit.time,
                mended: None,
            }
        };
        BreakagesView {
            made: self.now,
            repo: self.repo.clone(),
            branch: BRANCH.to_owned(),
            breakages: (0..BreakagesView::MOST as u64).map(breakage).collect(),
        }
    }

    pub fn flakes(&self, count: u64) -> FlakesView {
        let flake = |n: u64| {
            let place = self.somewhere(n);
            Flake {
                builder: self.builders[place.builder].clone(),
                repo: self.repo.clone(),
                unit: format!("go_test:net/package{n}"),
                name: format!("TestNumber{n}"),
                flaked: 3,
                ran: 1000,
                first: self.commit(0).time,
                last: self.now,
                evidence: format!("{}/1/tests-3/1", self.key(place).id())
                    .parse()
                    .unwrap(),
            }
        };
        FlakesView {
            made: self.now,
            flakes: (0..count).map(flake).collect(),
            count: count as usize,
        }
    }

    pub fn queue(&self, builder: usize) -> QueueView {
        let entry = |n: u64| QueueEntry {
            build: self
                .key(Place {
                    commit: self.commits - 1,
                    builder,
                })
                .id(),
            run: 1,
            job: format!("tests-{n}").parse().unwrap(),
            builder: self.builders[builder].clone(),
            class: "tip".to_owned(),
            due: self.now,
            since: self.now,
            expected_start: Some(self.now),
            expected_seconds: 60.0,
        };
        QueueView {
            made: self.now,
            host: host(&self.builders[builder]),
            machines: QueueMachines {
                idle: 1,
                busy: 3,
                aside: 0,
                held: 0,
            },
            waiting: BTreeMap::from([("tip".to_owned(), 100)]),
            entries: (0..100).map(entry).collect(),
        }
    }

    /// A run of `make` and shards, one of which may have failed; its logs are as long as they are said to be.
    pub fn build(&self, place: Place, log: &LogSummary) -> BuildView {
        let line = self.line(place);
        let failed = line.status == Status::Failed;
        let key = self.key(place);
        let id = key.id();
        let verdict = line.finished.map(|at| Verdict {
            outcome: if failed { Outcome::Failed } else { Outcome::Ok },
            reason: line
                .failure
                .as_ref()
                .map(|failure| failure.reason.clone())
                .unwrap_or_default(),
            at,
            superseded: false,
        });
        let make = job("make", Part::Setup, &[], &line, false, log);
        let shards = (0..SHARDS).map(|n| {
            let units = (0..40)
                .map(|unit| format!("go_test:net/package{unit}"))
                .collect();
            let name = format!("tests-{n}");
            job(
                &name,
                Part::Tests { units },
                &["make"],
                &line,
                failed && n == 3,
                log,
            )
        });
        BuildView {
            made: self.now,
            commit: Some(self.commit(place.commit)),
            status: line.status,
            why: String::new(),
            reason: None,
            expected: None,
            usual: (0..SHARDS)
                .map(|n| (format!("tests-{n}").parse().unwrap(), 60.0))
                .collect(),
            budget: None,
            number: Some(place.commit),
            runs: vec![Run {
                build: id.clone(),
                number: 1,
                opened: line.opened,
                cause: "push".to_owned(),
                jobs: std::iter::once(make).chain(shards).collect(),
                trace: None,
                verdict,
            }],
            build: Build {
                id,
                key,
                wanted: line.opened,
                behind: 0,
                number: None,
                run: 1,
            },
        }
    }
}

fn host(builder: &BuilderName) -> HostType {
    format!("host-{builder}").parse().unwrap()
}

fn job(
    name: &str,
    part: Part,
    needs: &[&str],
    line: &BuildLine,
    failed: bool,
    log: &LogSummary,
) -> Job {
    let outcome = if failed { Outcome::Failed } else { Outcome::Ok };
    let reason = if failed {
        "tests of net/http: exit status 1".to_owned()
    } else {
        String::new()
    };
    let step = StepReport {
        name: name.to_owned(),
        state: if failed { "exit status 1" } else { "ok" }.to_owned(),
        started: line.opened,
        milliseconds: 60_000,
    };
    let report = AttemptReport {
        steps: vec![step],
        log: log.clone(),
        ..AttemptReport::bare(outcome, reason)
    };
    let name: JobName = name.parse().unwrap();
    Job {
        needs: needs.iter().map(|need| need.parse().unwrap()).collect(),
        part,
        state: JobState::Done { outcome },
        attempts: vec![Attempt {
            number: 1,
            hub: "h1".parse().unwrap(),
            machine: "h1/m7".parse().unwrap(),
            leased: line.opened,
            start_by: line.opened,
            state: AttemptState::Finished {
                at: line.finished.unwrap_or(line.opened),
                report,
            },
            last_seq: 9,
            continues: None,
            mentioned: None,
        }],
        name,
    }
}
