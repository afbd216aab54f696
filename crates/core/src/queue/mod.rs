//! The order of waiting jobs.
//!
//! Jobs wait by what they [need](Need) of a machine, and within a need in *lanes*, one for each builder and repository: what
//! a quota or a pause holds up. A lane whose quota is full is shut as a whole, in time that does not depend on how many
//! jobs wait in it. Class and author are in the [rank](Rank), not in the lane, since nothing shuts by them.

mod fair;
mod gate;
mod heads;
mod rank;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use farm_model::id::{BuildId, BuilderName, HostType, RepoName};

pub use fair::Shares;
use gate::Gates;
pub use gate::{Gate, Shut};
use heads::{Heads, Lane, LaneId};
pub use rank::{Class, Rank};

/// Names a job of the newest run of a build.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobRef {
    /// The build.
    pub build: BuildId,
    /// The job's position in the run.
    pub job: usize,
}

/// What a job asks of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Need {
    /// Its host type.
    pub host: HostType,
    /// Labels that it must have.
    pub labels: BTreeSet<String>,
}

/// With what a job waits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneKey {
    /// What it needs.
    pub need: Need,
    /// Its builder.
    pub builder: BuilderName,
    /// Its repository.
    pub repo: RepoName,
    /// Whether it is of a try: those wait for no quota of builder and repository.
    pub tries: bool,
}

/// Jobs that wait, those that pause, and how many of each gate's run.
#[derive(Debug, Default)]
pub struct Queue {
    lanes: Vec<Lane>,
    ids: BTreeMap<LaneKey, LaneId>,
    by_host: BTreeMap<HostType, Vec<LaneId>>,
    heads: Heads,
    gates: Gates,
    pausing: BTreeSet<(Timestamp, JobRef)>,
    parked: BTreeSet<JobRef>,
    places: HashMap<JobRef, Place>,
    running: HashMap<JobRef, LaneId>,
    changed: BTreeSet<HostType>,
}

#[derive(Debug, Clone)]
struct Place {
    lane: LaneId,
    rank: Rank,
    not_before: Timestamp,
    ready: bool,
}

impl Queue {
    /// Puts a job in, or moves it.
    pub fn put(
        &mut self,
        job: JobRef,
        lane: &LaneKey,
        rank: Rank,
        not_before: Timestamp,
        now: Timestamp,
    ) {
        self.take(&job);
        let lane = self.lane(lane);
        let ready = not_before <= now;
        let place = Place {
            lane,
            rank,
            not_before,
            ready,
        };
        if ready {
            self.enter(&job, &place);
        } else {
            self.pausing.insert((not_before, job.clone()));
        }
        self.note(lane);
        *self.lanes[lane.0]
            .counts
            .entry(place.rank.class())
            .or_default() += 1;
        self.places.insert(job, place);
    }

    /// Takes a job out; false if it was not in.
    pub fn take(&mut self, job: &JobRef) -> bool {
        let Some(place) = self.places.remove(job) else {
            return false;
        };
        self.parked.remove(job);
        if place.ready {
            self.leave(job, &place);
        } else {
            self.pausing.remove(&(place.not_before, job.clone()));
        }
        if let Some(count) = self.lanes[place.lane.0].counts.get_mut(&place.rank.class()) {
            *count -= 1;
        }
        self.note(place.lane);
        true
    }

    /// Takes a job out because it begins: it counts for its quotas until it [ends](Self::end).
    pub fn start(&mut self, job: &JobRef) {
        if let Some(lane) = self.places.get(job).map(|place| place.lane) {
            self.take(job);
            self.count_in(job, lane);
        }
    }

    /// A job ran already when this leader began.
    pub fn started(&mut self, job: &JobRef, lane: &LaneKey) {
        let lane = self.lane(lane);
        self.count_in(job, lane);
    }

    /// A job no longer runs.
    pub fn end(&mut self, job: &JobRef) {
        let Some(lane) = self.running.remove(job) else {
            return;
        };
        for gate in self.lanes[lane.0].gates.clone() {
            let opened = self.gates.leave(&gate);
            self.reshut(opened);
        }
        self.note(lane);
    }

    /// At most `limit` jobs of a gate run at once; any number without one.
    pub fn limit(&mut self, gate: &Gate, limit: Option<u32>) {
        let moved = self.gates.limit(gate, limit);
        self.reshut(moved);
    }

    /// Limits of gates other than `kept` end.
    pub fn limit_only(&mut self, kept: &BTreeSet<Gate>) {
        for gate in self.gates.limited() {
            if !kept.contains(&gate) {
                self.limit(&gate, None);
            }
        }
    }

    /// Nothing of these builders begins, and of no others is that so.
    pub fn pause_only(&mut self, builders: &BTreeSet<BuilderName>) {
        let paused = |gate: &Gate| matches!(gate, Gate::Pause(of) if builders.contains(of));
        let over: Vec<Gate> = self
            .gates
            .paused()
            .filter(|gate| !paused(gate))
            .cloned()
            .collect();
        let begun = builders.iter().cloned().map(Gate::Pause);
        let moves = over
            .into_iter()
            .map(|gate| (gate, false))
            .chain(begun.map(|gate| (gate, true)));
        for (gate, paused) in moves.collect::<Vec<_>>() {
            let moved = self.gates.pause(&gate, paused);
            self.reshut(moved);
        }
    }

    /// Holds a job back until `until`, or until it is [let go](Self::unpark): what is idle is not for it.
    pub fn park(&mut self, job: &JobRef, until: Timestamp) {
        let Some(place) = self.places.get_mut(job).filter(|place| place.ready) else {
            return;
        };
        let old = place.clone();
        place.ready = false;
        place.not_before = until;
        self.leave(job, &old);
        self.pausing.insert((until, job.clone()));
        self.parked.insert(job.clone());
    }

    /// Lets a parked job go.
    pub fn unpark(&mut self, job: &JobRef) {
        if self.parked.remove(job)
            && let Some(place) = self.places.get_mut(job)
        {
            let until = std::mem::replace(&mut place.not_before, Timestamp::MIN);
            place.ready = true;
            let place = place.clone();
            self.pausing.remove(&(until, job.clone()));
            self.enter(job, &place);
        }
    }

    /// Jobs held back because of what is idle.
    pub fn parked(&self) -> impl Iterator<Item = &JobRef> {
        self.parked.iter()
    }

    /// Whether a job is held back because of what is idle.
    #[must_use]
    pub fn is_parked(&self, job: &JobRef) -> bool {
        self.parked.contains(job)
    }

    /// Whether a job waits and does not pause.
    #[must_use]
    pub fn is_ready(&self, job: &JobRef) -> bool {
        self.places.get(job).is_some_and(|place| place.ready)
    }

    /// Lets go what has paused long enough.
    pub fn wake(&mut self, now: Timestamp) {
        while let Some((until, _)) = self.pausing.first()
            && *until <= now
        {
            let Some((_, job)) = self.pausing.pop_first() else {
                return;
            };
            self.parked.remove(&job);
            let Some(place) = self.places.get_mut(&job) else {
                continue;
            };
            place.ready = true;
            let place = place.clone();
            self.enter(&job, &place);
            self.note(place.lane);
        }
    }

    /// Host types with a job that may go.
    pub fn hosts(&self) -> impl Iterator<Item = &HostType> {
        self.heads.hosts()
    }

    /// The first job of each need of a host type.
    pub fn first_of_each(&self, host: &HostType) -> impl Iterator<Item = (&Need, &Rank, &JobRef)> {
        self.heads.first_of_each(host)
    }

    /// The jobs of a host type that may go or are held up by a gate, in order.
    #[must_use]
    pub fn in_order(&self, host: &HostType, limit: usize) -> Vec<(&Rank, &JobRef)> {
        heads::merged(self.lanes_of(host), limit)
    }

    /// How many jobs of each class wait for a host type, pausing ones included.
    #[must_use]
    pub fn counts(&self, host: &HostType) -> BTreeMap<Class, usize> {
        let mut counts = BTreeMap::new();
        for lane in self.lanes_of(host) {
            for (class, count) in &lane.counts {
                *counts.entry(*class).or_default() += count;
            }
        }
        counts.retain(|_, count| *count > 0);
        counts
    }

    /// For how many jobs of a host type it would be of use that there were more machines with these labels: those that may
    /// go, as far as quotas let them.
    #[must_use]
    pub fn wants_machines(&self, host: &HostType, labels: &BTreeSet<String>) -> usize {
        let mut rooms: BTreeMap<&Gate, usize> = BTreeMap::new();
        let mut wanted = 0;
        for lane in self.lanes_of(host).filter(|lane| lane.shut == 0) {
            if !lane.key.need.labels.is_subset(labels) {
                continue;
            }
            let room = |gate| Some((gate, self.gates.room(gate)? as usize));
            let limited: Vec<_> = lane.gates.iter().filter_map(room).collect();
            let left = |(gate, room): &(&Gate, usize)| *rooms.get(gate).unwrap_or(room);
            let most = limited.iter().map(left).min().unwrap_or(usize::MAX);
            let jobs = lane.jobs.len().min(most);
            for (gate, room) in limited {
                *rooms.entry(gate).or_insert(room) -= jobs;
            }
            wanted += jobs;
        }
        wanted
    }

    /// When the next pause ends.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.pausing.first().map(|(until, _)| *until)
    }

    /// The rank of a waiting job.
    #[must_use]
    pub fn rank(&self, job: &JobRef) -> Option<&Rank> {
        self.places.get(job).map(|place| &place.rank)
    }

    /// What a waiting job needs.
    #[must_use]
    pub fn need(&self, job: &JobRef) -> Option<&Need> {
        let place = self.places.get(job)?;
        Some(&self.lanes[place.lane.0].key.need)
    }

    /// What holds a waiting job up, beside the lack of a machine.
    #[must_use]
    pub fn shut(&self, job: &JobRef) -> Option<Shut> {
        let place = self.places.get(job)?;
        let lane = &self.lanes[place.lane.0];
        lane.gates.iter().find_map(|gate| self.gates.why(gate))
    }

    /// How many jobs of its host type go before this one, counted up to `limit`; none if it does not wait or pauses.
    #[must_use]
    pub fn ahead(&self, job: &JobRef, limit: usize) -> Option<usize> {
        self.ahead_where(job, limit, |_| true)
    }

    /// The same of those alone that a machine with these labels could do.
    #[must_use]
    pub fn ahead_with(
        &self,
        job: &JobRef,
        labels: &BTreeSet<String>,
        limit: usize,
    ) -> Option<usize> {
        self.ahead_where(job, limit, |need| need.labels.is_subset(labels))
    }

    fn ahead_where(
        &self,
        job: &JobRef,
        limit: usize,
        counts: impl Fn(&Need) -> bool,
    ) -> Option<usize> {
        let place = self.places.get(job).filter(|place| place.ready)?;
        let host = self.lanes[place.lane.0].host();
        let open = self.lanes_of(host).filter(|lane| lane.shut == 0);
        let mut ahead = 0;
        for lane in open.filter(|lane| counts(&lane.key.need)) {
            let before = lane.jobs.range(..(place.rank.clone(), job.clone()));
            ahead += before.take(limit - ahead).count();
        }
        Some(ahead)
    }

    /// Host types of which the queue has changed since this was asked last.
    pub fn take_changed(&mut self) -> BTreeSet<HostType> {
        std::mem::take(&mut self.changed)
    }

    /// Host types with waiting jobs, by name: how many do not pause, and how many do.
    pub fn lengths(&self) -> impl Iterator<Item = (&HostType, (usize, usize))> {
        self.by_host.keys().filter_map(|host| {
            let ready: usize = self.lanes_of(host).map(|lane| lane.jobs.len()).sum();
            let all: usize = self.counts(host).into_values().sum();
            (all > 0).then(|| (host, (ready, all.saturating_sub(ready))))
        })
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

    fn lanes_of(&self, host: &HostType) -> impl Iterator<Item = &Lane> {
        let ids = self.by_host.get(host).into_iter().flatten();
        ids.map(|id| &self.lanes[id.0])
    }

    fn lane(&mut self, key: &LaneKey) -> LaneId {
        if let Some(id) = self.ids.get(key) {
            return *id;
        }
        let id = LaneId(self.lanes.len());
        let mut lane = Lane::new(key.clone());
        for gate in &lane.gates {
            lane.shut += usize::from(self.gates.join(gate, id));
        }
        let of_host = self.by_host.entry(key.need.host.clone()).or_default();
        of_host.push(id);
        self.lanes.push(lane);
        self.ids.insert(key.clone(), id);
        id
    }

    fn count_in(&mut self, job: &JobRef, lane: LaneId) {
        if self.running.insert(job.clone(), lane).is_some() {
            return;
        }
        for gate in self.lanes[lane.0].gates.clone() {
            let shut = self.gates.enter(&gate);
            self.reshut(shut);
        }
        self.note(lane);
    }

    fn enter(&mut self, job: &JobRef, place: &Place) {
        let entry = (place.rank.clone(), job.clone());
        let lane = &mut self.lanes[place.lane.0];
        if lane.jobs.first().is_some_and(|head| *head < entry) {
            lane.jobs.insert(entry);
            return;
        }
        self.heads.behead(place.lane, &self.lanes);
        self.lanes[place.lane.0].jobs.insert(entry);
        self.heads.crown(place.lane, &self.lanes);
    }

    fn leave(&mut self, job: &JobRef, place: &Place) {
        let entry = (place.rank.clone(), job.clone());
        let lane = &mut self.lanes[place.lane.0];
        if lane.jobs.first().is_some_and(|head| *head < entry) {
            lane.jobs.remove(&entry);
            return;
        }
        self.heads.behead(place.lane, &self.lanes);
        self.lanes[place.lane.0].jobs.remove(&entry);
        self.heads.crown(place.lane, &self.lanes);
    }

    /// A gate was shut or opened: so are its lanes.
    fn reshut(&mut self, moved: Option<gate::Moved>) {
        let Some(moved) = moved else {
            return;
        };
        for lane in moved.lanes {
            self.heads.behead(lane, &self.lanes);
            let entry = &mut self.lanes[lane.0];
            if moved.shut {
                entry.shut += 1;
            } else {
                entry.shut -= 1;
            }
            self.heads.crown(lane, &self.lanes);
        }
    }

    fn note(&mut self, lane: LaneId) {
        let host = self.lanes[lane.0].host();
        if !self.changed.contains(host) {
            self.changed.insert(host.clone());
        }
    }
}

#[cfg(test)]
mod tests;
