//! The life of builds and runs: wanted, run, decided, cleared.

use jiff::Timestamp;

use farm_model::id::BuildId;
use farm_model::message::progress::Outcome;
use farm_model::message::result::RunFinished;
use farm_model::record::{Build, BuildKind, JobState, Run, Verdict};

use super::{Farm, graph, newest};
use crate::effects::{Effects, ViewKey};
use crate::failure::deciding_attempt;
use crate::page::at::detail;
use crate::plan::Wanted;
use crate::policy::later;
use crate::queue::JobRef;
use crate::recipe;

impl Farm {
    pub(super) fn index_build(&mut self, build: Build) {
        self.by_commit.add(&build);
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
        if !self.config.builders.contains_key(&wanted.key.builder) {
            return;
        }
        if self.builds.contains_key(&id) {
            return self.want_after_all(&id, now, effects);
        }
        let build = Build {
            id: id.clone(),
            key: wanted.key.clone(),
            wanted: now,
            behind: wanted.behind,
            number: wanted.number,
            run: 1,
        };
        self.index_build(build);
        self.open_run(&id, 1, cause, now, effects);
    }

    /// What was dropped because its branch had it no more is wanted again with the branch.
    fn want_after_all(&mut self, id: &BuildId, now: Timestamp, effects: &mut Effects) {
        let run = newest(&self.runs[id]);
        if run
            .verdict
            .as_ref()
            .is_some_and(|verdict| verdict.superseded)
        {
            let number = run.number + 1;
            self.open_run(id, number, "its branch has it again", now, effects);
        }
    }

    pub(super) fn open_run(
        &mut self,
        id: &BuildId,
        number: u32,
        cause: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(jobs) = self.context(id).map(|context| recipe::opening(&context)) else {
            return;
        };
        let Some(build) = self.builds.get_mut(id) else {
            return;
        };
        build.run = number;
        effects.builds.insert(id.clone(), build.clone());
        let run = Run {
            build: id.clone(),
            number,
            opened: now,
            cause: cause.to_owned(),
            jobs,
            trace: self.trace_of_cause.clone(),
            verdict: None,
        };
        let key = &build.key;
        let mut detail = vec![
            ("cause", cause.to_owned()),
            (detail::BUILDER, key.builder.to_string()),
            (detail::REPO, key.repo.to_string()),
            (detail::COMMIT, key.commit.to_string()),
            (detail::BRANCH, key.branch.clone()),
        ];
        if key.kind != BuildKind::PostSubmit || key.against.is_some() {
            detail.push((detail::ASIDE, key.kind.as_str().to_owned()));
        }
        effects.transition(now, &run, "wanted", &detail);
        self.open.insert((now, id.clone()));
        self.runs.entry(id.clone()).or_default().push(run);
        self.unblock(id, now);
        self.touch(id, effects);
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
            if !self.has_builder(&id) {
                self.end_without_builder(&id, now, effects);
                continue;
            }
            for (job, not_before) in waiting {
                let job = JobRef {
                    build: id.clone(),
                    job,
                };
                self.enqueue(&job, not_before, now);
            }
        }
    }

    /// A job is over: others may begin or never will; with the last one, so is the run.
    pub(super) fn end_job(
        &mut self,
        job: &JobRef,
        outcome: Outcome,
        reason: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        self.queue.take(job);
        let Some(entry) = self.job_mut(job) else {
            return;
        };
        entry.state = JobState::Done { outcome };
        self.unblock(&job.build, now);
        let run = newest(&self.runs[&job.build]);
        if graph::is_over(run) && run.verdict.is_none() {
            let outcome = graph::verdict_of(run);
            let told = graph::reason_of(run, outcome);
            // A job that ended without an attempt of its own says why here alone.
            let reason = if told.is_empty() && outcome != Outcome::Ok {
                reason.to_owned()
            } else {
                told
            };
            self.decide(&job.build, outcome, &reason, now, effects);
        }
        self.touch(&job.build, effects);
    }

    pub(super) fn decide(
        &mut self,
        id: &BuildId,
        outcome: Outcome,
        reason: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(build) = self.builds.get(id) else {
            return;
        };
        let Some(run) = self.runs.get_mut(id).and_then(|runs| runs.last_mut()) else {
            return;
        };
        run.verdict = Some(Verdict {
            outcome,
            reason: reason.to_owned(),
            at: now,
            superseded: false,
        });
        self.open.remove(&(run.opened, id.clone()));
        if let Some(began) = run.began() {
            let deadline = later(began, self.policy.run_limit);
            self.deadlines.remove(&(deadline, id.clone(), run.number));
        }
        effects.transition(now, run, outcome.as_str(), &[("reason", reason.to_owned())]);
        let finished = finished(build, run, outcome, reason, now);
        let told = format!("finished:{id}:{}", run.number);
        effects.tell_traced(told, now, &finished, run.trace.as_ref());
        self.note_verdict(id, now, effects);
        self.show_tests(id, effects);
        self.over.insert((now, id.clone()));
    }

    /// Marks a build's records and pages as changed.
    pub(super) fn touch(&mut self, id: &BuildId, effects: &mut Effects) {
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
        let is_new = effects.builds.contains_key(id);
        let is_over = run.verdict.is_some();
        if self.say_stand(id, effects) || is_new || is_over {
            self.show(id, effects);
        }
    }
}

/// What is announced of a run that is over.
fn finished(
    build: &Build,
    run: &Run,
    outcome: Outcome,
    reason: &str,
    now: Timestamp,
) -> RunFinished {
    let began = run.began().unwrap_or(now);
    RunFinished {
        build: build.id.clone(),
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
        seconds_waited: began.duration_since(run.opened).as_secs_f64(),
        attempt: deciding_attempt(run, outcome),
    }
}
