//! The order of waiting jobs.
//!
//! A rank is fixed when a job starts to wait: the moment it was wanted, pushed back by its class. A lower class is so
//! overtaken only by what is wanted within its push-back, which bounds every wait: ageing without a sweep.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use farm_model::id::{BuildId, HostType};

use crate::policy::{Policy, later};

/// Names a job of the newest run of a build.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobRef {
    /// The build.
    pub build: BuildId,
    /// The job's position in the run.
    pub job: usize,
}

/// Where a job stands among the others: smaller goes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    due: Timestamp,
    behind: u32,
}

impl Rank {
    /// The rank of a job wanted at `wanted` for a commit `behind` its head.
    #[must_use]
    pub fn new(policy: &Policy, wanted: Timestamp, behind: u32) -> Self {
        let delay = policy
            .history_delay
            .saturating_mul(i32::try_from(behind).unwrap_or(i32::MAX));
        Self {
            due: later(wanted, delay),
            behind,
        }
    }
}

/// Waiting jobs: those that may go, by host type and rank, and those that pause.
#[derive(Debug, Default)]
pub struct Queue {
    ready: BTreeMap<HostType, BTreeSet<(Rank, JobRef)>>,
    pausing: BTreeSet<(Timestamp, JobRef)>,
    places: std::collections::HashMap<JobRef, Place>,
}

#[derive(Debug)]
struct Place {
    host: HostType,
    rank: Rank,
    not_before: Timestamp,
    ready: bool,
}

impl Queue {
    /// Puts a job in, or moves it.
    pub fn put(
        &mut self,
        job: JobRef,
        host: HostType,
        rank: Rank,
        not_before: Timestamp,
        now: Timestamp,
    ) {
        self.take(&job);
        let ready = not_before <= now;
        if ready {
            self.ready
                .entry(host.clone())
                .or_default()
                .insert((rank.clone(), job.clone()));
        } else {
            self.pausing.insert((not_before, job.clone()));
        }
        self.places.insert(
            job,
            Place {
                host,
                rank,
                not_before,
                ready,
            },
        );
    }

    /// Takes a job out; false if it was not in.
    pub fn take(&mut self, job: &JobRef) -> bool {
        let Some(place) = self.places.remove(job) else {
            return false;
        };
        if place.ready {
            if let Some(jobs) = self.ready.get_mut(&place.host) {
                jobs.remove(&(place.rank, job.clone()));
                if jobs.is_empty() {
                    self.ready.remove(&place.host);
                }
            }
        } else {
            self.pausing.remove(&(place.not_before, job.clone()));
        }
        true
    }

    /// Lets go what has paused long enough.
    pub fn wake(&mut self, now: Timestamp) {
        while let Some((until, _)) = self.pausing.first()
            && *until <= now
        {
            let Some((_, job)) = self.pausing.pop_first() else {
                return;
            };
            if let Some(place) = self.places.get_mut(&job) {
                place.ready = true;
                self.ready
                    .entry(place.host.clone())
                    .or_default()
                    .insert((place.rank.clone(), job));
            }
        }
    }

    /// Host types with a job that may go.
    pub fn hosts(&self) -> impl Iterator<Item = &HostType> {
        self.ready.keys()
    }

    /// The first job for a host type.
    #[must_use]
    pub fn first(&self, host: &HostType) -> Option<&JobRef> {
        self.ready.get(host)?.first().map(|(_, job)| job)
    }

    /// When the next pause ends.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.pausing.first().map(|(until, _)| *until)
    }

    /// How many jobs go before this one, counted up to `limit`; none if it does not wait or pauses.
    #[must_use]
    pub fn ahead(&self, job: &JobRef, limit: usize) -> Option<usize> {
        let place = self.places.get(job).filter(|place| place.ready)?;
        let jobs = self.ready.get(&place.host)?;
        Some(
            jobs.iter()
                .take(limit)
                .take_while(|(_, other)| other != job)
                .count(),
        )
    }

    /// Host types with waiting jobs, by name: how many may go, and how many pause.
    pub fn lengths(&self) -> impl Iterator<Item = (&HostType, (usize, usize))> {
        let mut lengths: BTreeMap<&HostType, (usize, usize)> = BTreeMap::new();
        for (host, jobs) in &self.ready {
            lengths.entry(host).or_default().0 = jobs.len();
        }
        for (_, job) in &self.pausing {
            if let Some(place) = self.places.get(job) {
                lengths.entry(&place.host).or_default().1 += 1;
            }
        }
        lengths.into_iter()
    }

    /// Jobs waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}
