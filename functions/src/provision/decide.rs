//! Whether an order still stands.

use farm_core::pool::{Census, Mark, Step, Why, is_over};
use farm_model::Timestamp;
use farm_model::order::{MachineOrder, OrderStand};
use farm_model::view::PoolsView;
use jiff::SignedDuration;

/// For how long an event that orders a machine is believed without the view's word.
const BELIEVED: SignedDuration = SignedDuration::from_mins(10);

/// Whether the order, which an event of `said` brings, is to be done now. Queues repeat and delay: by now the order may be over,
/// or be tried anew.
pub(super) fn is_current(
    order: &MachineOrder,
    said: Timestamp,
    view: Option<&PoolsView>,
    now: Timestamp,
) -> bool {
    if order.until <= now {
        return false;
    }
    let mut lines = view.iter().flat_map(|view| &view.orders);
    match lines.find(|line| line.order.machine == order.machine) {
        Some(line) => {
            let ends = matches!(line.stand, OrderStand::Ending { .. });
            !ends && line.order.attempt <= order.attempt
        }
        None => now.duration_since(said) < BELIEVED,
    }
}

/// What goes where nothing is known of orders: machines that say themselves that their time is over.
pub(super) fn overdue(census: &Census) -> Vec<Step> {
    let ours = census.machines.iter().filter(|m| m.mark == Mark::Ours);
    let over = ours.filter(|machine| is_over(machine, census.at));
    let delete = over.map(|machine| Step::Delete {
        name: machine.name.clone(),
        place: machine.place.clone(),
        why: Why::Overdue,
    });
    delete.collect()
}

#[cfg(test)]
mod tests {
    use farm_core::pool::Found;
    use farm_model::config::Vm;
    use farm_model::order::MachineSpec;
    use farm_model::view::OrderLine;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn order(attempt: u32) -> MachineOrder {
        MachineOrder {
            machine: "m1".parse().unwrap(),
            host_type: "host-linux".parse().unwrap(),
            pool: "vms".parse().unwrap(),
            spec: MachineSpec::Vm(Vm {
                image: "debian".to_owned(),
                machine: "n1-standard-4".to_owned(),
                buildlet: "linux-amd64".to_owned(),
                min_cpu: None,
            }),
            spot: false,
            labels: [].into(),
            at: at(0),
            until: at(10_000),
            attempt,
        }
    }

    fn view(attempt: u32, stand: OrderStand) -> PoolsView {
        PoolsView {
            made: at(0),
            orders: vec![OrderLine {
                order: order(attempt),
                stand,
                since: at(0),
            }],
        }
    }

    #[test]
    fn an_order_is_done_while_it_stands_and_not_once_it_is_over() {
        let ending = OrderStand::Ending {
            reason: "idle".to_owned(),
        };
        let current = |view: Option<&PoolsView>, now| is_current(&order(2), at(0), view, at(now));
        let wanted = |attempt| view(attempt, OrderStand::Wanted);
        assert!(current(Some(&wanted(2)), 5_000), "it stands, however old");
        assert!(current(Some(&wanted(1)), 0), "the view is behind");
        assert!(!current(Some(&wanted(3)), 0), "it is tried anew");
        assert!(!current(Some(&view(2, ending)), 0));
        assert!(!current(Some(&wanted(2)), 10_000), "its time is over");
        let none = PoolsView {
            made: at(0),
            orders: Vec::new(),
        };
        for view in [None, Some(&none)] {
            assert!(current(view, 599), "the view is behind");
            assert!(!current(view, 600));
        }
    }

    #[test]
    fn without_orders_only_what_is_over_goes() {
        let found = |name: &str, until, mark| Found {
            name: name.parse().unwrap(),
            place: "a".to_owned(),
            since: at(0),
            mark,
            until,
            ended: false,
        };
        let census = Census {
            at: at(100),
            machines: vec![
                found("m1", Some(at(100)), Mark::Ours),
                found("m2", Some(at(101)), Mark::Ours),
                found("m3", None, Mark::Ours),
                found("m4", Some(at(1)), Mark::Foreign),
            ],
        };
        let goes = Step::Delete {
            name: "m1".parse().unwrap(),
            place: "a".to_owned(),
            why: Why::Overdue,
        };
        assert_eq!(overdue(&census), [goes]);
    }
}
