//! What is looked at when somebody asks for metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use farm_wire::revdial::Dialers;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use tokio::sync::Semaphore;

use crate::machines::{Census, Count, Registry, Wanted};
use crate::status::{HubStatus, StatusSender};

/// Host types with series of their own; the machines of others are counted together.
const MAX_HOSTS: usize = 100;

/// What others are counted as. No host type has this name: theirs hold no white space.
const OTHERS: &str = "all others";

/// The hub's state.
pub struct Sight {
    /// Machines.
    pub registry: Arc<Registry>,
    /// Pick-ups.
    pub dialers: Dialers,
    /// Attempts.
    pub status: StatusSender,
    /// Places for connections before their request.
    pub places: Arc<Semaphore>,
    /// How many of these there are.
    pub all_places: usize,
}

impl fmt::Debug for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sight")
    }
}

impl Collector for Sight {
    fn encode(&self, mut to: DescriptorEncoder) -> fmt::Result {
        let census = self.registry.census(&Wanted::default());
        machines(&mut to, &census)?;
        let (pick_ups, status) = (self.dialers.counts(), self.status.borrow().clone());
        let pick_ups = [
            ("handed", pick_ups.handed),
            ("late", pick_ups.unwanted),
            ("unknown", pick_ups.unknown),
            ("handed_over", status.handed_over),
            ("not_handed_over", status.not_handed_over),
        ];
        counters(
            &mut to,
            "pick_ups",
            "Connections that machines picked up, by what became of them; late, unknown and not handed over ones are refused",
            "result",
            &pick_ups,
        )?;
        attempts(&mut to, &status)?;
        let handshakes = self
            .all_places
            .saturating_sub(self.places.available_permits());
        gauge(
            &mut to,
            "handshakes",
            "Connections before their request",
            handshakes,
        )
    }
}

fn machines(to: &mut DescriptorEncoder, census: &Census) -> fmt::Result {
    let mut metric =
        to.encode_descriptor("machines", "Machines connected", None, MetricType::Gauge)?;
    for (host_type, count) in by_host(census) {
        for (state, machines) in [
            ("busy", count.busy),
            ("idle", count.connected.saturating_sub(count.busy)),
        ] {
            let labels = [("host_type", host_type), ("state", state)];
            series(&mut metric, &labels, machines)?;
        }
    }
    let mut metric = to.encode_descriptor(
        "sessions",
        "Machines connected, by version of reverse dialing",
        None,
        MetricType::Gauge,
    )?;
    for (version, machines) in &census.protocols {
        series(&mut metric, &[("revdial", *version)], *machines)?;
    }
    Ok(())
}

/// The first host types by name, and all others together.
fn by_host(census: &Census) -> BTreeMap<&str, Count> {
    let mut hosts: BTreeMap<&str, Count> = BTreeMap::new();
    for (number, (host_type, count)) in census.hosts.iter().enumerate() {
        let name = if number < MAX_HOSTS {
            host_type.as_str()
        } else {
            OTHERS
        };
        let host = hosts.entry(name).or_default();
        host.connected += count.connected;
        host.busy += count.busy;
    }
    hosts
}

fn attempts(to: &mut DescriptorEncoder, status: &HubStatus) -> fmt::Result {
    let offers = [("accepted", status.accepted), ("refused", status.refused)];
    counters(to, "offers", "Attempts offered", "answer", &offers)?;
    let ended = [
        ("ok", status.ok),
        ("failed", status.failed),
        ("lost", status.lost),
    ];
    counters(to, "attempts", "Attempts that ended", "outcome", &ended)?;
    gauge(
        to,
        "attempts_running",
        "Attempts on machines now",
        status.busy,
    )?;
    gauge(
        to,
        "draining",
        "1 while no new work is taken",
        usize::from(status.draining),
    )
}

fn counters(
    to: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    label: &str,
    values: &[(&str, u64)],
) -> fmt::Result {
    let mut metric = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (class, value) in values {
        let labels = [(label, *class)];
        let mut one = metric.encode_family(&labels)?;
        one.encode_counter::<NoLabelSet, _, u64>(value, None)?;
    }
    Ok(())
}

fn gauge(to: &mut DescriptorEncoder, name: &str, help: &str, value: usize) -> fmt::Result {
    let mut metric = to.encode_descriptor(name, help, None, MetricType::Gauge)?;
    metric.encode_gauge(&number(value))
}

fn series(
    metric: &mut prometheus_client::encoding::MetricEncoder,
    labels: &impl EncodeLabelSet,
    value: usize,
) -> fmt::Result {
    metric.encode_family(labels)?.encode_gauge(&number(value))
}

fn number(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
