//! The search for culprits: what is looked for, what is wanted for it, who is named.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use farm_model::id::{BuildId, BuilderName, CommitId, RepoName};
use farm_model::kept::{Culprit, Kept, KeptKey, KeptKind};
use farm_model::message::progress::{Outcome, TestOutcome, TestResult};
use farm_model::message::result::CulpritFound;
use farm_model::record::{AttemptState, Branch, BuildKey, BuildKind, JobState, Run};

use super::{Farm, newest};
use crate::culprit::{Known, Search, search};
use crate::effects::Effects;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::queue::JobRef;

/// Lines that are looked at in one decision; the rest waits for the next.
const AT_ONCE: usize = 20;

/// A builder's results along a branch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub(super) builder: BuilderName,
    pub(super) repo: RepoName,
    pub(super) branch: String,
}

/// All searches.
#[derive(Debug, Default)]
pub(super) struct Searches {
    /// Lines that have changed since they were looked at.
    due: BTreeSet<Line>,
    /// What each open search has wanted last.
    open: BTreeMap<Line, BuildId>,
    /// Those that would be too many, or that nothing could be built for.
    waiting: BTreeSet<Line>,
}

impl Searches {
    /// Whether a build is wanted to find a culprit.
    pub(super) fn want(&self, line: &Line, build: &BuildId) -> bool {
        self.open.get(line) == Some(build)
    }

    fn may_begin(&self, line: &Line, policy: &Policy) -> bool {
        let of_builder = self.open.keys().filter(|open| open.builder == line.builder);
        self.open.contains_key(line)
            || (self.open.len() < policy.searches && of_builder.count() < policy.searches_each)
    }

    /// A search is over: one that waited may begin.
    fn end(&mut self, line: &Line, policy: &Policy) {
        self.waiting.remove(line);
        if self.open.remove(line).is_some() {
            let next = self
                .waiting
                .iter()
                .find(|line| self.may_begin(line, policy));
            if let Some(next) = next.cloned() {
                self.waiting.remove(&next);
                self.due.insert(next);
            }
        }
    }

    /// What kept searches from beginning may have changed.
    pub(super) fn reconsider(&mut self) {
        self.due.append(&mut self.waiting);
    }
}

/// The line on which a build lies, if its outcome says something about its commit alone.
pub(super) fn line_of(key: &BuildKey) -> Option<Line> {
    (key.kind == BuildKind::PostSubmit && key.against.is_none()).then(|| Line {
        builder: key.builder.clone(),
        repo: key.repo.clone(),
        branch: key.branch.clone(),
    })
}

impl Farm {
    /// A build has come out: its line is looked at with the next decision.
    pub(super) fn note_outcome(&mut self, build: &BuildId) {
        let key = self.builds.get(build).map(|build| &build.key);
        let line = key.and_then(line_of);
        self.breakages.due.extend(line.clone());
        self.searches.due.extend(line);
    }

    /// A branch has moved, or a new leader begins: so are all of its lines.
    pub(super) fn note_branch(&mut self, branch: &Branch) {
        let Some(repository) = self.config.repositories.get(&branch.repo) else {
            return;
        };
        let lines = repository.builders.iter().map(|builder| Line {
            builder: builder.clone(),
            repo: branch.repo.clone(),
            branch: branch.name.clone(),
        });
        let lines: Vec<Line> = lines.collect();
        self.breakages.due.extend(lines.iter().cloned());
        self.searches.due.extend(lines);
    }

    /// Looks at lines that have changed.
    pub(super) fn look_for_culprits(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.fleet.take_arrived() {
            self.searches.reconsider();
        }
        for _ in 0..AT_ONCE {
            let Some(line) = self.searches.due.pop_first() else {
                return;
            };
            self.look_at(&line, now, effects);
        }
    }

    fn look_at(&mut self, line: &Line, now: Timestamp, effects: &mut Effects) {
        let wanted = self.config.builders.get(&line.builder);
        let wanted = wanted.is_some_and(|builder| builder.culprit);
        let branch = self.branch(&line.repo, &line.branch).filter(|_| wanted);
        let commits: Vec<CommitId> = branch
            .into_iter()
            .flat_map(|branch| &branch.commits)
            .map(|commit| commit.id.clone())
            .collect();
        match search(&self.known_of(line, &commits)) {
            Search::Nothing => self.searches.end(line, &self.policy),
            Search::Build { at, green, red } => {
                let cause = format!(
                    "culprit search between {} and {}",
                    commits[green].short(),
                    commits[red].short()
                );
                self.want_for_search(line, &commits, at, &cause, now, effects);
            }
            Search::Found { green, suspects } => {
                self.searches.end(line, &self.policy);
                let suspects = suspects.iter().map(|at| commits[*at].clone()).collect();
                self.name_culprit(line, &commits[green], suspects, now, effects);
            }
        }
    }

    /// What is known of commits, newest first, as far as the first green: what lies behind says nothing more.
    fn known_of(&self, line: &Line, commits: &[CommitId]) -> Vec<Known> {
        let mut known = Vec::new();
        for commit in commits {
            known.push(self.known(&key_of(line, commit)));
            if known.last() == Some(&Known::Green) {
                break;
            }
        }
        known
    }

    /// Whether what a search wants would be built: a search that stands still keeps others from beginning.
    fn could_build(&self, builder: &BuilderName) -> bool {
        let host = self
            .config
            .builders
            .get(builder)
            .map(|builder| &builder.host);
        let machines = host.is_some_and(|host| self.fleet.count(host) > 0);
        machines && self.book.pause(builder).is_none()
    }

    pub(super) fn known(&self, key: &BuildKey) -> Known {
        let Some(runs) = self.runs.get(&key.id()) else {
            return Known::Open;
        };
        match newest(runs).verdict.as_ref().map(|verdict| verdict.outcome) {
            None => Known::Open,
            Some(Outcome::Ok) => Known::Green,
            Some(Outcome::Lost) => Known::Unsure,
            Some(Outcome::Failed) if is_again(runs) => Known::Red,
            Some(Outcome::Failed) if self.is_chance(key, newest(runs)) => Known::Unsure,
            Some(Outcome::Failed) => Known::Red,
        }
    }

    /// Whether all that failed in a run is known to flake, and often enough.
    fn is_chance(&self, key: &BuildKey, run: &Run) -> bool {
        let failed = failed_tests(run).map(|test| (&*test.unit, &*test.name));
        self.is_by_chance(&key.builder, &key.repo, failed)
    }

    /// The same of what failed: each test's unit and name.
    pub(crate) fn is_by_chance<'a>(
        &self,
        builder: &BuilderName,
        repo: &RepoName,
        failed: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> bool {
        let mut any = false;
        for (unit, name) in failed {
            any = true;
            let flake = self.book.flake(builder, repo, unit, name);
            let often = flake.is_some_and(|flake| {
                u64::from(flake.flaked) * 1000
                    >= u64::from(flake.ran) * u64::from(self.policy.flaky_per_mille)
            });
            if !often {
                return false;
            }
        }
        any
    }

    fn want_for_search(
        &mut self,
        line: &Line,
        commits: &[CommitId],
        at: usize,
        cause: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        if !self.could_build(&line.builder) || !self.searches.may_begin(line, &self.policy) {
            self.searches.end(line, &self.policy);
            self.searches.waiting.insert(line.clone());
            return;
        }
        let key = key_of(line, &commits[at]);
        let id = key.id();
        self.searches.open.insert(line.clone(), id.clone());
        if self.runs.contains_key(&id) {
            // It is wanted already, as history perhaps: now it is wanted for more.
            self.rank_anew(&id, now);
            return;
        }
        let branch = self.branch(&line.repo, &line.branch);
        let wanted = Wanted {
            key,
            behind: u32::try_from(at).unwrap_or(u32::MAX),
            number: branch.and_then(|branch| branch.number_at(at)),
        };
        self.want(&wanted, cause, now, effects);
    }

    /// Waiting jobs of a build take the place that its class has now.
    fn rank_anew(&mut self, id: &BuildId, now: Timestamp) {
        let jobs = newest(&self.runs[id]).jobs.iter().enumerate();
        let waiting: Vec<(usize, Timestamp)> = jobs
            .filter_map(|(index, job)| match job.state {
                JobState::Waiting { not_before } => Some((index, not_before)),
                _ => None,
            })
            .collect();
        for (job, not_before) in waiting {
            let job = JobRef {
                build: id.clone(),
                job,
            };
            self.enqueue(&job, not_before, now);
        }
    }

    fn name_culprit(
        &mut self,
        line: &Line,
        green: &CommitId,
        suspects: Vec<CommitId>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let culprit = Culprit {
            builder: line.builder.clone(),
            repo: line.repo.clone(),
            branch: line.branch.clone(),
            green: green.clone(),
            suspects,
            at: now,
        };
        let kept = Kept::Culprit(culprit.clone());
        if let Some(Kept::Culprit(known)) = self.book.get(KeptKind::Culprit, &kept.key().key)
            && (&known.green, &known.suspects) == (&culprit.green, &culprit.suspects)
        {
            return;
        }
        let KeptKey { key, .. } = kept.key();
        let names: Vec<&str> = culprit.suspects.iter().map(CommitId::as_str).collect();
        let names = names.join(" ");
        let id = format!("culprit:{key}:{green}:{names}");
        effects.tell(id, now, &CulpritFound { culprit });
        let detail = [
            ("builder", line.builder.to_string()),
            ("repo", line.repo.to_string()),
            ("branch", line.branch.clone()),
            ("suspects", names),
        ];
        effects.note(now, "culprit", &detail);
        self.book.put(kept, effects);
    }
}

pub(super) fn key_of(line: &Line, commit: &CommitId) -> BuildKey {
    BuildKey {
        builder: line.builder.clone(),
        repo: line.repo.clone(),
        commit: commit.clone(),
        branch: line.branch.clone(),
        kind: BuildKind::PostSubmit,
        against: None,
    }
}

/// Whether a build has failed more than once.
pub(crate) fn is_again(runs: &[Run]) -> bool {
    let failed = |run: &&Run| {
        let verdict = run.verdict.as_ref();
        verdict.is_some_and(|verdict| verdict.outcome == Outcome::Failed)
    };
    runs.iter().filter(failed).count() > 1
}

/// What failed in the jobs that failed.
pub(crate) fn failed_tests(run: &Run) -> impl Iterator<Item = &TestResult> {
    let failed = run.jobs.iter().filter(|job| {
        job.state
            == JobState::Done {
                outcome: Outcome::Failed,
            }
    });
    let reports = failed.filter_map(|job| match &job.attempts.last()?.state {
        AttemptState::Finished { report, .. } => Some(report),
        _ => None,
    });
    let tests = reports.flat_map(|report| &report.tests);
    tests.filter(|test| test.outcome == TestOutcome::Failed)
}
