//! A run is a graph of jobs: what may begin, what follows from what was found, what never will, and what it all comes to.

use jiff::Timestamp;

use farm_model::id::{BuildId, JobName};
use farm_model::message::progress::{AttemptReport, Outcome, TestOutcome, TestResult};
use farm_model::record::{Attempt, AttemptState, Job, JobState, Part, Run};

use super::{Farm, newest};
use crate::effects::Effects;
use crate::policy::later;
use crate::queue::JobRef;
use crate::recipe;

/// Failed units that are tried once more, alone; with more of them it is not chance.
const TRIED_AGAIN: usize = 10;
/// Those, and the units of which nothing was told: with more of them it is another run, not another look.
const RUN_AGAIN: usize = 100;

impl Farm {
    /// Jobs of which everything that they need is over: those begin to wait, or are dropped.
    pub(super) fn unblock(&mut self, id: &BuildId, now: Timestamp) {
        // Dropping one may drop those behind it; each pass settles at least one job.
        loop {
            let run = newest(&self.runs[id]);
            let next = run.jobs.iter().enumerate().find_map(|(index, job)| {
                (job.state == JobState::Blocked).then_some(())?;
                Some((index, fate(run, job)?))
            });
            let Some((job, fate)) = next else {
                return;
            };
            let job = JobRef {
                build: id.clone(),
                job,
            };
            match fate {
                Fate::Begins => self.wait_again(&job, now, now),
                Fate::Dropped => {
                    if let Some(entry) = self.job_mut(&job) {
                        entry.state = JobState::Dropped;
                    }
                }
            }
        }
    }

    /// What follows from a job that came out well, as its recipe has it.
    pub(super) fn follow(&mut self, job: &JobRef, report: &AttemptReport) {
        let run = newest(&self.runs[&job.build]);
        let entry = &run.jobs[job.job];
        let Some(context) = self.context(&job.build) else {
            return;
        };
        let new = recipe::after(&context, run, entry, report);
        self.add_jobs(&job.build, new);
    }

    /// The failed units of a shard once more, where the builder wants to know whether that was chance; and those that
    /// may not have run.
    pub(super) fn try_again(&mut self, job: &JobRef, report: &AttemptReport) {
        let run = newest(&self.runs[&job.build]);
        let entry = &run.jobs[job.job];
        let wanted = self
            .context(&job.build)
            .is_some_and(|context| recipe::tries_again(&context));
        let failed = units_of(report, |test| test.outcome == TestOutcome::Failed);
        let units = units_of(report, |test| !test.outcome.is_good());
        // What is not in the report need not have passed.
        if !wanted
            || !report.tests_complete
            || !matches!(entry.part, Part::Tests { .. })
            || units.is_empty()
            || failed.len() > TRIED_AGAIN
            || units.len() > RUN_AGAIN
        {
            return;
        }
        let needs: Vec<JobName> = entry.needs.clone();
        let Ok(name) = format!("{}.again", entry.name).parse() else {
            return;
        };
        let again = Job {
            name,
            needs,
            part: Part::Again { units },
            state: JobState::Blocked,
            attempts: Vec::new(),
        };
        self.add_jobs(&job.build, vec![again]);
    }

    /// Adds jobs that the run does not have yet.
    fn add_jobs(&mut self, id: &BuildId, jobs: Vec<Job>) {
        let Some(run) = self.runs.get_mut(id).and_then(|runs| runs.last_mut()) else {
            return;
        };
        for job in jobs {
            if run.jobs.iter().all(|known| known.name != job.name) {
                run.jobs.push(job);
            }
        }
    }

    /// A job cannot be leased: never to spin on it.
    pub(super) fn cannot_lease(&mut self, job: &JobRef, now: Timestamp, effects: &mut Effects) {
        self.queue.take(job);
        let needs_something = self
            .job_mut(job)
            .is_some_and(|entry| !entry.needs.is_empty());
        if self.context(&job.build).is_none() {
            let reason = "its builder is no longer in farm.toml";
            self.end_job(job, Outcome::Lost, reason, now, effects);
        } else if needs_something {
            self.set_up_again(job, now, effects);
        } else {
            self.wait_again(job, later(now, self.policy.back_off), now);
        }
    }

    /// What a job went on from is gone: what it needs is done again, and jobs that need that wait for it.
    pub(super) fn set_up_again(&mut self, job: &JobRef, now: Timestamp, effects: &mut Effects) {
        let run = newest(&self.runs[&job.build]);
        let needs = run.jobs[job.job].needs.clone();
        let limit = self.max_losses(job) as usize;
        let mut again = Vec::new();
        let mut waiting = Vec::new();
        for (index, other) in run.jobs.iter().enumerate() {
            if needs.contains(&other.name) && matches!(other.state, JobState::Done { .. }) {
                again.push(index);
            } else if other.needs == needs && matches!(other.state, JobState::Waiting { .. }) {
                waiting.push(index);
            }
        }
        let made = |attempt: &&Attempt| matches!(&attempt.state, AttemptState::Finished { report, .. } if report.outcome == Outcome::Ok);
        let worn = |index: &usize| run.jobs[*index].attempts.iter().filter(made).count() > limit;
        if again.iter().any(worn) {
            let why = format!("what {} made was lost again and again", needs_text(&needs));
            self.end_run(&job.build, Outcome::Lost, &why, now, effects);
            return;
        }
        let of = |job: &JobRef, index| JobRef {
            build: job.build.clone(),
            job: index,
        };
        for index in waiting {
            let other = of(job, index);
            self.queue.take(&other);
            if let Some(entry) = self.job_mut(&other) {
                entry.state = JobState::Blocked;
            }
        }
        for index in again {
            self.wait_again(&of(job, index), now, now);
        }
    }
}

fn needs_text(needs: &[JobName]) -> String {
    let names: Vec<&str> = needs.iter().map(JobName::as_str).collect();
    names.join(" and ")
}

enum Fate {
    Begins,
    Dropped,
}

/// What becomes of a blocked job; none while it must wait.
fn fate(run: &Run, job: &Job) -> Option<Fate> {
    let mut all = true;
    for need in &job.needs {
        let state = run
            .jobs
            .iter()
            .find(|other| other.name == *need)
            .map(|other| &other.state);
        match state {
            Some(JobState::Done {
                outcome: Outcome::Ok,
            }) => {}
            // What does not exist will never come out well.
            None | Some(JobState::Done { .. } | JobState::Dropped) => return Some(Fate::Dropped),
            Some(_) => all = false,
        }
    }
    all.then_some(Fate::Begins)
}

/// The units of such tests, each once.
fn units_of(report: &AttemptReport, fits: impl Fn(&TestResult) -> bool) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    for test in report.tests.iter().filter(|test| fits(test)) {
        if !units.contains(&test.unit) {
            units.push(test.unit.clone());
        }
    }
    units
}

/// Whether every job is over.
pub(super) fn is_over(run: &Run) -> bool {
    run.jobs
        .iter()
        .all(|job| matches!(job.state, JobState::Done { .. } | JobState::Dropped))
}

/// One red job is a verdict on the code, whatever else was lost; unless all that failed in it passed when it was tried
/// again.
pub(super) fn verdict_of(run: &Run) -> Outcome {
    let has = |wanted: Outcome| {
        run.jobs
            .iter()
            .any(|job| job.state == JobState::Done { outcome: wanted } && !is_excused(run, job))
    };
    if has(Outcome::Failed) {
        Outcome::Failed
    } else if has(Outcome::Lost) {
        Outcome::Lost
    } else {
        Outcome::Ok
    }
}

/// Whether a job failed by chance: its failed units have passed alone.
pub(crate) fn is_excused(run: &Run, job: &Job) -> bool {
    let again = format!("{}.again", job.name);
    run.jobs.iter().any(|other| {
        other.name.as_str() == again
            && other.state
                == JobState::Done {
                    outcome: Outcome::Ok,
                }
    })
}

/// Why the run ended as it did: the first job's reason that counts.
pub(super) fn reason_of(run: &Run, outcome: Outcome) -> String {
    let deciding = run
        .jobs
        .iter()
        .find(|job| job.state == JobState::Done { outcome } && !is_excused(run, job));
    let many = run.jobs.len() > 1;
    let told = deciding.and_then(|job| {
        let reason = last_reason(job)?;
        Some(if many && !reason.is_empty() {
            format!("{}: {reason}", job.name)
        } else {
            reason
        })
    });
    match outcome {
        Outcome::Ok => flaked(run),
        _ => told.unwrap_or_default(),
    }
}

fn last_reason(job: &Job) -> Option<String> {
    match &job.attempts.last()?.state {
        AttemptState::Finished { report, .. } => Some(report.reason.clone()),
        AttemptState::Gone { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}

/// What passed only when it was tried again, for people; empty if nothing.
fn flaked(run: &Run) -> String {
    let units = run.jobs.iter().filter_map(|job| match &job.part {
        Part::Again { units } => Some(units),
        _ => None,
    });
    let units: Vec<&String> = units.flatten().collect();
    let named: Vec<&str> = units
        .iter()
        .take(TRIED_AGAIN)
        .map(|unit| unit.as_str())
        .collect();
    let named = named.join(", ");
    match units.len() {
        0 => String::new(),
        1..=TRIED_AGAIN => format!("passed when tried again: {named}"),
        all => format!(
            "passed when tried again: {named} and {} more",
            all - TRIED_AGAIN
        ),
    }
}
