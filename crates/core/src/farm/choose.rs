//! Which job next, on which machine.

use jiff::Timestamp;

use farm_model::id::{AttemptKey, HostType, MachineId};
use farm_model::record::JobState;

use super::{Farm, newest};
use crate::effects::{Effects, ViewKey};
use crate::queue::{JobRef, Need, Rank};

/// Parked jobs that are looked at in one decision.
const UNPARKED: usize = 200;

/// Where the first job that anything is idle for goes.
enum Pick {
    Take(JobRef, MachineId),
    /// All that is idle has lost it, and for a while it waits for another machine.
    Park(JobRef, Timestamp),
}

impl Farm {
    /// Time has passed: pauses end, silence becomes loss, old keys are forgotten.
    pub(super) fn tick(&mut self, now: Timestamp, effects: &mut Effects) {
        if now.duration_since(self.ticked) > self.policy.slept {
            // Heartbeats may be waiting behind this very tick.
            self.listening_since = now;
        }
        self.ticked = now;
        self.inbox.forget_before(self.inbox_limit(now));
        self.lose_silent(now, effects);
        self.forget_silent_machines(now, effects);
        self.miss_machines(now, effects);
        self.note_time(now, effects);
        self.watch_gaps(now, effects);
        self.end_overdue(now, effects);
        self.forget_losses(now);
        self.shares.forget(now);
        self.forget_over(now);
    }

    /// Leases waiting jobs to idle machines until one of the two runs out; returns how many.
    pub fn choose(&mut self, now: Timestamp, effects: &mut Effects) -> usize {
        effects.now = now;
        self.judge_machines(now, effects);
        self.release_machines(now, effects);
        self.look_for_culprits(now, effects);
        self.look_for_breakages(now, effects);
        self.tell_breakages(now, effects);
        self.queue.wake(now);
        self.unpark();
        let mut leased = self.continue_on_held(now, effects);
        leased += self.prove_machines(now, effects);
        let hosts: Vec<HostType> = self.queue.hosts().cloned().collect();
        for host in hosts {
            leased += self.choose_for(&host, now, effects);
        }
        self.look_after_machines(now, effects);
        leased
    }

    fn choose_for(&mut self, host: &HostType, now: Timestamp, effects: &mut Effects) -> usize {
        let mut leased = 0;
        while let Some(pick) = self.pick(host, now) {
            match pick {
                Pick::Take(job, machine) => {
                    leased += usize::from(self.lease_or_end(&job, &machine, now, effects));
                }
                Pick::Park(job, until) => self.queue.park(&job, until),
            }
        }
        leased
    }

    fn lease_or_end(
        &mut self,
        job: &JobRef,
        machine: &MachineId,
        now: Timestamp,
        effects: &mut Effects,
    ) -> bool {
        let leased = self.lease(job, machine, now, effects).is_some();
        if !leased {
            self.cannot_lease(job, now, effects);
        }
        leased
    }

    /// The first job in order that a machine is idle for.
    fn pick(&self, host: &HostType, now: Timestamp) -> Option<Pick> {
        if !self.fleet.idle().any(host) {
            return None;
        }
        let mut firsts: Vec<(&Rank, &Need, &JobRef)> = self
            .queue
            .first_of_each(host)
            .map(|(need, rank, job)| (rank, need, job))
            .collect();
        firsts.sort();
        firsts
            .into_iter()
            .find_map(|(_, need, job)| self.machine_for(need, job, now))
    }

    /// An idle machine that has not lost this job; for a while none rather than one that has.
    fn machine_for(&self, need: &Need, job: &JobRef, now: Timestamp) -> Option<Pick> {
        let idle = self.fleet.idle();
        let take = |machine: &MachineId| Some(Pick::Take(job.clone(), machine.clone()));
        let Some(last) = self.attempts_of(job).last().map(|attempt| &attempt.machine) else {
            return take(idle.best(need, &[])?);
        };
        let (spurned, until) = self.spurned(job);
        let others: Vec<MachineId> = spurned.iter().chain([last]).cloned().collect();
        if let Some(machine) = idle
            .best(need, &others)
            .or_else(|| idle.best(need, &spurned))
        {
            return take(machine);
        }
        let any = idle.best(need, &[])?;
        let mut fit = self
            .fleet
            .of_host(&need.host)
            .filter(|machine| machine.fits(need));
        if now < until && fit.any(|machine| machine.is_in_use() && !spurned.contains(&machine.id)) {
            return Some(Pick::Park(job.clone(), until));
        }
        take(any)
    }

    /// Until when a parked job waits for another machine than those that have lost it.
    pub(crate) fn parked(
        &self,
        job: &JobRef,
        now: Timestamp,
    ) -> Option<(Timestamp, Vec<MachineId>)> {
        let parked = self.queue.is_parked(job);
        let (machines, until) = self.spurned(job);
        (parked && until > now).then_some((until, machines))
    }

    /// Parked jobs for which a machine has become idle that has not lost them.
    fn unpark(&mut self) {
        let wanted = |job: &&JobRef| {
            let need = self.queue.need(job);
            need.is_some_and(|need| self.fleet.idle().best(need, &self.spurned(job).0).is_some())
        };
        let jobs = self.queue.parked().take(UNPARKED).filter(wanted);
        for job in jobs.cloned().collect::<Vec<_>>() {
            self.queue.unpark(&job);
        }
    }

    /// Machines that are kept as a job left them get the next job of its run; those that none will come to are let go.
    fn continue_on_held(&mut self, now: Timestamp, effects: &mut Effects) -> usize {
        let held = self.fleet.held().map(|(id, of)| (id.clone(), of.clone()));
        let mut leased = 0;
        for (machine, attempt) in held.collect::<Vec<_>>() {
            match self.next_of_run(&attempt, &machine) {
                Next::Ready(job) => {
                    leased += usize::from(self.lease_or_end(&job, &machine, now, effects));
                }
                Next::Later => {}
                Next::Never => self.fleet.let_go(&machine),
            }
        }
        leased
    }

    /// Whether a machine is of the kind that a job wants: what is made across goes on elsewhere.
    pub(super) fn fits(&self, machine: &MachineId, job: &JobRef) -> bool {
        let lane = self.lane_of(job);
        let machine = self.fleet.machine(machine);
        lane.zip(machine)
            .is_some_and(|(lane, machine)| machine.fits(&lane.need))
    }

    fn next_of_run(&self, attempt: &AttemptKey, machine: &MachineId) -> Next {
        let run = self.runs.get(&attempt.build).map(|runs| newest(runs));
        let Some(run) = run.filter(|run| run.number == attempt.run && run.verdict.is_none()) else {
            return Next::Never;
        };
        let mut next = Next::Never;
        for (index, job) in run.jobs.iter().enumerate() {
            let waits = matches!(job.state, JobState::Blocked | JobState::Waiting { .. });
            if job.needs.is_empty() || !waits {
                continue;
            }
            let job = JobRef {
                build: attempt.build.clone(),
                job: index,
            };
            if !self.fits(machine, &job) {
                continue;
            }
            if self.queue.is_ready(&job) && self.queue.shut(&job).is_none() {
                return Next::Ready(job);
            }
            next = Next::Later;
        }
        next
    }

    /// Where the queue or the machines of a host type have changed, machines may be wanted or not any more, and its document
    /// is out of date.
    fn look_after_machines(&mut self, now: Timestamp, effects: &mut Effects) {
        let mut hosts = self.queue.take_changed();
        hosts.append(&mut self.fleet.take_changed());
        self.keep_pools(&hosts, now, effects);
        hosts.append(&mut self.fleet.take_changed());
        let keys = hosts.into_iter().map(|host| ViewKey::Queue { host });
        effects.dirty.extend(keys);
    }
}

/// What comes of a machine that is kept.
enum Next {
    /// This job goes on there.
    Ready(JobRef),
    /// One will.
    Later,
    /// None will.
    Never,
}
