//! When will it begin, and how long will it take? Computed when asked, never in a decision.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use jiff::{SignedDuration, Timestamp};

use farm_model::id::{BuildId, BuilderName, HostType, JobName};
use farm_model::kept::{Kept, KeptKind, Timed};
use farm_model::record::{AttemptState, Job, Run};

use crate::farm::{Farm, Machine, timed_as};
use crate::policy::later;
use crate::queue::{JobRef, Need};

/// Jobs of a queue that are simulated one by one; those behind are estimated.
pub const SIMULATED: usize = 2_000;

/// How long jobs usually take: by what the same job of the builder took lately; or what the builder's jobs, or those of the
/// host type, did; or [`crate::Policy::usual_length`].
#[derive(Debug)]
pub struct Lengths<'a> {
    farm: &'a Farm,
    jobs: HashMap<(BuilderName, String), SignedDuration>,
    builders: HashMap<BuilderName, Option<SignedDuration>>,
    hosts: HashMap<HostType, Option<SignedDuration>>,
}

impl<'a> Lengths<'a> {
    /// Of this farm, as it is.
    #[must_use]
    pub fn new(farm: &'a Farm) -> Self {
        Self {
            farm,
            jobs: HashMap::new(),
            builders: HashMap::new(),
            hosts: HashMap::new(),
        }
    }

    /// How long a job of a build usually takes.
    pub fn of(&mut self, build: &BuildId, job: &Job) -> SignedDuration {
        let usual = self.farm.policy().usual_length;
        let Some(builder) = self.farm.build(build).map(|build| &build.key.builder) else {
            return usual;
        };
        let key = (builder.clone(), timed_as(job));
        if let Some(known) = self.jobs.get(&key) {
            return *known;
        }
        let timing = self.farm.book().timing(builder, &Timed::Job(key.1.clone()));
        let own = timing.and_then(|timing| timing.median()).map(milliseconds);
        let length = own
            .or_else(|| self.of_builder(builder))
            .or_else(|| self.of_host(builder))
            .unwrap_or(usual);
        self.jobs.insert(key, length);
        length
    }

    /// How long the jobs of a run take, those that need others after them.
    pub fn of_run(&mut self, build: &BuildId, run: &Run) -> SignedDuration {
        let mut ends: BTreeMap<&JobName, SignedDuration> = BTreeMap::new();
        // A job comes after what it needs: recipes add jobs in that order.
        for job in &run.jobs {
            let needed = job.needs.iter().filter_map(|need| ends.get(need).copied());
            let start = needed.max().unwrap_or(SignedDuration::ZERO);
            let end = start.saturating_add(self.of(build, job));
            ends.insert(&job.name, end);
        }
        ends.into_values().max().unwrap_or(SignedDuration::ZERO)
    }

    fn of_builder(&mut self, builder: &BuilderName) -> Option<SignedDuration> {
        if let Some(known) = self.builders.get(builder) {
            return *known;
        }
        let prefix = format!("{builder}/job/");
        let timings = self.farm.book().under(KeptKind::Timing, &prefix);
        let medians = timings.filter_map(|kept| match kept {
            Kept::Timing(timing) => timing.median(),
            _ => None,
        });
        let length = median(medians.map(milliseconds).collect());
        self.builders.insert(builder.clone(), length);
        length
    }

    fn of_host(&mut self, builder: &BuilderName) -> Option<SignedDuration> {
        let farm = self.farm;
        let host = &farm.config().builders.get(builder)?.host;
        if let Some(known) = self.hosts.get(host) {
            return *known;
        }
        let builders = farm
            .config()
            .builders
            .iter()
            .filter(|(_, of)| of.host == *host);
        let lengths = builders.filter_map(|(name, _)| self.of_builder(name));
        let length = median(lengths.collect());
        self.hosts.insert(host.clone(), length);
        length
    }
}

fn milliseconds(milliseconds: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

fn median(mut of: Vec<SignedDuration>) -> Option<SignedDuration> {
    of.sort_unstable();
    of.get(of.len() / 2).copied()
}

/// When the waiting jobs of a host type will begin, if all take as long as they usually do and nothing else comes.
#[derive(Debug, Default)]
pub struct Forecast {
    starts: HashMap<JobRef, Timestamp>,
    beyond: Option<Beyond>,
}

/// What is behind those that were simulated.
#[derive(Debug)]
struct Beyond {
    from: Timestamp,
    each: SignedDuration,
}

impl Forecast {
    /// Simulates the queue of a host type over its machines.
    #[must_use]
    pub fn of(farm: &Farm, lengths: &mut Lengths<'_>, host: &HostType, now: Timestamp) -> Self {
        let mut machines = Machines::of(farm, lengths, host, now);
        let mut forecast = Self::default();
        let mut last = now;
        let mut total = SignedDuration::ZERO;
        let order = farm.queue().in_order(host, SIMULATED);
        for (_, job) in &order {
            let Some(need) = farm.queue().need(job) else {
                continue;
            };
            let length = length_of(farm, lengths, job);
            if let Some(start) = machines.take(need, length) {
                last = last.max(start);
                total = total.saturating_add(length);
                forecast.starts.insert((*job).clone(), start);
            }
        }
        let all = i32::try_from(order.len() * machines.count).unwrap_or(i32::MAX);
        if order.len() == SIMULATED && all > 0 {
            let each = total.checked_div(all).unwrap_or_default();
            forecast.beyond = Some(Beyond { from: last, each });
        }
        forecast
    }

    /// When a job will begin, where `ahead` says how many are before it; none where no machine could take it.
    pub fn start(&self, job: &JobRef, ahead: impl FnOnce() -> usize) -> Option<Timestamp> {
        if let Some(start) = self.starts.get(job) {
            return Some(*start);
        }
        let beyond = self.beyond.as_ref()?;
        let behind = i32::try_from(ahead().saturating_sub(SIMULATED)).unwrap_or(i32::MAX);
        Some(later(beyond.from, beyond.each.saturating_mul(behind)))
    }
}

fn length_of(farm: &Farm, lengths: &mut Lengths<'_>, job: &JobRef) -> SignedDuration {
    let run = farm.runs(&job.build).last();
    match run.and_then(|run| run.jobs.get(job.job)) {
        Some(entry) => lengths.of(&job.build, entry),
        None => farm.policy().usual_length,
    }
}

/// When machines will be free, by their labels.
struct Machines {
    kinds: BTreeMap<BTreeSet<String>, BinaryHeap<Reverse<Timestamp>>>,
    count: usize,
}

impl Machines {
    fn of(farm: &Farm, lengths: &mut Lengths<'_>, host: &HostType, now: Timestamp) -> Self {
        let mut kinds: BTreeMap<BTreeSet<String>, BinaryHeap<_>> = BTreeMap::new();
        let mut count = 0;
        for machine in farm
            .machines_like(host)
            .filter(|machine| machine.is_in_use())
        {
            let labels = farm.mentioned_labels(machine);
            let free = free_at(farm, lengths, machine, now);
            kinds.entry(labels).or_default().push(Reverse(free));
            count += 1;
        }
        Self { kinds, count }
    }

    /// Takes the machine that is free first; returns when.
    fn take(&mut self, need: &Need, length: SignedDuration) -> Option<Timestamp> {
        let fit = self.kinds.iter_mut();
        let fit = fit.filter(|(labels, _)| need.labels.is_subset(labels));
        let (_, heap) = fit.max_by_key(|(_, heap)| heap.peek().copied())?;
        let Reverse(free) = heap.pop()?;
        heap.push(Reverse(later(free, length)));
        Some(free)
    }
}

/// When a machine will be free: when what it runs should be over, or at once where that is overdue.
fn free_at(farm: &Farm, lengths: &mut Lengths<'_>, machine: &Machine, now: Timestamp) -> Timestamp {
    let Some(key) = &machine.lease else {
        return now;
    };
    let run = farm
        .runs(&key.build)
        .iter()
        .find(|run| run.number == key.run);
    let job = run.and_then(|run| run.jobs.iter().find(|job| job.name == key.job));
    let Some((job, attempt)) = job.and_then(|job| Some((job, job.attempts.last()?))) else {
        return now;
    };
    let since = match &attempt.state {
        AttemptState::Running { since, .. } => *since,
        _ => attempt.leased,
    };
    later(since, lengths.of(&key.build, job)).max(now)
}
