//! The life of builds and runs: wanted, run, decided, cleared.

use jiff::Timestamp;

use farm_model::config::{Builder, Recipe};
use farm_model::id::{BuildId, JobName};
use farm_model::message::command::{Ask, Command};
use farm_model::message::progress::Outcome;
use farm_model::message::result::RunFinished;
use farm_model::record::{Build, Job, JobState, Run, Verdict};

use super::{Farm, newest};
use crate::effects::{Effects, ViewKey};
use crate::plan::Wanted;
use crate::queue::{JobRef, Rank};

impl Farm {
    pub(super) fn index_build(&mut self, build: Build) {
        let place = (build.key.builder.clone(), build.key.commit.clone());
        let builds = self.by_commit.entry(place).or_default();
        if !builds.contains(&build.id) {
            builds.push(build.id.clone());
        }
        self.builds.insert(build.id.clone(), build);
    }

    /// Wanting a build twice is wanting it once.
    pub(super) fn want(
        &mut self,
        wanted: &Wanted,
        cause: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let id = wanted.key.id();
        if self.builds.contains_key(&id) || !self.config.builders.contains_key(&wanted.key.builder)
        {
            return;
        }
        let build = Build {
            id: id.clone(),
            key: wanted.key.clone(),
            wanted: now,
            behind: wanted.behind,
            run: 1,
        };
        self.index_build(build);
        self.open_run(&id, 1, cause, now, effects);
    }

    fn open_run(
        &mut self,
        id: &BuildId,
        number: u32,
        cause: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(build) = self.builds.get_mut(id) else {
            return;
        };
        let Some(builder) = self.config.builders.get(&build.key.builder) else {
            return;
        };
        build.run = number;
        effects.builds.insert(id.clone(), build.clone());
        let jobs: Vec<Job> = job_names(builder)
            .into_iter()
            .map(|name| Job {
                name,
                state: JobState::Waiting { not_before: now },
                attempts: Vec::new(),
            })
            .collect();
        let count = jobs.len();
        let run = Run {
            build: id.clone(),
            number,
            opened: now,
            cause: cause.to_owned(),
            jobs,
            verdict: None,
        };
        effects.transition(now, &run, "wanted", &[("cause", cause.to_owned())]);
        self.open.insert((now, id.clone()));
        self.runs.entry(id.clone()).or_default().push(run);
        for job in 0..count {
            self.enqueue(
                &JobRef {
                    build: id.clone(),
                    job,
                },
                now,
                now,
            );
        }
        self.touch(id, effects);
    }

    /// Puts a waiting job into the queue of its builder's host type.
    pub(super) fn enqueue(&mut self, job: &JobRef, not_before: Timestamp, now: Timestamp) {
        let Some(build) = self.builds.get(&job.build) else {
            return;
        };
        let Some(builder) = self.config.builders.get(&build.key.builder) else {
            return;
        };
        let opened = newest(&self.runs[&job.build]).opened;
        let rank = Rank::new(&self.policy, opened, build.behind);
        self.queue
            .put(job.clone(), builder.host.clone(), rank, not_before, now);
    }

    /// After a change of configuration: hosts may have changed, and builders may have gone.
    pub(super) fn requeue_all(&mut self, now: Timestamp, effects: &mut Effects) {
        let open: Vec<BuildId> = self.open.iter().map(|(_, id)| id.clone()).collect();
        for id in open {
            let run = newest(&self.runs[&id]);
            let waiting: Vec<(usize, Timestamp)> = run
                .jobs
                .iter()
                .enumerate()
                .filter_map(|(index, job)| match job.state {
                    JobState::Waiting { not_before } => Some((index, not_before)),
                    _ => None,
                })
                .collect();
            let known = self
                .builds
                .get(&id)
                .is_some_and(|build| self.config.builders.contains_key(&build.key.builder));
            for (job, not_before) in waiting {
                let job = JobRef {
                    build: id.clone(),
                    job,
                };
                if known {
                    self.enqueue(&job, not_before, now);
                } else {
                    self.end_job(
                        &job,
                        Outcome::Lost,
                        "its builder is no longer in farm.toml",
                        now,
                        effects,
                    );
                }
            }
        }
    }

    /// A job is over; with the last one, or the first that is not ok, so is the run.
    pub(super) fn end_job(
        &mut self,
        job: &JobRef,
        outcome: Outcome,
        reason: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        self.queue.take(job);
        let Some(run) = self
            .runs
            .get_mut(&job.build)
            .and_then(|runs| runs.last_mut())
        else {
            return;
        };
        let Some(entry) = run.jobs.get_mut(job.job) else {
            return;
        };
        entry.state = JobState::Done { outcome };
        let over = run
            .jobs
            .iter()
            .all(|job| matches!(job.state, JobState::Done { .. }));
        if over && run.verdict.is_none() {
            self.decide(&job.build, reason, now, effects);
        }
        self.touch(&job.build, effects);
    }

    fn decide(&mut self, id: &BuildId, reason: &str, now: Timestamp, effects: &mut Effects) {
        let Some(build) = self.builds.get(id) else {
            return;
        };
        let Some(run) = self.runs.get_mut(id).and_then(|runs| runs.last_mut()) else {
            return;
        };
        let outcome = verdict_of(run);
        run.verdict = Some(Verdict {
            outcome,
            reason: reason.to_owned(),
            at: now,
        });
        self.open.remove(&(run.opened, id.clone()));
        effects.transition(now, run, outcome.as_str(), &[("reason", reason.to_owned())]);
        let last = run
            .jobs
            .iter()
            .rev()
            .find_map(|job| Some((job, job.attempts.last()?)));
        let finished = RunFinished {
            build: id.clone(),
            run: run.number,
            builder: build.key.builder.clone(),
            repo: build.key.repo.clone(),
            commit: build.key.commit.clone(),
            branch: build.key.branch.clone(),
            kind: build.key.kind.as_str().to_owned(),
            outcome,
            reason: reason.to_owned(),
            attempts: u32::try_from(run.attempts()).unwrap_or(u32::MAX),
            finished: now,
            seconds: now.duration_since(run.opened).as_secs_f64(),
            attempt: last.map(|(job, attempt)| run.attempt_key(&job.name, attempt.number)),
        };
        effects.tell(format!("finished:{id}:{}", run.number), now, &finished);
    }

    /// What a person asked for.
    pub(super) fn command(&mut self, command: Command, now: Timestamp, effects: &mut Effects) {
        let key = format!("command:{}", command.id);
        if !self.inbox.use_up(&key, now) {
            effects.ignored += 1;
            return;
        }
        effects.inbox.push((key, now));
        match command.ask {
            Ask::Clear { builder, commit } => {
                let builds = self
                    .by_commit
                    .get(&(builder, commit))
                    .cloned()
                    .unwrap_or_default();
                for id in builds {
                    self.clear(&id, &command.actor, now, effects);
                }
            }
        }
    }

    /// Opens the next run of a build that is over.
    fn clear(&mut self, id: &BuildId, actor: &str, now: Timestamp, effects: &mut Effects) {
        let Some(runs) = self.runs.get(id) else {
            return;
        };
        let run = newest(runs);
        if run.verdict.is_none() {
            effects.ignored += 1;
            return;
        }
        let number = run.number + 1;
        self.open_run(id, number, &format!("cleared by {actor}"), now, effects);
    }

    /// Marks a build's records and pages as changed.
    pub(super) fn touch(&self, id: &BuildId, effects: &mut Effects) {
        let Some(build) = self.builds.get(id) else {
            return;
        };
        let run = newest(&self.runs[id]);
        effects.runs.insert((id.clone(), run.number), run.clone());
        effects.dirty.insert(ViewKey::Build { id: id.clone() });
        effects.dirty.insert(ViewKey::Grid {
            repo: build.key.repo.clone(),
            branch: build.key.branch.clone(),
        });
        effects.dirty.insert(ViewKey::Farm);
    }
}

/// The jobs of a builder's run.
fn job_names(builder: &Builder) -> Vec<JobName> {
    match &builder.recipe {
        Recipe::Steps { .. } => "steps".parse().into_iter().collect(),
    }
}

/// One red job is a verdict on the code, whatever else was lost.
fn verdict_of(run: &Run) -> Outcome {
    let has = |wanted: Outcome| {
        run.jobs
            .iter()
            .any(|job| job.state == JobState::Done { outcome: wanted })
    };
    if has(Outcome::Failed) {
        Outcome::Failed
    } else if has(Outcome::Lost) {
        Outcome::Lost
    } else {
        Outcome::Ok
    }
}
