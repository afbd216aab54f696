//! Every machine is explained by a record, and every record by a machine; what is not, goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use farm_model::Timestamp;
use farm_model::id::MachineName;
use jiff::SignedDuration;

use super::{Found, Mark, Order};

/// The orders that are in force, as of a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// When they were read.
    pub at: Timestamp,
    /// By name.
    pub orders: BTreeMap<MachineName, Order>,
}

/// The machines that were there, as of a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    /// When the pool was asked: before it answered.
    pub at: Timestamp,
    /// What it answered.
    pub machines: Vec<Found>,
}

/// Why a machine goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Its time is over.
    Overdue,
    /// No record knows of it.
    Unexplained,
    /// It has stopped, and will not come back.
    Ended,
    /// There is an older one of the same name.
    Double,
    /// Its order says so.
    Unwanted,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overdue => "its time is over",
            Self::Unexplained => "no order explains it",
            Self::Ended => "it has stopped",
            Self::Double => "there is an older one of its name",
            Self::Unwanted => "it is not wanted any more",
        })
    }
}

/// The machines that are to be deleted.
///
/// A foreign machine never is. One that no record explains is only if the records are newer than the machine by `grace`: an
/// order is written down before its machine is made, but what was read may be a copy of before.
#[must_use]
pub fn reap(records: &Records, census: &Census, grace: SignedDuration) -> Vec<(MachineName, Why)> {
    let ours = census.machines.iter().filter(|m| m.mark == Mark::Ours);
    let why = |machine: &Found| match records.orders.get(&machine.name) {
        _ if is_over(machine, census.at) => Some(Why::Overdue),
        _ if machine.ended => Some(Why::Ended),
        Some(order) => {
            let over = order.until.is_some_and(|until| until <= census.at);
            over.then_some(Why::Overdue)
        }
        None => {
            let newer = records.at.duration_since(machine.since) >= grace;
            newer.then_some(Why::Unexplained)
        }
    };
    ours.filter_map(|machine| Some((machine.name.clone(), why(machine)?)))
        .collect()
}

/// Whether the machine itself says that its time is over, whatever records say.
#[must_use]
pub fn is_over(machine: &Found, now: Timestamp) -> bool {
    machine.until.is_some_and(|until| until <= now)
}

/// The orders whose machines are not there and should be by now, a while after the order: a spot machine that was taken
/// back, or one that was never made.
#[must_use]
pub fn missing<'a>(
    records: &'a Records,
    census: &Census,
    grace: SignedDuration,
) -> Vec<&'a MachineName> {
    let there: BTreeSet<&MachineName> = census.machines.iter().map(|m| &m.name).collect();
    let due = |order: &&Order| census.at.duration_since(order.at) >= grace;
    let orders = records.orders.values().filter(due);
    let names = orders.map(|order| &order.name);
    names.filter(|name| !there.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRACE: SignedDuration = SignedDuration::from_secs(60);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn name(number: usize) -> MachineName {
        format!("m{number}").parse().unwrap()
    }

    fn records(second: i64, orders: &[(usize, Option<i64>)]) -> Records {
        let order = |(number, until): &(usize, Option<i64>)| Order {
            name: name(*number),
            host: "linux".parse().unwrap(),
            at: at(0),
            until: until.map(at),
        };
        let orders = orders.iter().map(order);
        Records {
            at: at(second),
            orders: orders.map(|order| (order.name.clone(), order)).collect(),
        }
    }

    fn census(second: i64, machines: &[(usize, i64, Mark)]) -> Census {
        let found = |(number, since, mark): &(usize, i64, Mark)| Found {
            name: name(*number),
            place: "here".to_owned(),
            since: at(*since),
            mark: *mark,
            until: None,
            ended: false,
        };
        Census {
            at: at(second),
            machines: machines.iter().map(found).collect(),
        }
    }

    #[test]
    fn what_no_record_explains_goes_once_it_is_old_enough() {
        let there = census(
            100,
            &[(1, 0, Mark::Ours), (2, 0, Mark::Ours), (3, 50, Mark::Ours)],
        );
        let gone = reap(&records(100, &[(1, None)]), &there, GRACE);
        assert_eq!(gone, [(name(2), Why::Unexplained)]);
    }

    #[test]
    fn records_from_before_a_machine_do_not_speak_against_it() {
        let there = census(500, &[(1, 40, Mark::Ours)]);
        assert_eq!(reap(&records(99, &[]), &there, GRACE), []);
        let gone = reap(&records(100, &[]), &there, GRACE);
        assert_eq!(gone, [(name(1), Why::Unexplained)]);
    }

    #[test]
    fn a_machine_goes_when_its_time_is_over_whatever_it_does() {
        let there = census(100, &[(1, 99, Mark::Ours), (2, 99, Mark::Ours)]);
        let orders = records(100, &[(1, Some(100)), (2, Some(101))]);
        assert_eq!(reap(&orders, &there, GRACE), [(name(1), Why::Overdue)]);
    }

    #[test]
    fn a_machine_goes_when_it_says_so_itself_or_has_stopped() {
        let mut there = census(
            100,
            &[
                (1, 0, Mark::Ours),
                (2, 0, Mark::Ours),
                (3, 0, Mark::Foreign),
            ],
        );
        there.machines[0].until = Some(at(100));
        there.machines[1].ended = true;
        there.machines[2].until = Some(at(1));
        let orders = records(100, &[(1, None), (2, None)]);
        let gone = [(name(1), Why::Overdue), (name(2), Why::Ended)];
        assert_eq!(reap(&orders, &there, GRACE), gone);
    }

    #[test]
    fn an_order_without_a_machine_is_missing_after_a_while() {
        let orders = records(100, &[(1, None), (2, None)]);
        let there = census(100, &[(1, 0, Mark::Ours)]);
        assert_eq!(missing(&orders, &there, GRACE), [&name(2)]);
        assert!(missing(&orders, &census(59, &[]), GRACE).is_empty());
    }

    proptest! {
        #[test]
        fn foreign_machines_and_explained_ones_in_their_time_stay(
            machines in prop::collection::vec((0_usize..8, 0_i64..200, any::<bool>()), 0..12),
            known in prop::collection::btree_set(0_usize..8, 0..8),
            read in 0_i64..300,
            looked in 100_i64..300,
        ) {
            let marked: Vec<_> = machines
                .iter()
                .map(|(n, since, ours)| (*n, *since, if *ours { Mark::Ours } else { Mark::Foreign }))
                .collect();
            let orders: Vec<_> = known.iter().map(|n| (*n, None)).collect();
            for (gone, why) in reap(&records(read, &orders), &census(looked, &marked), GRACE) {
                prop_assert_eq!(why, Why::Unexplained);
                prop_assert!(!known.iter().any(|n| name(*n) == gone));
                let ours_and_old = |(n, since, mark): &(usize, i64, Mark)| {
                    name(*n) == gone && *mark == Mark::Ours && read - since >= 60
                };
                prop_assert!(marked.iter().any(ours_and_old));
            }
        }
    }
}
