//! Who has lost something just now, counted as it comes: a hub of ten thousand machines that falls silent asks ten thousand
//! times whether others lose as well.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;

use farm_model::id::{BuildId, HubId, MachineName};

use super::aside::Loss;

/// How many losses each machine has.
type Counts = BTreeMap<MachineName, usize>;

/// The losses of the latest moments.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Burst {
    /// Oldest first.
    losses: VecDeque<Loss>,
    all: Counts,
    of_hub: HashMap<HubId, Counts>,
    of_build: HashMap<BuildId, BTreeMap<(MachineName, HubId), usize>>,
}

impl Burst {
    /// Something was lost.
    pub(super) fn note(&mut self, loss: &Loss) {
        let Loss {
            machine,
            hub,
            build,
            ..
        } = loss;
        *self.all.entry(machine.clone()).or_default() += 1;
        let of_hub = self.of_hub.entry(hub.clone()).or_default();
        *of_hub.entry(machine.clone()).or_default() += 1;
        let of_build = self.of_build.entry(build.clone()).or_default();
        let place = (machine.clone(), hub.clone());
        *of_build.entry(place).or_default() += 1;
        self.losses.push_back(loss.clone());
    }

    /// Forgets what was lost before `since`.
    pub(super) fn slide(&mut self, since: Timestamp) {
        while self.losses.front().is_some_and(|loss| loss.at < since) {
            let Some(loss) = self.losses.pop_front() else {
                return;
            };
            less(&mut self.all, &loss.machine);
            if let Some(of_hub) = self.of_hub.get_mut(&loss.hub) {
                less(of_hub, &loss.machine);
                if of_hub.is_empty() {
                    self.of_hub.remove(&loss.hub);
                }
            }
            if let Some(of_build) = self.of_build.get_mut(&loss.build) {
                less(of_build, &(loss.machine, loss.hub));
                if of_build.is_empty() {
                    self.of_build.remove(&loss.build);
                }
            }
        }
    }

    /// How many machines other than `machine` have lost builds other than `but`, on `hub` or anywhere.
    pub(super) fn others(
        &self,
        machine: &MachineName,
        hub: Option<&HubId>,
        but: Option<&BuildId>,
    ) -> usize {
        let counts = match hub {
            Some(hub) => self.of_hub.get(hub),
            None => Some(&self.all),
        };
        let Some(counts) = counts else {
            return 0;
        };
        let mut left_out: BTreeMap<&MachineName, usize> = BTreeMap::new();
        let of_build = but.and_then(|build| self.of_build.get(build));
        for ((of, at), count) in of_build.into_iter().flatten() {
            if hub.is_none_or(|hub| hub == at) {
                *left_out.entry(of).or_default() += count;
            }
        }
        left_out.insert(machine, usize::MAX);
        let nothing_else = left_out
            .iter()
            .filter(|(of, count)| counts.get(*of).is_some_and(|all| all <= *count))
            .count();
        counts.len() - nothing_else
    }
}

fn less<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn loss(at: i64, machine: u8, hub: u8, build: u8) -> Loss {
        Loss {
            at: Timestamp::from_second(at).unwrap(),
            machine: format!("m{machine}").parse().unwrap(),
            hub: format!("h{hub}").parse().unwrap(),
            build: format!("{build:032x}").parse().unwrap(),
        }
    }

    proptest! {
        /// The counts are those that a look at every loss gives.
        #[test]
        fn counts_are_of_every_loss(
            losses in prop::collection::vec((0i64..3, 0u8..5, 0u8..2, 0u8..4), 0..40),
            since in 0i64..60,
            who in (0u8..5, 0u8..2, 0u8..4),
        ) {
            let mut burst = Burst::default();
            let mut kept = Vec::new();
            let mut at = 0;
            for (later, machine, hub, build) in losses {
                at += later;
                let loss = loss(at, machine, hub, build);
                burst.note(&loss);
                kept.push(loss);
            }
            let asked = loss(since, who.0, who.1, who.2);
            burst.slide(asked.at);
            kept.retain(|loss| loss.at >= asked.at);
            for (hub, but) in [
                (None, None),
                (None, Some(&asked.build)),
                (Some(&asked.hub), None),
                (Some(&asked.hub), Some(&asked.build)),
            ] {
                let others = kept.iter().filter(|loss| {
                    loss.machine != asked.machine
                        && hub.is_none_or(|hub| loss.hub == *hub)
                        && but != Some(&loss.build)
                });
                let names: std::collections::BTreeSet<_> = others.map(|loss| &loss.machine).collect();
                prop_assert_eq!(burst.others(&asked.machine, hub, but), names.len());
            }
        }
    }
}
