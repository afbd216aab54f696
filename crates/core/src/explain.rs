//! Why does this wait? One reason, the same in page, JSON and command (design 11.2).

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use farm_model::id::{BuildId, BuilderName, HostType, HubId, MachineId};
use farm_model::kept::Ordered;
use farm_model::order::OrderStand;
use farm_model::reason::{Quota, Reason, SetAside};
use farm_model::record::{Attempt, AttemptState, BuildKind, Job, JobState, Run};
use farm_model::view::Expected;

use crate::farm::{Farm, Machine, Standing};
use crate::policy::later;
use crate::predict::{Forecast, Lengths, SIMULATED};
use crate::queue::{Gate, JobRef, Need, Shut};

/// Jobs ahead are counted up to here.
const COUNTED: usize = 1_000;
/// And up to here to say when a job far back will begin.
const WALKED: usize = 2 * SIMULATED;
/// And up to here where many builds are explained at once.
const GLANCED: usize = 100;
/// Machines are named up to here.
const NAMED: usize = 20;

/// Why the newest run of a build waits, or where it runs; none once it is over.
#[must_use]
pub fn explain(farm: &Farm, id: &BuildId, now: Timestamp) -> Option<Reason> {
    Explainer::new(farm, now).reason(id)
}

/// Explains many builds of one state, and computes only once what they have in common.
#[derive(Debug)]
pub struct Explainer<'a> {
    farm: &'a Farm,
    now: Timestamp,
    lengths: Lengths<'a>,
    forecasts: HashMap<HostType, Forecast>,
    fits: HashMap<Need, Fit>,
    /// Whether to say when things will begin.
    foresees: bool,
}

/// The machines that a need could use, by what they do.
#[derive(Debug, Clone, Default)]
struct Fit {
    idle: Option<MachineId>,
    busy: usize,
    aside: Vec<SetAside>,
    unproved: Vec<MachineId>,
    draining: BTreeSet<HubId>,
    of_host: usize,
    /// Labels that no machine of the host type has.
    missing: BTreeSet<String>,
}

impl<'a> Explainer<'a> {
    /// For the farm as it is at `now`.
    #[must_use]
    pub fn new(farm: &'a Farm, now: Timestamp) -> Self {
        Self {
            farm,
            now,
            lengths: Lengths::new(farm),
            forecasts: HashMap::new(),
            fits: HashMap::new(),
            foresees: true,
        }
    }

    /// The same without saying when things will begin, where many builds of many host types are explained at once.
    #[must_use]
    pub fn at_a_glance(farm: &'a Farm, now: Timestamp) -> Self {
        Self {
            foresees: false,
            ..Self::new(farm, now)
        }
    }

    /// Why the newest run of a build waits, or where it runs; none once it is over. Of a run with several open jobs the one
    /// that is furthest speaks for it.
    pub fn reason(&mut self, id: &BuildId) -> Option<Reason> {
        let run = self.farm.runs(id).last()?;
        if run.verdict.is_some() {
            return None;
        }
        let leased = run.jobs.iter().find(|job| job.state == JobState::Leased);
        if let Some((job, attempt)) = leased.and_then(|job| Some((job, job.attempts.last()?))) {
            return Some(self.under_way(id, job, attempt));
        }
        let waiting = |job: &&Job| matches!(job.state, JobState::Waiting { .. });
        let index = run.jobs.iter().position(|job| waiting(&job));
        match index {
            Some(job) => Some(self.waiting(
                run,
                JobRef {
                    build: id.clone(),
                    job,
                },
            )),
            None => blocked(run),
        }
    }

    /// When a waiting job will begin, and how long it will take.
    pub fn forecast(&mut self, job: &JobRef) -> (Option<Timestamp>, jiff::SignedDuration) {
        let farm = self.farm;
        let run = farm.runs(&job.build).last();
        let length = match run.and_then(|run| run.jobs.get(job.job)) {
            Some(entry) => self.lengths.of(&job.build, entry),
            None => farm.policy().usual_length,
        };
        let Some(need) = farm.queue().need(job) else {
            return (None, length);
        };
        if !self.forecasts.contains_key(&need.host) {
            let forecast = Forecast::of(farm, &mut self.lengths, &need.host, self.now);
            self.forecasts.insert(need.host.clone(), forecast);
        }
        let ahead = || {
            let counted = farm.queue().ahead(job, WALKED).unwrap_or(0);
            // Further back it counts as one of the last: walking there costs what all that wait cost.
            let all = || farm.queue().lengths().find(|(host, _)| **host == need.host);
            let last = || all().map_or(counted, |(_, (ready, _))| ready);
            if counted < WALKED { counted } else { last() }
        };
        (self.forecasts[&need.host].start(job, ahead), length)
    }

    /// What is expected of the newest run of a build; none once it is over.
    pub fn expected(&mut self, id: &BuildId) -> Option<Expected> {
        let run = self.farm.runs(id).last()?;
        if run.verdict.is_some() {
            return None;
        }
        let under_way = run.jobs.iter().any(|job| job.state == JobState::Leased);
        let waiting = |job: &Job| matches!(job.state, JobState::Waiting { .. });
        let next = run.jobs.iter().position(waiting).filter(|_| !under_way);
        let start = next.and_then(|job| {
            let build = id.clone();
            self.forecast(&JobRef { build, job }).0
        });
        let seconds = self.usual_seconds(id, run);
        Some(Expected { start, seconds })
    }

    /// How long the jobs of a run usually take, in seconds.
    pub fn usual_seconds(&mut self, id: &BuildId, run: &Run) -> f64 {
        self.lengths.of_run(id, run).as_secs_f64()
    }

    fn under_way(&mut self, id: &BuildId, job: &Job, attempt: &Attempt) -> Reason {
        let (name, machine) = (job.name.clone(), attempt.machine.clone());
        match &attempt.state {
            AttemptState::Running { step, since, .. } => Reason::Running {
                job: name,
                machine,
                step: step.clone(),
                expected_end: Some(later(*since, self.lengths.of(id, job)).max(self.now)),
            },
            _ => Reason::Offered { job: name, machine },
        }
    }

    fn waiting(&mut self, run: &Run, job: JobRef) -> Reason {
        let farm = self.farm;
        let entry = &run.jobs[job.job];
        if let JobState::Waiting { not_before } = entry.state
            && not_before > self.now
        {
            return Reason::BackOff {
                until: not_before,
                after: last_trouble(entry),
            };
        }
        let build = farm.build(&job.build);
        let key = build.map(|build| &build.key);
        if let Some(BuildKind::Canary { .. }) = key.map(|key| &key.kind) {
            return canary_waits(farm, &job);
        }
        let Some(need) = farm.queue().need(&job).cloned() else {
            let builder = key.map(|key| key.builder.clone());
            return builder.map_or_else(
                || Reason::Needs {
                    job: entry.name.clone(),
                },
                |builder| Reason::NoBuilder { builder },
            );
        };
        if let Some(shut) = farm.queue().shut(&job) {
            return self.shut(shut);
        }
        self.without_machine(&job, need)
    }

    fn shut(&self, shut: Shut) -> Reason {
        match shut {
            Shut::Paused(builder) => self.paused(builder),
            Shut::Full { gate, limit } => {
                let quota = match gate {
                    Gate::Pause(name) | Gate::Builder(name) => Quota::Builder(name),
                    Gate::Host(name) => Quota::Host(name),
                    Gate::Repository(name) => Quota::Repository(name),
                };
                Reason::QuotaFull { quota, limit }
            }
        }
    }

    fn paused(&self, builder: BuilderName) -> Reason {
        let pause = self.farm.book().pause(&builder);
        Reason::Paused {
            by: pause.map(|pause| pause.actor.clone()).unwrap_or_default(),
            why: pause.map(|pause| pause.reason.clone()).unwrap_or_default(),
            builder,
        }
    }

    fn without_machine(&mut self, job: &JobRef, need: Need) -> Reason {
        let farm = self.farm;
        let fit = self.fit(&need);
        let fitting = fit.busy + fit.aside.len() + fit.unproved.len() + fit.draining.len();
        if let Some((until, lost_by)) = farm.parked(job, self.now) {
            return Reason::Elsewhere { until, lost_by };
        }
        if let Some(machine) = fit.idle {
            return Reason::Next { machine };
        }
        if let Some(reason) = self.by_pool(job, &need) {
            return reason;
        }
        if fitting == 0 {
            return self.nobody(need, fit);
        }
        let host = need.host;
        if fit.busy > 0 {
            let (ahead, or_more) = self.ahead(job);
            return Reason::AllBusy {
                host,
                machines: fit.busy,
                ahead,
                or_more,
                expected_start: self.begins(job),
            };
        }
        if !fit.aside.is_empty() {
            return Reason::MachinesAside {
                host,
                machines: fit.aside,
            };
        }
        match farm
            .canary_builder(&host)
            .filter(|_| !fit.unproved.is_empty())
        {
            Some(builder) => Reason::Canary {
                builder: builder.clone(),
                host,
                machines: fit.unproved,
            },
            None => Reason::HubDraining {
                host,
                hubs: fit.draining.into_iter().collect(),
            },
        }
    }

    /// No machine will do: what they lack, and those lack that are made.
    fn nobody(&self, need: Need, fit: Fit) -> Reason {
        let pool = self.farm.pool_of(&need.host);
        let pool = pool.filter(|pool| !need.labels.is_subset(&pool.labels));
        let missing = match pool {
            None if fit.of_host == 0 => BTreeSet::new(),
            _ => {
                let made = |label: &String| pool.is_some_and(|pool| pool.labels.contains(label));
                let missing = fit.missing.into_iter().filter(|label| !made(label));
                let nowhere = missing.collect::<BTreeSet<_>>();
                // Where each is somewhere, nothing has all.
                if nowhere.is_empty() {
                    need.labels
                } else {
                    nowhere
                }
            }
        };
        Reason::NoMachine {
            host: need.host,
            missing,
            pool: pool.map(|pool| pool.name.clone()),
        }
    }

    /// How many jobs go before this one, and whether there are more than were counted.
    fn ahead(&self, job: &JobRef) -> (usize, bool) {
        let ahead = self.farm.queue().ahead(job, self.counted());
        self.or_more(ahead)
    }

    /// The same of those that machines with these labels could do.
    fn ahead_with(&self, job: &JobRef, labels: &BTreeSet<String>) -> (usize, bool) {
        let queue = self.farm.queue();
        self.or_more(queue.ahead_with(job, labels, self.counted()))
    }

    fn counted(&self) -> usize {
        if self.foresees { COUNTED } else { GLANCED }
    }

    fn or_more(&self, ahead: Option<usize>) -> (usize, bool) {
        let ahead = ahead.unwrap_or(0);
        (ahead, ahead == self.counted())
    }

    fn begins(&mut self, job: &JobRef) -> Option<Timestamp> {
        self.foresees.then(|| self.forecast(job).0).flatten()
    }

    /// Where machines are made for what waits: the one that is made for this job, or why none is.
    fn by_pool(&mut self, job: &JobRef, need: &Need) -> Option<Reason> {
        let pool = self.farm.pool_of(&need.host)?;
        if !need.labels.is_subset(&pool.labels) {
            return None;
        }
        let most = pool.most;
        let (ahead, or_more) = self.ahead_with(job, &pool.labels);
        let mut coming: Vec<&Ordered> = self.farm.coming(&need.host, self.now).collect();
        coming.sort_by_key(|of| (nearness(&of.line.stand), of.line.since));
        let orders = self.farm.orders_of(&need.host);
        let failing = orders
            .filter(|of| of.is_failing())
            .min_by_key(|of| of.line.since);
        if let Some(of) = coming.get(ahead).copied().or(failing) {
            return Some(ordered(of));
        }
        let all = self.farm.orders_of(&need.host).count();
        (all >= most as usize).then(|| Reason::PoolFull {
            host: need.host.clone(),
            most,
            ahead,
            or_more,
            expected_start: self.begins(job),
        })
    }

    fn fit(&mut self, need: &Need) -> Fit {
        if let Some(known) = self.fits.get(need) {
            return known.clone();
        }
        let mut fit = Fit {
            missing: need.labels.clone(),
            ..Fit::default()
        };
        for machine in self.farm.machines_like(&need.host) {
            fit.of_host += 1;
            fit.missing.retain(|label| !machine.labels.contains(label));
            if machine.fits(need) {
                self.sort_in(machine, &mut fit);
            }
        }
        self.fits.insert(need.clone(), fit.clone());
        fit
    }

    fn sort_in(&self, machine: &Machine, fit: &mut Fit) {
        match machine.standing {
            Standing::Idle => fit.idle = fit.idle.take().or_else(|| Some(machine.id.clone())),
            Standing::Busy | Standing::Held | Standing::Suspect => fit.busy += 1,
            Standing::Unproved if fit.unproved.len() < NAMED => {
                fit.unproved.push(machine.id.clone());
            }
            Standing::Barred if fit.aside.len() < NAMED => {
                fit.aside.extend(set_aside(self.farm, machine));
            }
            Standing::HubDraining => drop(fit.draining.insert(machine.hub.clone())),
            Standing::Unproved | Standing::Barred => {}
        }
    }
}

/// The order in which machines that are made come to be of use.
fn nearness(stand: &OrderStand) -> u8 {
    match stand {
        OrderStand::Here { .. } => 0,
        OrderStand::Made { .. } => 1,
        OrderStand::Wanted => 2,
        OrderStand::Waits { .. } | OrderStand::Ending { .. } => 3,
    }
}

fn ordered(of: &Ordered) -> Reason {
    let line = of.line.clone();
    Reason::Ordered {
        host: line.order.host_type,
        pool: line.order.pool,
        machine: line.order.machine,
        stand: line.stand,
        since: line.since,
    }
}

/// Why a machine is not used, and who says so.
#[must_use]
pub fn set_aside(farm: &Farm, machine: &Machine) -> Option<SetAside> {
    let name = machine.id.name()?;
    let (why, until) = match (farm.book().drain(&name), farm.book().aside(&name)) {
        (Some(drain), _) => (
            format!("drained by {}: {}", drain.actor, drain.reason),
            None,
        ),
        (None, Some(aside)) => (aside.reason.clone(), aside.until),
        (None, None) => (farm.why_given_up(&name)?, None),
    };
    Some(SetAside {
        machine: machine.id.clone(),
        why,
        until,
    })
}

/// A known job waits for the machine that is to prove itself with it.
fn canary_waits(farm: &Farm, job: &JobRef) -> Reason {
    let builder = farm
        .build(&job.build)
        .map(|build| build.key.builder.clone());
    let machines = farm.proves(&job.build);
    let host = builder
        .as_ref()
        .and_then(|builder| farm.config().builders.get(builder))
        .map(|builder| builder.host.clone());
    match (builder, host) {
        (Some(builder), Some(host)) => Reason::Canary {
            host,
            builder,
            machines,
        },
        (Some(builder), None) => Reason::NoBuilder { builder },
        (None, _) => unreachable!("a job's build is known"),
    }
}

fn blocked(run: &Run) -> Option<Reason> {
    let job = run.jobs.iter().find(|job| job.state == JobState::Blocked)?;
    let open = |need: &&farm_model::id::JobName| run.jobs.iter().any(|other| other.name == **need);
    let job = job.needs.iter().find(open)?.clone();
    Some(Reason::Needs { job })
}

fn last_trouble(job: &Job) -> String {
    match job.attempts.last().map(|attempt| &attempt.state) {
        Some(AttemptState::Gone { reason, .. }) => reason.clone(),
        Some(AttemptState::Finished { report, .. }) => report.reason.clone(),
        _ => "a change".to_owned(),
    }
}
