//! Which job next, on which machine.

use jiff::Timestamp;

use farm_model::id::{HostType, MachineId};
use farm_model::record::Attempt;

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
        self.end_overdue(now, effects);
        self.forget_over(now);
    }

    /// Leases waiting jobs to idle machines until one of the two runs out; returns how many.
    pub fn choose(&mut self, now: Timestamp, effects: &mut Effects) -> usize {
        effects.now = now;
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
                    self.cannot_lease(&job, now, effects);
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

    /// Quotas or pauses have changed.
    pub(super) fn lanes_changed(&mut self) {}
}
