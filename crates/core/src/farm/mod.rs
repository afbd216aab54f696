//! The state of the farm, and what facts and time do to it.

mod aside;
mod attempts;
mod beat;
mod breakage;
mod builds;
mod burst;
mod canary;
mod cancel;
mod carried;
mod choose;
mod commands;
mod culprit;
mod external;
mod fleet;
mod graph;
mod idle;
mod inbox;
mod learn;
mod lease;
mod ledger;
mod number;
mod observe;
mod owned;
mod place;
mod places;
mod poison;
mod pools;
mod recall;
mod saved;
mod show;
mod silence;
mod snapshots;
mod stand;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use farm_model::config::FarmConfig;
use farm_model::id::{AttemptKey, BuildId, BuilderName, CommitId, HubId, RepoName};
use farm_model::kept::{Kept, KeptKind};
use farm_model::record::{
    Attempt, AttemptState, Branch, Build, CommitInfo, JobState, OwnedMachine, Run,
};
use farm_model::trace::TraceParent;
use farm_model::view::{FeedEvent, Status};

pub use carried::Carried;
pub(crate) use culprit::{failed_tests, is_again};
pub use fleet::{Hub, Machine};
pub(crate) use graph::is_excused;
pub use idle::Standing;
pub(crate) use learn::has_passed;
pub use learn::{timed_as, trust};
pub use number::all_numbers;
pub use recall::Unknown;

use crate::book::Book;
use crate::effects::{Effects, ViewKey};
use crate::fact::Fact;
use crate::policy::Policy;
use crate::queue::{JobRef, Queue, Shares};
use aside::Losses;
use breakage::Breakages;
use canary::Canaries;
use culprit::Searches;
use fleet::Fleet;
use inbox::Inbox;
use ledger::Found;
use owned::Owned;
use places::Places;
use pools::Pools;
use stand::Stands;
pub(crate) use stand::stand;
pub use stand::{current_attempt, status_of};

/// What a new leader starts from: the records of the store.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The `farm.toml` in force, parsed, and its digest.
    pub config: Option<(String, FarmConfig)>,
    /// Branches as last observed.
    pub branches: Vec<Branch>,
    /// Builds.
    pub builds: Vec<Build>,
    /// Their runs, in any order.
    pub runs: Vec<Run>,
    /// De-duplication keys used up, and when, oldest first.
    pub inbox: Vec<(String, Timestamp)>,
    /// The feed, oldest first.
    pub feed: Vec<FeedEvent>,
    /// Machines with an owner.
    pub owned: Vec<OwnedMachine>,
    /// Small records.
    pub kept: Vec<Kept>,
}

/// The whole farm in memory, with the indexes that make decisions cheap.
#[derive(Debug)]
pub struct Farm {
    policy: Policy,
    digest: String,
    config: FarmConfig,
    branches: BTreeMap<(RepoName, String), Branch>,
    builds: HashMap<BuildId, Build>,
    /// Oldest first; never empty.
    runs: HashMap<BuildId, Vec<Run>>,
    by_commit: Places,
    /// Builds whose newest run is open, by when that was opened.
    open: BTreeSet<(Timestamp, BuildId)>,
    queue: Queue,
    /// Current attempts.
    leases: BTreeMap<AttemptKey, JobRef>,
    /// Of these, the last one that was looked at for silence.
    looked: Option<AttemptKey>,
    fleet: Fleet,
    owned: Owned,
    stands: Stands,
    book: Book,
    losses: Losses,
    pools: Pools,
    shares: Shares,
    searches: Searches,
    breakages: Breakages,
    canaries: Canaries,
    /// When runs that have begun must be over.
    deadlines: BTreeSet<(Timestamp, BuildId, u32)>,
    /// The trace of what is being taken in.
    trace_of_cause: Option<TraceParent>,
    /// Builds that are over, by when they may leave the memory first.
    over: BTreeSet<(Timestamp, BuildId)>,
    inbox: Inbox,
    found: Found,
    feed: std::collections::VecDeque<FeedEvent>,
    troubles: BTreeMap<String, String>,
    /// Silence counts from here: a new leader has heard of nobody yet.
    listening_since: Timestamp,
    /// When time was last looked at: a leader that slept has not listened.
    ticked: Timestamp,
}

impl Farm {
    /// The farm as saved. Whoever was running is given the grace period to be heard of again.
    #[must_use]
    pub fn restore(policy: Policy, saved: Saved, now: Timestamp) -> Self {
        let (digest, config) = saved
            .config
            .unwrap_or_else(|| (String::new(), empty_config()));
        let mut farm = Self {
            policy,
            digest,
            config,
            branches: BTreeMap::new(),
            builds: HashMap::new(),
            runs: HashMap::new(),
            by_commit: Places::default(),
            open: BTreeSet::new(),
            queue: Queue::default(),
            leases: BTreeMap::new(),
            looked: None,
            fleet: Fleet::default(),
            owned: Owned::new(saved.owned),
            stands: Stands::default(),
            book: Book::new(saved.kept),
            losses: Losses::default(),
            pools: Pools::default(),
            shares: Shares::default(),
            searches: Searches::default(),
            breakages: Breakages::default(),
            canaries: Canaries::default(),
            deadlines: BTreeSet::new(),
            trace_of_cause: None,
            over: BTreeSet::new(),
            inbox: Inbox::new(saved.inbox),
            found: Found::default(),
            feed: saved.feed.into(),
            troubles: BTreeMap::new(),
            listening_since: now,
            ticked: now,
        };
        // A branch without commits has vanished at its source.
        for branch in saved
            .branches
            .into_iter()
            .filter(|branch| !branch.commits.is_empty())
        {
            let branch = number::numbered_at_least(branch);
            farm.branches
                .insert((branch.repo.clone(), branch.name.clone()), branch);
        }
        for build in saved.builds {
            farm.index_build(build);
        }
        for run in saved.runs {
            farm.runs.entry(run.build.clone()).or_default().push(run);
        }
        for runs in farm.runs.values_mut() {
            runs.sort_by_key(|run| run.number);
        }
        farm.reopen(now);
        farm.know_stands();
        farm.know_orders();
        farm.bar_all();
        farm.take_stock();
        farm
    }

    /// Machines that were drained, set aside or given up stay so.
    fn bar_all(&mut self) {
        let of = |kind| self.book.of(kind);
        let kept = of(KeptKind::Drain).chain(of(KeptKind::Aside));
        let names: Vec<_> = kept
            .chain(of(KeptKind::Order))
            .filter_map(|kept| match kept {
                Kept::Drain(drain) => Some(drain.machine.clone()),
                Kept::Aside(aside) => Some(aside.machine.clone()),
                Kept::Order(ordered) => Some(ordered.line.order.machine.clone()),
                _ => None,
            })
            .collect();
        for name in names {
            self.bar_as_kept(&name);
        }
    }

    /// Puts every open job where it belongs: into the queue or among the leases.
    fn reopen(&mut self, now: Timestamp) {
        let mut open: Vec<(Timestamp, BuildId)> = self
            .runs
            .iter()
            .filter(|(_, runs)| newest(runs).verdict.is_none())
            .map(|(id, runs)| (newest(runs).opened, id.clone()))
            .collect();
        let ended: Vec<(BuildId, Timestamp)> = self
            .runs
            .iter()
            .filter_map(|(id, runs)| Some((id.clone(), newest(runs).verdict.as_ref()?.at)))
            .collect();
        for (id, at) in ended {
            self.note_over(id, at, now);
        }
        // In the order in which they were wanted: shares depend on it.
        open.sort();
        for (_, id) in open {
            self.reopen_run(&id, now);
        }
    }

    fn reopen_run(&mut self, id: &BuildId, now: Timestamp) {
        let run = newest(&self.runs[id]);
        self.open.insert((run.opened, id.clone()));
        if let Some(began) = run.began() {
            let deadline = crate::policy::later(began, self.policy.run_limit);
            self.deadlines.insert((deadline, id.clone(), run.number));
        }
        let (mut waiting, mut leased) = (Vec::new(), Vec::new());
        for (job, entry) in run.jobs.iter().enumerate() {
            match (&entry.state, entry.attempts.last()) {
                (JobState::Waiting { not_before }, _) => waiting.push((job, *not_before)),
                (JobState::Leased, Some(attempt)) => {
                    let key = run.attempt_key(&entry.name, attempt.number);
                    leased.push((job, key, attempt.clone()));
                }
                _ => {}
            }
        }
        let of = |job| JobRef {
            build: id.clone(),
            job,
        };
        for (job, not_before) in waiting {
            self.enqueue(&of(job), not_before, now);
        }
        for (job, key, attempt) in leased {
            self.lease_again(of(job), key, &attempt, now);
        }
    }

    /// Whoever was at work when the last leader ended still is, as far as is known.
    fn lease_again(&mut self, job: JobRef, key: AttemptKey, attempt: &Attempt, now: Timestamp) {
        if let AttemptState::Running { session, .. } = &attempt.state {
            self.fleet.expect(&attempt.hub, session, now);
        }
        self.fleet.reserve(&attempt.machine, &key);
        if let Some(lane) = self.lane_of(&job) {
            self.queue.started(&job, &lane);
        }
        self.leases.insert(key, job);
    }

    /// Tells the farm a fact. What must be stored and told is added to `effects`.
    pub fn apply(&mut self, fact: Fact, now: Timestamp, effects: &mut Effects) {
        effects.now = now;
        match fact {
            Fact::Heard(activity) => self.hear(activity, now, effects),
            Fact::Observed(observation) => self.observe(observation, now, effects),
            Fact::Configured { digest, config } => self.configure(digest, *config, now, effects),
            Fact::Trouble { about, text } => self.trouble(about, text, effects),
            Fact::Command(command) => self.command(command, now, effects),
            Fact::Progress(progress) => self.progress(progress, now, effects),
            Fact::Heartbeat(heartbeat) => self.heartbeat(heartbeat, now, effects),
            Fact::MachineGone(gone) => self.machine_gone(&gone, now, effects),
            Fact::Order(progress) => self.order_told(progress, now, effects),
            Fact::Refused(refusal) => self.refuse(refusal, now, effects),
            Fact::Found(activity) => self.found(&activity, now, effects),
            Fact::Recalled { builds } => self.recall(builds, now),
            Fact::Deaf => self.listening_since = now,
            Fact::Tick => self.tick(now, effects),
        }
    }

    fn trouble(&mut self, about: String, text: Option<String>, effects: &mut Effects) {
        let before = self.troubles.get(&about);
        if before != text.as_ref() {
            match text {
                Some(text) => self.troubles.insert(about, text),
                None => self.troubles.remove(&about),
            };
            effects.dirty.insert(ViewKey::Farm);
        }
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &FarmConfig {
        &self.config
    }

    /// The digest of the configuration in force; empty before the first.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The farm's numbers.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Branches, by repository and name.
    pub fn branches(&self) -> impl Iterator<Item = &Branch> {
        self.branches.values()
    }

    /// A branch.
    #[must_use]
    pub fn branch(&self, repo: &RepoName, name: &str) -> Option<&Branch> {
        self.branches.get(&(repo.clone(), name.to_owned()))
    }

    /// A build.
    #[must_use]
    pub fn build(&self, id: &BuildId) -> Option<&Build> {
        self.builds.get(id)
    }

    /// A build's runs, oldest first.
    #[must_use]
    pub fn runs(&self, id: &BuildId) -> &[Run] {
        self.runs.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    /// The builds of a commit, of whichever repository, by builder.
    pub(crate) fn builds_of(&self, commit: &CommitId) -> impl Iterator<Item = &Build> {
        let ids = self.by_commit.of(commit);
        ids.filter_map(|id| self.builds.get(id))
    }

    /// The builds of a commit on one builder, of whichever repository.
    pub(crate) fn builds_at(
        &self,
        builder: &BuilderName,
        commit: &CommitId,
    ) -> impl Iterator<Item = &Build> {
        let ids = self.by_commit.at(builder, commit).iter();
        ids.filter_map(|id| self.builds.get(id))
    }

    /// Builds that are not over, oldest first.
    pub fn open(&self) -> impl ExactSizeIterator<Item = &BuildId> {
        self.open.iter().map(|(_, id)| id)
    }

    /// Attempts that are current.
    #[must_use]
    pub fn leased(&self) -> usize {
        self.leases.len()
    }

    /// Machines connected.
    pub fn machines(&self) -> impl ExactSizeIterator<Item = &Machine> {
        self.fleet.machines()
    }

    /// Hubs heard since this leader started, by name.
    pub fn hubs(&self) -> impl Iterator<Item = (&HubId, &Hub)> {
        self.fleet.hubs()
    }

    /// Machines with an owner, by name.
    pub fn owned(&self) -> impl Iterator<Item = &OwnedMachine> {
        self.owned.iter()
    }

    /// The feed, oldest first.
    pub fn feed(&self) -> impl Iterator<Item = &FeedEvent> {
        self.feed.iter()
    }

    /// What an operator should know.
    pub fn troubles(&self) -> impl Iterator<Item = String> + '_ {
        self.troubles
            .iter()
            .map(|(about, text)| format!("{about}: {text}"))
    }

    /// The small records.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The waiting jobs.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Whether this de-duplication key is used up.
    #[must_use]
    pub fn has_seen(&self, key: &str) -> bool {
        self.inbox.has(key)
    }

    /// The state of a build's newest run.
    #[must_use]
    pub fn status(&self, id: &BuildId) -> Option<Status> {
        self.runs.get(id).map(|runs| status_of(newest(runs)))
    }

    /// A commit, where a branch still holds it.
    #[must_use]
    pub fn commit(&self, repo: &RepoName, branch: &str, id: &CommitId) -> Option<&CommitInfo> {
        self.branch(repo, branch)?
            .commits
            .iter()
            .find(|commit| commit.id == *id)
    }

    /// When time alone will next change something.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        let wakes = [
            self.queue.next_wake(),
            self.next_release(),
            self.canaries.next_wake(self.ticked),
            self.breakages.next_wake(&self.policy),
        ];
        wakes.into_iter().flatten().min()
    }
}

fn newest(runs: &[Run]) -> &Run {
    &runs[runs.len() - 1]
}

fn empty_config() -> FarmConfig {
    FarmConfig {
        name: "farm".to_owned(),
        builds: None,
        policies: BTreeMap::new(),
        hosts: BTreeMap::new(),
        builders: BTreeMap::new(),
        repositories: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests;
