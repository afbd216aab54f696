//! Machines that the farm has made for it.

use farm_model::config::{Container, Vm};
use farm_model::order::{MachineOrder, MachineSpec, NotMade, OrderStand};
use farm_model::view::{OrderLine, PoolsView};

use super::at;

fn line(name: &str, spec: &MachineSpec, stand: OrderStand) -> OrderLine {
    OrderLine {
        order: MachineOrder {
            machine: name.parse().unwrap(),
            host_type: "host-linux".parse().unwrap(),
            pool: "vms".parse().unwrap(),
            spec: spec.clone(),
            spot: true,
            labels: ["gpu".to_owned()].into(),
            at: at("09:50:00"),
            until: at("15:50:00"),
            attempt: 2,
        },
        stand,
        since: at("09:58:00"),
    }
}

/// One of each standing.
pub fn pools() -> PoolsView {
    let vm = MachineSpec::Vm(Vm {
        image: "debian".to_owned(),
        machine: "m7i.large".to_owned(),
        buildlet: "linux-amd64".to_owned(),
        min_cpu: None,
    });
    let container = MachineSpec::Container(Container {
        image: "debian:13".to_owned(),
        machine: "n1-standard-4".to_owned(),
        buildlet: "linux-amd64".to_owned(),
        nested: false,
        vm_image: None,
    });
    let place = || "us-central1-a".to_owned();
    let waits = OrderStand::Waits {
        again: at("10:06:00"),
        cause: NotMade::StockOut,
        reason: "ZONE_RESOURCE_POOL_EXHAUSTED in <all> zones".to_owned(),
    };
    let ending = OrderStand::Ending {
        reason: "it has had no work".to_owned(),
    };
    PoolsView {
        made: at("10:04:30"),
        orders: vec![
            line("linux-rn0a", &vm, OrderStand::Wanted),
            line("linux-rn1a", &vm, waits),
            line("linux-rn2a", &vm, OrderStand::Made { place: place() }),
            line(
                "linux-rn3a",
                &container,
                OrderStand::Here { place: place() },
            ),
            line("linux-rn4a", &container, ending),
        ],
    }
}
