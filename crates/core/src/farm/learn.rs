//! What reports teach: how long things take, which tests fail by chance; where snapshots are, see `snapshots`.

use jiff::Timestamp;

use farm_model::id::{AttemptKey, BuildId, BuilderName};
use farm_model::kept::{Flake, Kept, KeptKey, KeptKind, Timed, Timing, Trust};
use farm_model::message::progress::{AttemptReport, Outcome, TestOutcome, TestResult};
use farm_model::record::{BuildKey, BuildKind, Job, Part};

use super::{Farm, newest};
use crate::effects::{Effects, ViewKey};
use crate::queue::JobRef;

/// Durations that are remembered.
const TIMINGS: usize = 50_000;
/// Flakes that are remembered.
const FLAKES_KEPT: usize = 5_000;
/// Of a test's name, in bytes.
const LONGEST_NAME: usize = 300;
/// Units of one report whose durations are noted.
const UNITS: usize = 5_000;
/// Tests of one report that may turn out to flake.
const FLAKES: usize = 50;

/// Whose word a build rests on.
#[must_use]
pub fn trust(key: &BuildKey) -> Trust {
    match &key.kind {
        BuildKind::PostSubmit => Trust::PostSubmit,
        BuildKind::Try { set } => Trust::Try(set.clone()),
        // What a machine makes that has yet to prove itself feeds nothing else.
        BuildKind::Canary { identity } => Trust::Try(format!("canary/{identity}")),
    }
}

/// A job's name without its number: `tests-3` is timed as `tests`.
#[must_use]
pub fn timed_as(job: &Job) -> String {
    let name = job.name.as_str();
    match name.rsplit_once('-') {
        Some((stem, number)) if number.bytes().all(|b| b.is_ascii_digit()) => stem.to_owned(),
        _ => name.to_owned(),
    }
}

impl Farm {
    /// Takes from a report what will be useful later.
    pub(super) fn learn(
        &mut self,
        job: &JobRef,
        report: &AttemptReport,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(key) = self.builds.get(&job.build).map(|build| build.key.clone()) else {
            return;
        };
        let entry = newest(&self.runs[&job.build]).jobs[job.job].clone();
        if report.outcome == Outcome::Ok {
            let took = report.steps.iter().map(|step| step.milliseconds).sum();
            let what = Timed::Job(timed_as(&entry));
            self.note_timing(&key.builder, what, took, now, effects);
            self.keep_snapshot(&key, &entry, report, now, effects);
        }
        // What tries run is what strangers wrote: nothing is learned of it.
        if key.kind != BuildKind::PostSubmit {
            return;
        }
        let scheduled = |test: &&TestResult| match &entry.part {
            Part::Tests { units } | Part::Again { units } => units.contains(&test.unit),
            Part::Whole | Part::Setup => true,
        };
        let units = report
            .tests
            .iter()
            .filter(|test| is_timed(test) && is_plain(test));
        for test in units.filter(scheduled).take(UNITS) {
            let what = Timed::Unit(test.unit.clone());
            self.note_timing(&key.builder, what, test.milliseconds, now, effects);
        }
        self.note_flakes(job, &key, &entry, report, now, effects);
        self.forget_oldest(KeptKind::Timing, TIMINGS, effects);
        self.forget_oldest(KeptKind::Flake, FLAKES_KEPT, effects);
    }

    fn note_timing(
        &mut self,
        builder: &BuilderName,
        what: Timed,
        milliseconds: u64,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let known = self.book.timing(builder, &what).cloned();
        let mut timing = known.unwrap_or_else(|| Timing {
            builder: builder.clone(),
            what,
            lately: Vec::new(),
            at: now,
        });
        timing.note(milliseconds, now);
        self.book.put(Kept::Timing(timing), effects);
    }

    /// Of more records of a kind than `most`, those that were not touched for longest are forgotten: a tenth at a time.
    pub(super) fn forget_oldest(&mut self, kind: KeptKind, most: usize, effects: &mut Effects) {
        let count = self.book.count(kind);
        if count <= most {
            return;
        }
        let touched = |kept: &Kept| match kept {
            Kept::Snapshot(of) => Some(of.at),
            Kept::Timing(of) => Some(of.at),
            Kept::Flake(of) => Some(of.last),
            Kept::Breakage(of) => Some(of.breakage.at),
            _ => None,
        };
        let all = self.book.of(kind);
        let mut all: Vec<(Timestamp, KeptKey)> = all
            .filter_map(|kept| Some((touched(kept)?, kept.key())))
            .collect();
        all.sort();
        for (_, key) in all.into_iter().take(count - most + most / 10) {
            self.book.take(&key, effects);
        }
    }

    /// What failed in a shard and passed alone on the same inputs has failed by chance. Of what was not told nobody knows
    /// that it failed.
    fn note_flakes(
        &mut self,
        job: &JobRef,
        key: &BuildKey,
        entry: &Job,
        report: &AttemptReport,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        self.count_runs_of_flakes(key, report, now, effects);
        let Part::Again { units } = &entry.part else {
            return;
        };
        let Some((failed, evidence)) = self.first_report(&job.build, entry) else {
            return;
        };
        if report.outcome == Outcome::Lost {
            return;
        }
        let flaked: Vec<TestResult> = failed
            .tests
            .iter()
            .filter(|test| {
                test.outcome == TestOutcome::Failed && has_passed(units, report, &test.unit)
            })
            .filter(|test| is_plain(test))
            .take(FLAKES)
            .cloned()
            .collect();
        for test in flaked {
            self.note_flake(key, &test, evidence.clone(), now, effects);
        }
    }

    /// The report of the shard that a job tries again, and where it is.
    fn first_report(&self, id: &BuildId, again: &Job) -> Option<(AttemptReport, AttemptKey)> {
        let run = newest(self.runs.get(id)?);
        let first = again.name.as_str().strip_suffix(".again")?;
        let job = run.jobs.iter().find(|job| job.name.as_str() == first)?;
        let attempt = job.attempts.last()?;
        match &attempt.state {
            farm_model::record::AttemptState::Finished { report, .. } => {
                Some((report.clone(), run.attempt_key(&job.name, attempt.number)))
            }
            _ => None,
        }
    }

    fn note_flake(
        &mut self,
        key: &BuildKey,
        test: &TestResult,
        evidence: AttemptKey,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let known = self
            .book
            .flake(&key.builder, &key.repo, &test.unit, &test.name);
        let mut flake = known.cloned().unwrap_or_else(|| Flake {
            builder: key.builder.clone(),
            repo: key.repo.clone(),
            unit: test.unit.clone(),
            name: test.name.clone(),
            flaked: 0,
            ran: 1,
            first: now,
            last: now,
            evidence: evidence.clone(),
        });
        flake.flaked = flake.flaked.saturating_add(1);
        flake.last = now;
        flake.evidence = evidence;
        self.book.put(Kept::Flake(flake), effects);
        effects.dirty.insert(ViewKey::Flakes);
        effects.dirty.insert(ViewKey::Builder {
            builder: key.builder.clone(),
        });
    }

    /// So that a flake has a rate: how often the units of known ones have been run.
    fn count_runs_of_flakes(
        &mut self,
        key: &BuildKey,
        report: &AttemptReport,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let ran = |flake: &Flake| {
            flake.builder == key.builder
                && flake.repo == key.repo
                && flake.last < now
                && report
                    .tests
                    .iter()
                    .any(|test| test.unit == flake.unit && test.name.is_empty() && has_run(test))
        };
        let ran: Vec<Flake> = self
            .book
            .of(KeptKind::Flake)
            .filter_map(|kept| match kept {
                Kept::Flake(flake) if ran(flake) => Some(flake.clone()),
                _ => None,
            })
            .collect();
        for mut flake in ran {
            flake.ran = flake.ran.saturating_add(1);
            self.book.put(Kept::Flake(flake), effects);
        }
    }
}

/// Whether a unit that was tried again, as one of `units`, has passed.
pub(crate) fn has_passed(units: &[String], report: &AttemptReport, unit: &str) -> bool {
    let mut tests = report.tests.iter();
    units.iter().any(|of| of == unit)
        && !tests.any(|test| test.unit == unit && !test.outcome.is_good())
}

/// Whether its name can be kept: what a test prints is anybody's, and names become keys.
fn is_plain(test: &TestResult) -> bool {
    let names = [&test.unit, &test.name];
    names
        .iter()
        .all(|name| name.len() <= LONGEST_NAME && !name.contains(char::is_control))
}

/// As far as is known.
fn has_run(test: &TestResult) -> bool {
    test.outcome != TestOutcome::NotTold
}

/// A unit's own duration, of one that passed.
fn is_timed(test: &TestResult) -> bool {
    test.name.is_empty() && test.outcome == TestOutcome::Ok && test.milliseconds > 0
}
