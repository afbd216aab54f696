//! What there is to do about a pool: what its orders say, against what is there.

use std::collections::{BTreeMap, BTreeSet};

use farm_model::id::{MachineName, PoolName};
use farm_model::order::{MachineOrder, OrderStand};
use farm_model::view::{OrderLine, PoolsView};
use jiff::SignedDuration;

use super::{Census, Found, Mark, Order, Records, Why, reap};

/// How long what was read or answered may be behind what is true. An event that orders a machine has that long to do so.
pub const GRACE: SignedDuration = SignedDuration::from_secs(90);

/// The same for a machine that has registered: what lists it has seen it long ago.
const SEEN: SignedDuration = SignedDuration::from_secs(20);

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The machine there goes.
    Delete {
        /// Its name.
        name: MachineName,
        /// Where it is.
        place: String,
        /// Why.
        why: Why,
    },
    /// It is there: that was not heard yet.
    There {
        /// Its order.
        order: MachineOrder,
        /// Where it is.
        place: String,
    },
    /// It is not there: that was not heard yet.
    Gone {
        /// Its order.
        order: MachineOrder,
        /// Why, for people.
        reason: String,
    },
    /// It is to be made: the event that said so was lost.
    Make(MachineOrder),
}

/// What there is to do about `pool`, by the orders that `view` has: first what goes, last what is made.
#[must_use]
pub fn settle(pool: &PoolName, view: &PoolsView, census: &Census) -> Vec<Step> {
    let lines = view.orders.iter();
    let lines: Vec<_> = lines.filter(|line| line.order.pool == *pool).collect();
    let mut steps = unexplained(&lines, view, census);
    steps.extend(doubles(census));
    steps.extend(lines.iter().flat_map(|line| of_line(line, view, census)));
    let mut seen = BTreeSet::new();
    steps.retain(|step| match step {
        // Once is enough, whatever speaks against it.
        Step::Delete { name, place, .. } => seen.insert((name.clone(), place.clone())),
        _ => true,
    });
    steps.sort_by_key(|step| matches!(step, Step::Make(_)));
    steps
}

/// Machines of this farm by that name.
fn ours<'a>(census: &'a Census, name: &'a MachineName) -> impl Iterator<Item = &'a Found> {
    let ours = census.machines.iter().filter(|m| m.mark == Mark::Ours);
    ours.filter(move |machine| machine.name == *name)
}

fn delete(machine: &Found, why: Why) -> Step {
    Step::Delete {
        name: machine.name.clone(),
        place: machine.place.clone(),
        why,
    }
}

fn unexplained(lines: &[&OrderLine], view: &PoolsView, census: &Census) -> Vec<Step> {
    let orders = lines.iter().map(|line| Order::from(&line.order));
    let records = Records {
        at: view.made,
        orders: orders.map(|order| (order.name.clone(), order)).collect(),
    };
    let why: BTreeMap<_, _> = reap(&records, census, GRACE).into_iter().collect();
    let ours = census.machines.iter().filter(|m| m.mark == Mark::Ours);
    ours.filter_map(|machine| Some(delete(machine, *why.get(&machine.name)?)))
        .collect()
}

/// Two tries at one order may each have made a machine, in different places: the oldest stays.
fn doubles(census: &Census) -> Vec<Step> {
    let mut by_name = BTreeMap::<_, Vec<&Found>>::new();
    for machine in census.machines.iter().filter(|m| m.mark == Mark::Ours) {
        by_name.entry(&machine.name).or_default().push(machine);
    }
    let younger = by_name.into_values().flat_map(|mut same| {
        same.sort_by_key(|machine| (machine.ended, machine.since, &machine.place));
        same.into_iter().skip(1)
    });
    younger
        .map(|machine| delete(machine, Why::Double))
        .collect()
}

fn of_line(line: &OrderLine, view: &PoolsView, census: &Census) -> Vec<Step> {
    let age = census.at.duration_since(line.since);
    let there = ours(census, &line.order.machine).find(|machine| !machine.ended);
    let order = line.order.clone();
    match (&line.stand, there) {
        (OrderStand::Ending { .. }, _) => ending(order, census),
        (OrderStand::Wanted | OrderStand::Waits { .. }, Some(machine)) => vec![Step::There {
            order,
            place: machine.place.clone(),
        }],
        (OrderStand::Wanted, None) if age >= GRACE && may_make(line, view, census) => {
            vec![Step::Make(order)]
        }
        (OrderStand::Made { .. }, None) if age >= GRACE => vec![lost(order)],
        (OrderStand::Here { .. }, None) if age >= SEEN => vec![lost(order)],
        _ => Vec::new(),
    }
}

fn lost(order: MachineOrder) -> Step {
    let reason = "it is not there any more: stopped or taken back".to_owned();
    Step::Gone { order, reason }
}

fn ending(order: MachineOrder, census: &Census) -> Vec<Step> {
    let left = ours(census, &order.machine).map(|machine| delete(machine, Why::Unwanted));
    let left: Vec<_> = left.collect();
    if !left.is_empty() {
        return left;
    }
    let reason = "deleted".to_owned();
    vec![Step::Gone { order, reason }]
}

/// Nobody makes a machine on what was true long ago, nor one whose time is over.
fn may_make(line: &OrderLine, view: &PoolsView, census: &Census) -> bool {
    census.at.duration_since(view.made) < GRACE * 4 && census.at < line.order.until
}

#[cfg(test)]
mod tests {
    use farm_model::Timestamp;
    use farm_model::config::Vm;
    use farm_model::order::{MachineSpec, NotMade};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn pool() -> PoolName {
        "vms".parse().unwrap()
    }

    fn order(name: &str) -> MachineOrder {
        MachineOrder {
            machine: name.parse().unwrap(),
            host_type: "host-linux".parse().unwrap(),
            pool: pool(),
            spec: MachineSpec::Vm(Vm {
                image: "debian".to_owned(),
                machine: "n1-standard-4".to_owned(),
                buildlet: "linux-amd64".to_owned(),
                min_cpu: None,
            }),
            spot: false,
            labels: BTreeSet::new(),
            at: at(0),
            until: at(10_000),
            attempt: 1,
        }
    }

    fn made() -> OrderStand {
        OrderStand::Made {
            place: "a".to_owned(),
        }
    }

    fn ending() -> OrderStand {
        OrderStand::Ending {
            reason: "idle".to_owned(),
        }
    }

    fn view(made: i64, lines: &[(&str, OrderStand, i64)]) -> PoolsView {
        let line = |(name, stand, since): &(&str, OrderStand, i64)| OrderLine {
            order: order(name),
            stand: stand.clone(),
            since: at(*since),
        };
        PoolsView {
            made: at(made),
            orders: lines.iter().map(line).collect(),
        }
    }

    fn census(second: i64, machines: &[(&str, &str, i64)]) -> Census {
        let found = |(name, place, since): &(&str, &str, i64)| Found {
            name: name.parse().unwrap(),
            place: (*place).to_owned(),
            since: at(*since),
            mark: Mark::Ours,
            until: None,
            ended: false,
        };
        Census {
            at: at(second),
            machines: machines.iter().map(found).collect(),
        }
    }

    fn goes(name: &str, place: &str, why: Why) -> Step {
        Step::Delete {
            name: name.parse().unwrap(),
            place: place.to_owned(),
            why,
        }
    }

    #[test]
    fn a_machine_that_no_order_explains_goes_and_one_of_a_moment_ago_does_not() {
        let there = census(1000, &[("a1", "a", 0), ("a2", "a", 950), ("a3", "a", 0)]);
        let steps = settle(&pool(), &view(1000, &[("a3", made(), 0)]), &there);
        assert_eq!(steps, [goes("a1", "a", Why::Unexplained)]);
        let long_ago = view(10, &[("a3", made(), 0)]);
        assert_eq!(settle(&pool(), &long_ago, &there), []);
    }

    #[test]
    fn an_order_that_ends_is_deleted_and_told_once_it_is_gone() {
        let orders = view(1000, &[("a1", ending(), 0)]);
        let steps = settle(&pool(), &orders, &census(1000, &[("a1", "a", 0)]));
        assert_eq!(steps, [goes("a1", "a", Why::Unwanted)]);
        let steps = settle(&pool(), &orders, &census(1000, &[]));
        assert!(matches!(&steps[..], [Step::Gone { .. }]), "{steps:?}");
    }

    #[test]
    fn an_order_whose_event_was_lost_is_made_once_and_after_what_goes() {
        let orders = view(
            1000,
            &[("a1", OrderStand::Wanted, 900), ("a2", ending(), 0)],
        );
        let steps = settle(&pool(), &orders, &census(1000, &[("a2", "a", 0)]));
        let make = Step::Make(order("a1"));
        assert_eq!(steps, [goes("a2", "a", Why::Unwanted), make]);
        let there = census(1000, &[("a1", "b", 990)]);
        let steps = settle(
            &pool(),
            &view(1000, &[("a1", OrderStand::Wanted, 900)]),
            &there,
        );
        assert!(matches!(&steps[..], [Step::There { place, .. }] if place == "b"));
    }

    #[test]
    fn nothing_is_made_too_early_too_late_or_on_old_news() {
        for (made, since, now) in [(1000, 950, 1000), (10_000, 0, 10_000), (500, 0, 1000)] {
            let orders = view(made, &[("a1", OrderStand::Wanted, since)]);
            assert_eq!(settle(&pool(), &orders, &census(now, &[])), [], "{now}");
        }
        let waits = OrderStand::Waits {
            again: at(0),
            cause: NotMade::Quota,
            reason: String::new(),
        };
        let orders = view(1000, &[("a1", waits, 0)]);
        assert_eq!(settle(&pool(), &orders, &census(1000, &[])), []);
    }

    #[test]
    fn a_machine_that_was_taken_back_or_stopped_is_told_as_gone() {
        let orders = view(1000, &[("a1", made(), 0), ("a2", made(), 990)]);
        let steps = settle(&pool(), &orders, &census(1000, &[]));
        assert!(matches!(&steps[..], [Step::Gone { order, .. }] if order.machine.as_str() == "a1"));
        let here = OrderStand::Here {
            place: "a".to_owned(),
        };
        let orders = view(1000, &[("a1", here, 980)]);
        let steps = settle(&pool(), &orders, &census(1000, &[]));
        assert!(matches!(&steps[..], [Step::Gone { .. }]), "{steps:?}");
        let mut stopped = census(1000, &[("a1", "a", 0)]);
        stopped.machines[0].ended = true;
        let steps = settle(&pool(), &view(1000, &[("a1", made(), 0)]), &stopped);
        assert_eq!(steps[0], goes("a1", "a", Why::Ended));
        assert!(matches!(&steps[1..], [Step::Gone { .. }]), "{steps:?}");
    }

    #[test]
    fn of_two_machines_of_a_name_the_younger_goes() {
        let there = census(1000, &[("a1", "a", 20), ("a1", "b", 10)]);
        let steps = settle(&pool(), &view(1000, &[("a1", made(), 0)]), &there);
        assert_eq!(steps, [goes("a1", "a", Why::Double)]);
    }

    #[test]
    fn foreign_machines_and_orders_of_other_pools_are_nobodys_business() {
        let mut there = census(1000, &[("a1", "a", 0), ("a1", "b", 0)]);
        for machine in &mut there.machines {
            machine.mark = Mark::Foreign;
        }
        assert_eq!(settle(&pool(), &view(1000, &[]), &there), []);
        let orders = view(1000, &[("a1", OrderStand::Wanted, 0)]);
        assert_eq!(settle(&"pods".parse().unwrap(), &orders, &there), []);
    }
}
