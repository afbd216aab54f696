//! Where a waiting job stands: its lane, its class, its rank; and what lanes may be shut by.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use farm_model::id::BuildId;
use farm_model::kept::{Kept, KeptKind};
use farm_model::record::{Attempt, Build, BuildKind};

use super::culprit::line_of;
use super::{Farm, newest};
use crate::effects::Effects;
use crate::queue::{Class, Gate, JobRef, LaneKey, Need, Rank};
use crate::recipe;

impl Farm {
    /// Puts a waiting job into the queue.
    pub(super) fn enqueue(&mut self, job: &JobRef, not_before: Timestamp, now: Timestamp) {
        let Some(build) = self.builds.get(&job.build) else {
            return;
        };
        if matches!(build.key.kind, BuildKind::Canary { .. }) {
            self.canaries.wait(job, not_before);
            return;
        }
        let Some(lane) = self.lane_of(job) else {
            return;
        };
        let (class, behind) = (self.class_of(build), build.behind);
        let share = self.share_of(&job.build, class);
        let opened = newest(&self.runs[&job.build]).opened;
        let rank = Rank::new(&self.policy, class, opened, behind, share);
        self.queue.put(job.clone(), &lane, rank, not_before, now);
    }

    /// With what a job waits. Labels are asked of its builder's own host type alone: another is for what is made across.
    pub(super) fn lane_of(&self, job: &JobRef) -> Option<LaneKey> {
        let context = self.context(&job.build)?;
        let run = newest(self.runs.get(&job.build)?);
        let host = recipe::host(&context, run.jobs.get(job.job)?);
        let labels = match *host == context.builder.host {
            true => context.builder.labels.clone(),
            false => BTreeSet::new(),
        };
        let key = &context.build.key;
        Some(LaneKey {
            need: Need {
                host: host.clone(),
                labels,
            },
            builder: key.builder.clone(),
            repo: key.repo.clone(),
            tries: matches!(key.kind, BuildKind::Try { .. }),
        })
    }

    pub(crate) fn class_of(&self, build: &Build) -> Class {
        let key = &build.key;
        let searched = line_of(key).is_some_and(|line| self.searches.want(&line, &build.id));
        match &key.kind {
            BuildKind::Try { .. } => Class::Try,
            _ if searched && build.behind > 0 => Class::Culprit,
            _ if build.behind > 0 => Class::History,
            _ if key.against.is_some() => Class::Sub,
            _ => Class::Tip,
        }
    }

    /// By how much a try is pushed back because of what else its author has asked for. Where the author of a change is not
    /// known, its set stands for them.
    fn share_of(&mut self, id: &BuildId, class: Class) -> SignedDuration {
        let Some(build) = self.builds.get(id).filter(|_| class == Class::Try) else {
            return SignedDuration::ZERO;
        };
        let key = &build.key;
        let commit = self.commit(&key.repo, &key.branch, &key.commit);
        let author = match (&key.kind, commit) {
            (_, Some(commit)) => commit.email.clone(),
            (BuildKind::Try { set }, None) => set.clone(),
            (_, None) => String::new(),
        };
        let run = newest(&self.runs[id]);
        let (jobs, opened) = (run.jobs.len(), run.opened);
        self.shares
            .push_back(&self.policy, id, &author, jobs, opened)
    }

    /// Quotas, pauses or labels may have changed.
    pub(super) fn lanes_changed(&mut self) {
        let config = &self.config;
        let builders = config.builders.iter();
        let builders = builders.map(|(name, of)| (Gate::Builder(name.clone()), of.max_at_once));
        let hosts = config.hosts.iter();
        let hosts = hosts.map(|(name, of)| (Gate::Host(name.clone()), of.max_at_once));
        let repositories = config.repositories.iter();
        let repositories =
            repositories.map(|(name, of)| (Gate::Repository(name.clone()), of.max_at_once));
        let all = builders.chain(hosts).chain(repositories);
        let limits: Vec<(Gate, u32)> = all
            .filter_map(|(gate, limit)| Some((gate, limit?)))
            .collect();
        for (gate, limit) in &limits {
            self.queue.limit(gate, Some(*limit));
        }
        self.queue
            .limit_only(&limits.into_iter().map(|(gate, _)| gate).collect());
        let paused = self.book.of(KeptKind::Pause).filter_map(|kept| match kept {
            Kept::Pause(pause) => Some(pause.builder.clone()),
            _ => None,
        });
        self.queue.pause_only(&paused.collect());
        let labels = self.config.builders.values().flat_map(|of| &of.labels);
        self.fleet.mention(labels.cloned().collect());
        self.searches.reconsider();
    }

    /// Every attempt of a job.
    pub(super) fn attempts_of(&self, job: &JobRef) -> &[Attempt] {
        let run = self.runs.get(&job.build).map(|runs| newest(runs));
        let job = run.and_then(|run| run.jobs.get(job.job));
        job.map_or(&[], |job| &job.attempts)
    }

    /// What a verdict means for what else waits.
    pub(super) fn note_verdict(&mut self, id: &BuildId, now: Timestamp, effects: &mut Effects) {
        self.shares.end(id);
        self.note_outcome(id);
        self.note_canary(id, now, effects);
        self.forget_kills(id, effects);
    }

    /// What follows from the records that a new leader begins with.
    pub(super) fn take_stock(&mut self) {
        self.lanes_changed();
        self.note_releases();
        self.restore_canaries();
        self.restore_breakages();
        let branches: Vec<_> = self.branches.values().cloned().collect();
        for branch in branches {
            self.note_branch(&branch);
        }
    }
}
