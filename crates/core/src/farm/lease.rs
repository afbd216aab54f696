//! A job goes to a machine: the attempt, and what the hub is told.

use jiff::Timestamp;

use farm_model::config::Clean;
use farm_model::id::{AttemptKey, BlobId, BuildId, JobName, MachineId};
use farm_model::message::work::RunJob;
use farm_model::record::{Attempt, AttemptState, Job, JobState, Part, Run};
use farm_model::trace::TraceParent;

use super::{Farm, newest};
use crate::effects::Effects;
use crate::policy::later;
use crate::queue::JobRef;
use crate::recipe::{self, Base, Context};

impl Farm {
    /// Leases `job` to `machine`; none if it cannot be described: its builder is gone, or what it goes on from is.
    pub(super) fn lease(
        &mut self,
        job: &JobRef,
        machine: &MachineId,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Option<()> {
        let base = self.base_for(job, machine)?;
        let continues = match base {
            Base::WorkDir => self.held_by(machine).cloned(),
            _ => None,
        };
        let hub = self.fleet.machine(machine)?.hub.clone();
        let start_by = later(now, self.policy.offer);
        let run = self.runs.get_mut(&job.build)?.last_mut()?;
        let entry = run.jobs.get_mut(job.job)?;
        if !matches!(entry.state, JobState::Waiting { .. }) {
            return None;
        }
        let last = entry.attempts.last().map_or(0, |attempt| attempt.number);
        let number = last.checked_add(1)?;
        let name = entry.name.clone();
        let attempt = Attempt {
            number,
            hub,
            machine: machine.clone(),
            leased: now,
            start_by,
            state: AttemptState::Offered,
            last_seq: 0,
            continues,
            mentioned: None,
        };
        let key = run.attempt_key(&name, number);
        let work = self.work(job, &attempt, key.clone(), &base)?;
        self.start_attempt(job, attempt)?;
        self.begin(&job.build, now);
        effects.tell_traced(format!("work:{key}"), now, &work, self.trace(&job.build));
        let run = newest(&self.runs[&job.build]);
        effects.transition(
            now,
            run,
            "leased",
            &[
                ("job", name.to_string()),
                ("machine", machine.to_string()),
                ("attempt", number.to_string()),
            ],
        );
        self.queue.start(job);
        self.fleet.reserve(machine, &key);
        self.leases.insert(key, job.clone());
        self.touch(&job.build, effects);
        Some(())
    }

    fn start_attempt(&mut self, job: &JobRef, attempt: Attempt) -> Option<()> {
        let entry = self.job_mut(job)?;
        entry.state = JobState::Leased;
        entry.attempts.push(attempt);
        Some(())
    }

    /// What a job would go on from on this machine; none where there is nothing it could.
    pub(super) fn base_for(&self, job: &JobRef, machine: &MachineId) -> Option<Base> {
        let run = newest(self.runs.get(&job.build)?);
        let entry = run.jobs.get(job.job)?;
        let context = self.context(&job.build)?;
        if self.continues_on(run, entry, machine) && self.fits(machine, job) {
            return Some(Base::WorkDir);
        }
        if let Some(snapshot) = self.snapshot_of(run, entry, &context) {
            return Some(Base::Snapshot(snapshot));
        }
        recipe::begins_with_nothing(&context, entry).then_some(Base::Nothing)
    }

    /// Whether the machine's work dir is as another job of this run left it, and this job can go on there.
    pub(super) fn continues_on(&self, run: &Run, job: &Job, machine: &MachineId) -> bool {
        !job.needs.is_empty()
            && self
                .held_by(machine)
                .is_some_and(|held| held.build == run.build && held.run == run.number)
    }

    fn held_by(&self, machine: &MachineId) -> Option<&AttemptKey> {
        self.fleet.machine(machine)?.held.as_ref()
    }

    /// What the setup that a job needs has kept: in this run, or for another build of the same commit.
    fn snapshot_of(&self, run: &Run, job: &Job, context: &Context<'_>) -> Option<BlobId> {
        let of_need = |need: &JobName| {
            let setup = run.jobs.iter().find(|other| other.name == *need)?;
            match &setup.attempts.last()?.state {
                AttemptState::Finished { report, .. } => report.snapshot.clone(),
                _ => None,
            }
        };
        let own = job.needs.iter().find_map(of_need);
        own.or_else(|| recipe::known_snapshot(context, job))
    }

    /// What recipes look at.
    pub(super) fn context(&self, id: &BuildId) -> Option<Context<'_>> {
        let build = self.builds.get(id)?;
        Some(Context {
            config: &self.config,
            builder: self.config.builders.get(&build.key.builder)?,
            build,
            book: &self.book,
            branches: &self.branches,
        })
    }

    fn trace(&self, id: &BuildId) -> Option<&TraceParent> {
        newest(self.runs.get(id)?).trace.as_ref()
    }

    /// What the hub is told.
    fn work(&self, job: &JobRef, lease: &Attempt, key: AttemptKey, base: &Base) -> Option<RunJob> {
        let context = self.context(&job.build)?;
        let run = newest(self.runs.get(&job.build)?);
        let entry = run.jobs.get(job.job)?;
        let program = recipe::program(&context, entry, base);
        let host = self.config.hosts.get(recipe::host(&context, entry));
        Some(RunJob {
            hub: lease.hub.clone(),
            machine: lease.machine.clone(),
            attempt: key,
            builder: context.build.key.builder.clone(),
            source: recipe::source(&context),
            continues: lease.continues.clone(),
            hold_seconds: self.hold(run, job),
            steps: program.steps,
            env: program.env,
            start_by: lease.start_by,
            timeout_seconds: context.builder.timeout_seconds,
            log_limit_bytes: context.builder.log_limit_bytes,
            clean: host.map_or(Clean::Wipe, |host| host.clean),
        })
    }

    /// For how long the machine is kept for the run's other jobs: those that need something, and are not under way.
    pub(super) fn hold(&self, run: &Run, job: &JobRef) -> u64 {
        let host = |job: &JobRef| self.lane_of(job).map(|lane| lane.need.host);
        let own = host(job);
        let builders = self.context(&job.build).map(|of| of.builder.host.clone());
        // What follows a setup is not known yet; it wants its builder's machines.
        let is_setup = run.jobs[job.job].part == Part::Setup && own == builders;
        let waiting = |(index, other): (usize, &Job)| {
            index != job.job
                && !other.needs.is_empty()
                && matches!(other.state, JobState::Blocked | JobState::Waiting { .. })
                && host(&JobRef {
                    build: job.build.clone(),
                    job: index,
                }) == own
        };
        if is_setup || run.jobs.iter().enumerate().any(waiting) {
            u64::try_from(self.policy.hold.as_secs()).unwrap_or(0)
        } else {
            0
        }
    }
}
