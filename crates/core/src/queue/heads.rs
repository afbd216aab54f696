//! Lanes, and the heads of the open ones by need.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use farm_model::id::HostType;

use super::{Class, Gate, JobRef, LaneKey, Need, Rank};

/// A lane's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneId(pub(super) usize);

/// Jobs that are held up together.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) key: LaneKey,
    pub(super) gates: Vec<Gate>,
    pub(super) jobs: BTreeSet<(Rank, JobRef)>,
    /// How many of its gates are shut.
    pub(super) shut: usize,
    /// How many of each class wait, pausing ones included.
    pub(super) counts: BTreeMap<Class, usize>,
}

fn gates(key: &LaneKey) -> Vec<Gate> {
    let mut gates = vec![
        Gate::Pause(key.builder.clone()),
        Gate::Host(key.need.host.clone()),
    ];
    if !key.tries {
        gates.push(Gate::Builder(key.builder.clone()));
        gates.push(Gate::Repository(key.repo.clone()));
    }
    gates
}

impl Lane {
    pub(super) fn new(key: LaneKey) -> Self {
        Self {
            gates: gates(&key),
            jobs: BTreeSet::new(),
            shut: 0,
            counts: BTreeMap::new(),
            key,
        }
    }

    pub(super) fn host(&self) -> &HostType {
        &self.key.need.host
    }

    fn head(&self) -> Option<&(Rank, JobRef)> {
        self.jobs.first().filter(|_| self.shut == 0)
    }
}

/// The first job of every open lane, by host type and need.
#[derive(Debug, Default)]
pub(super) struct Heads(BTreeMap<HostType, BTreeMap<Need, BTreeSet<(Rank, JobRef)>>>);

impl Heads {
    /// Takes the lane's head out, before the lane changes.
    pub(super) fn behead(&mut self, lane: LaneId, lanes: &[Lane]) {
        let lane = &lanes[lane.0];
        let Some(head) = lane.head() else {
            return;
        };
        let Some(needs) = self.0.get_mut(lane.host()) else {
            return;
        };
        if let Some(heads) = needs.get_mut(&lane.key.need) {
            heads.remove(head);
            if heads.is_empty() {
                needs.remove(&lane.key.need);
            }
        }
        if needs.is_empty() {
            self.0.remove(lane.host());
        }
    }

    /// Puts the lane's head in, after the lane has changed.
    pub(super) fn crown(&mut self, lane: LaneId, lanes: &[Lane]) {
        let lane = &lanes[lane.0];
        let Some(head) = lane.head() else {
            return;
        };
        let needs = self.0.entry(lane.host().clone()).or_default();
        let heads = needs.entry(lane.key.need.clone()).or_default();
        heads.insert(head.clone());
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = &HostType> {
        self.0.keys()
    }

    pub(super) fn first_of_each(
        &self,
        host: &HostType,
    ) -> impl Iterator<Item = (&Need, &Rank, &JobRef)> {
        let needs = self.0.get(host).into_iter().flatten();
        needs.filter_map(|(need, heads)| {
            let (rank, job) = heads.first()?;
            Some((need, rank, job))
        })
    }
}

/// The jobs of several lanes in order, as many as `limit`.
pub(super) fn merged<'a>(
    lanes: impl Iterator<Item = &'a Lane>,
    limit: usize,
) -> Vec<(&'a Rank, &'a JobRef)> {
    let mut rest: Vec<_> = lanes.map(|lane| lane.jobs.iter()).collect();
    let mut next = BinaryHeap::new();
    for (index, jobs) in rest.iter_mut().enumerate() {
        next.extend(jobs.next().map(|job| Reverse((job, index))));
    }
    let mut order = Vec::new();
    while order.len() < limit
        && let Some(Reverse(((rank, job), index))) = next.pop()
    {
        order.push((rank, job));
        next.extend(rest[index].next().map(|job| Reverse((job, index))));
    }
    order
}
