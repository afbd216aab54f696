//! Which job next, on which machine.

use jiff::Timestamp;

use farm_model::config::{Builder, Clean, Recipe};
use farm_model::id::{AttemptKey, HostType, MachineId};
use farm_model::message::work::{RunJob, SourceRef};
use farm_model::record::{Attempt, AttemptState, Build, JobState, Run};

use super::attempts::is_loss;
use super::{Farm, newest};
use crate::effects::Effects;
use crate::policy::{earlier, later};
use crate::queue::JobRef;

/// Where a job goes.
enum Pick {
    Take(MachineId),
    /// What is idle has just lost it, and another machine will be free some time.
    Elsewhere,
    Nothing,
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
        self.watch_gaps(now, effects);
    }

    /// Leases waiting jobs to idle machines until one of the two runs out; returns how many.
    pub fn choose(&mut self, now: Timestamp, effects: &mut Effects) -> usize {
        self.queue.wake(now);
        let hosts: Vec<HostType> = self.queue.hosts().cloned().collect();
        let mut leased = 0;
        for host in hosts {
            while let Some(job) = self.queue.first(&host).cloned() {
                let machine = match self.machine_for(&job, &host, now) {
                    Pick::Take(machine) => machine,
                    Pick::Elsewhere => {
                        self.wait_again(&job, later(now, self.policy.back_off), now);
                        continue;
                    }
                    Pick::Nothing => break,
                };
                if self.lease(&job, &machine, now, effects).is_none() {
                    // A job that cannot be described is not waiting: take it out rather than spin on it.
                    self.queue.take(&job);
                    continue;
                }
                leased += 1;
            }
        }
        leased
    }

    /// An idle machine that has not lost this job lately; one that has only if there is no other.
    fn machine_for(&self, job: &JobRef, host: &HostType, now: Timestamp) -> Pick {
        let attempts = self
            .runs
            .get(&job.build)
            .and_then(|runs| newest(runs).jobs.get(job.job))
            .map_or(&[][..], |job| &job.attempts);
        let since = earlier(now, self.policy.elsewhere);
        let lost_by = |machine: &MachineId| {
            let lately = |attempt: &Attempt| attempt.leased > since && attempt.machine == *machine;
            attempts
                .iter()
                .any(|attempt| lately(attempt) && is_loss(attempt))
        };
        let last = attempts.last().map(|attempt| &attempt.machine);
        let other = |id: &&MachineId| Some(*id) != last && !lost_by(id);
        let Some(first) = self.fleet.idle(host).next() else {
            return Pick::Nothing;
        };
        if let Some(id) = self.fleet.idle(host).find(other) {
            return Pick::Take(id.clone());
        }
        let busy_elsewhere = lost_by(first)
            && self
                .fleet
                .machines()
                .any(|machine| machine.host_type == *host && !lost_by(&machine.id));
        if busy_elsewhere {
            Pick::Elsewhere
        } else {
            Pick::Take(first.clone())
        }
    }

    fn lease(
        &mut self,
        job: &JobRef,
        machine: &MachineId,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Option<()> {
        let hub = self.fleet.machine(machine)?.hub.clone();
        let build = self.builds.get(&job.build)?;
        let builder = self.config.builders.get(&build.key.builder)?;
        let start_by = later(now, self.policy.offer);
        let run = self.runs.get_mut(&job.build)?.last_mut()?;
        let entry = run.jobs.get_mut(job.job)?;
        let last = entry.attempts.last().map_or(0, |attempt| attempt.number);
        let number = last.checked_add(1)?;
        entry.state = JobState::Leased;
        entry.attempts.push(Attempt {
            number,
            hub,
            machine: machine.clone(),
            leased: now,
            start_by,
            state: AttemptState::Offered,
            last_seq: 0,
            mentioned: None,
        });
        let name = entry.name.clone();
        let key = run.attempt_key(&name, number);
        let url = self
            .config
            .repositories
            .get(&build.key.repo)
            .and_then(|repository| repository.url.clone());
        let clean = self
            .config
            .hosts
            .get(&builder.host)
            .map_or(Clean::Wipe, |host| host.clean);
        let work = work(
            build,
            builder,
            run,
            key.clone(),
            clean,
            url.unwrap_or_default(),
        )?;
        effects.tell(format!("work:{key}"), now, &work);
        effects.transition(
            now,
            run,
            "leased",
            &[
                ("machine", machine.to_string()),
                ("attempt", number.to_string()),
            ],
        );
        self.queue.take(job);
        self.fleet.reserve(machine, &key);
        self.leases.insert(key, job.clone());
        self.touch(&job.build, effects);
        Some(())
    }
}

/// What the hub is told.
fn work(
    build: &Build,
    builder: &Builder,
    run: &Run,
    attempt: AttemptKey,
    clean: Clean,
    url: String,
) -> Option<RunJob> {
    let lease = super::current_attempt(run)?;
    let Recipe::Steps { steps } = &builder.recipe;
    Some(RunJob {
        hub: lease.hub.clone(),
        machine: lease.machine.clone(),
        attempt,
        builder: build.key.builder.clone(),
        source: SourceRef {
            repo: build.key.repo.clone(),
            url,
            commit: build.key.commit.clone(),
            branch: build.key.branch.clone(),
        },
        steps: steps.clone(),
        env: builder.env.clone(),
        start_by: lease.start_by,
        timeout_seconds: builder.timeout_seconds,
        log_limit_bytes: builder.log_limit_bytes,
        clean,
    })
}
