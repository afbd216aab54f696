//! What there is.

use std::collections::BTreeMap;

use super::error::{Failure, Refusal};
use super::instance::{Instance, Key, Status};
use super::knobs::{Knobs, Quota};
use super::operation::{Kind, Operation};

/// Operations that are remembered; the service forgets them after a while too.
const OPERATIONS: usize = 10_000;

/// Everything of an emulator.
#[derive(Debug)]
pub(super) struct State {
    /// By name.
    pub(super) zones: BTreeMap<String, Knobs>,
    /// Of each region.
    pub(super) quota: Quota,
    /// All that there are.
    pub(super) instances: BTreeMap<Key, Instance>,
    /// By number; names follow from that.
    operations: BTreeMap<u64, Operation>,
    counter: u64,
}

impl State {
    pub(super) fn new(zones: BTreeMap<String, Knobs>, quota: Quota) -> Self {
        Self {
            zones,
            quota,
            instances: BTreeMap::new(),
            operations: BTreeMap::new(),
            counter: 0,
        }
    }

    /// A number that nothing else has.
    pub(super) fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// How a zone behaves.
    pub(super) fn zone(&self, project: &str, zone: &str) -> Result<&Knobs, Refusal> {
        let known = self.zones.get(zone);
        known.ok_or_else(|| Refusal::not_found(&format!("projects/{project}/zones/{zone}")))
    }

    pub(super) fn instance(&mut self, key: &Key) -> Result<&mut Instance, Refusal> {
        let found = self.instances.get_mut(key);
        found.ok_or_else(|| Refusal::not_found(&key.to_string()))
    }

    /// The instance, if it is still the one of this number.
    pub(super) fn same(&mut self, key: &Key, number: u64) -> Option<&mut Instance> {
        let found = self.instances.get_mut(key);
        found.filter(|instance| instance.number == number)
    }

    /// Takes the instance out, if it is still the one of this number.
    pub(super) fn remove(&mut self, key: &Key, number: u64) {
        if self.same(key, number).is_some() {
            self.instances.remove(key);
        }
    }

    /// Begins an operation, and forgets the oldest ones.
    pub(super) fn begin(&mut self, kind: Kind, key: &Key, request: Option<String>) -> u64 {
        let number = self.number();
        let target = self.instances.get(key).map_or(0, |found| found.number);
        let operation = Operation::begin(number, kind, key.clone(), target, request);
        self.operations.insert(number, operation);
        while self.operations.len() > OPERATIONS {
            self.operations.pop_first();
        }
        number
    }

    /// An operation is over.
    pub(super) fn finish(&mut self, number: u64, failure: Option<Failure>) {
        if let Some(operation) = self.operations.get_mut(&number) {
            operation.finish(failure);
        }
    }

    /// All operations, the oldest first.
    pub(super) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values()
    }

    /// What of a region is in use: processors, instances.
    pub(super) fn usage(&self, project: &str, region: &str) -> (u64, u64) {
        let here = |key: &Key| key.project == project && key.region() == region;
        let all = self.instances.iter();
        let counted = all.filter(|(key, one)| here(key) && one.status != Status::Terminated);
        counted.fold((0, 0), |(cpus, count), (_, one)| {
            (cpus + one.cpus(), count + 1)
        })
    }

    /// Whether one more instance of so many processors is over the quota.
    pub(super) fn over_quota(&self, key: &Key, cpus: u64) -> Option<Failure> {
        let (used, count) = self.usage(&key.project, key.region());
        let Quota {
            cpus: most,
            instances,
            ..
        } = self.quota;
        if used + cpus > most {
            return Some(Failure::quota("CPUS", most, key.region()));
        }
        (count + 1 > instances).then(|| Failure::quota("INSTANCES", instances, key.region()))
    }
}
