//! What is looked at when somebody asks for metrics.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use farm_model::Timestamp;
use farm_model::view::{CoordinatorStatus, FarmStatus, QueueStatus, Role, SubscriptionStatus};

use crate::status::Board;

/// Host types with series of their own: the first by name.
const MAX_HOSTS: usize = 200;

/// What stands on the board.
#[derive(Debug)]
pub(super) struct Sight(pub(super) Board);

impl Collector for Sight {
    fn encode(&self, mut to: DescriptorEncoder) -> fmt::Result {
        let (view, now) = (self.0.view(), self.0.now());
        farm(&mut to, &view.farm)?;
        queues(&mut to, &view.farm.queues, now)?;
        coordinator(&mut to, &view.coordinator, now)?;
        subscriptions(&mut to, &view.subscriptions)
    }
}

fn farm(to: &mut DescriptorEncoder, farm: &FarmStatus) -> fmt::Result {
    let mut metric = gauge(to, "open_builds", "Builds that are not over")?;
    let queued = farm.open.saturating_sub(farm.running);
    one(
        &mut metric,
        &[("state", "running")],
        farm.running.min(farm.open),
    )?;
    one(&mut metric, &[("state", "queued")], queued)?;
    let mut metric = gauge(to, "machines", "Machines by what they do")?;
    let counts = &farm.machines;
    for (state, count) in [
        ("idle", counts.idle),
        ("busy", counts.busy),
        ("held", counts.held),
        ("aside", counts.aside),
        ("draining", counts.draining),
        ("away", counts.away),
    ] {
        one(&mut metric, &[("state", state)], count)?;
    }
    let mut metric = gauge(to, "orders", "Machines that are ordered, by state")?;
    let orders = &farm.orders;
    for (state, count) in [
        ("wanted", orders.wanted),
        ("waits", orders.waits),
        ("made", orders.made),
        ("here", orders.here),
        ("ending", orders.ending),
    ] {
        one(&mut metric, &[("state", state)], count)?;
    }
    alone(to, "hubs", "Hubs heard of", farm.hubs.len())?;
    alone(
        to,
        "troubles",
        "What an operator should know",
        farm.troubles.len(),
    )?;
    intake(to, farm)
}

/// Of the newest day: counts of several days would not only grow.
fn intake(to: &mut DescriptorEncoder, farm: &FarmStatus) -> fmt::Result {
    let mut metric = gauge(
        to,
        "deliveries_today",
        "Deliveries of the newest day, by fate",
    )?;
    let newest = farm.intake.first().map(|row| row.day.clone());
    for row in farm
        .intake
        .iter()
        .filter(|row| Some(&row.day) == newest.as_ref())
    {
        for (fate, count) in [
            ("accepted", row.accepted),
            ("effective", row.effective),
            ("repeated", row.repeated),
            ("refused", row.refused),
            ("found", row.found),
        ] {
            let labels = [("source", row.source.as_str()), ("fate", fate)];
            metric
                .encode_family(&labels)?
                .encode_gauge(&signed(count))?;
        }
    }
    Ok(())
}

fn queues(to: &mut DescriptorEncoder, queues: &[QueueStatus], now: Timestamp) -> fmt::Result {
    let mut metric = gauge(to, "queue_length", "Jobs that wait for a machine")?;
    for queue in queues.iter().take(MAX_HOSTS) {
        let host = queue.host_type.as_str();
        for (state, count) in [("waiting", queue.waiting), ("pausing", queue.pausing)] {
            one(&mut metric, &[("host_type", host), ("state", state)], count)?;
        }
    }
    let help = "How long the longest-waiting build has been open";
    let mut metric = gauge(to, "queue_oldest_wait_seconds", help)?;
    for queue in queues.iter().take(MAX_HOSTS) {
        let labels = [("host_type", queue.host_type.as_str())];
        metric
            .encode_family(&labels)?
            .encode_gauge(&age(queue.oldest, now))?;
    }
    Ok(())
}

fn coordinator(
    to: &mut DescriptorEncoder,
    coordinator: &CoordinatorStatus,
    now: Timestamp,
) -> fmt::Result {
    let leads = usize::from(coordinator.role == Role::Leading);
    alone(to, "leader", "1 while this process leads", leads)?;
    let mut metric = gauge(to, "epoch", "The epoch that it leads in")?;
    metric.encode_gauge(&coordinator.epoch)?;
    alone(
        to,
        "outbox_length",
        "Events that are not known to be told",
        coordinator.outbox,
    )?;
    let help = "How old the oldest event is that is not known to be told";
    let mut metric = gauge(to, "outbox_oldest_seconds", help)?;
    metric.encode_gauge(&age(coordinator.outbox_oldest, now))?;
    alone(
        to,
        "dirty_views",
        "Pages that are out of date",
        coordinator.dirty_views,
    )?;
    let help = "When the bucket was last looked through for what is old";
    let mut metric = gauge(to, "sweep_ended_timestamp_seconds", help)?;
    let ended = coordinator.sweep.as_ref().map_or(0, |of| of.at.as_second());
    metric.encode_gauge(&ended)?;
    counter(to, "runs_decided", "Runs decided", coordinator.decided)?;
    let help = "Messages that changed nothing: repeated, stale or unknown";
    counter(to, "ignored_messages", help, coordinator.ignored)
}

fn subscriptions(to: &mut DescriptorEncoder, all: &[SubscriptionStatus]) -> fmt::Result {
    let mut metric = gauge(
        to,
        "dead_letters",
        "Messages that nobody could use, counted up to 100",
    )?;
    for subscription in all {
        if let Some(dead) = &subscription.dead {
            one(
                &mut metric,
                &[("subscription", subscription.name.as_str())],
                dead.count,
            )?;
        }
    }
    let help = "How old the last message was when it came";
    let mut metric = gauge(to, "subscription_lag_seconds", help)?;
    for subscription in all {
        if let Some(lag) = subscription.lag_seconds {
            let labels = [("subscription", subscription.name.as_str())];
            metric.encode_family(&labels)?.encode_gauge(&lag)?;
        }
    }
    Ok(())
}

fn gauge<'a>(
    to: &'a mut DescriptorEncoder<'_>,
    name: &'a str,
    help: &'a str,
) -> Result<MetricEncoder<'a>, fmt::Error> {
    to.encode_descriptor(name, help, None, MetricType::Gauge)
}

fn alone(to: &mut DescriptorEncoder, name: &str, help: &str, value: usize) -> fmt::Result {
    gauge(to, name, help)?.encode_gauge(&signed(value as u64))
}

fn counter(to: &mut DescriptorEncoder, name: &str, help: &str, value: u64) -> fmt::Result {
    let mut metric = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

fn one(metric: &mut MetricEncoder, labels: &impl EncodeLabelSet, value: usize) -> fmt::Result {
    metric
        .encode_family(labels)?
        .encode_gauge(&signed(value as u64))
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// In seconds; 0 where there is none.
fn age(since: Option<Timestamp>, now: Timestamp) -> f64 {
    since.map_or(0.0, |since| {
        now.duration_since(since).as_secs_f64().max(0.0)
    })
}
