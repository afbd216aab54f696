//! How many machines of a host type there should be: more are ordered, and those that have had nothing to do go.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use farm_model::config::HostPool;
use farm_model::id::{HostType, MachineName};
use farm_model::kept::{Count, Kept, KeptKind, Ordered};
use farm_model::order::{MachineOrder, OrderStand};
use farm_model::view::OrderLine;

use super::review::as_signed;
use super::{Farm, name, spec};
use crate::effects::Effects;
use crate::policy::later;
use crate::pool::{Limits, scale};

/// Machines of a host type that are ordered in one look.
const AT_ONCE: u32 = 20;
/// What counts the orders of the farm.
const NUMBERS: &str = "orders";

/// Orders of a host type.
#[derive(Debug, Clone, Copy, Default)]
struct Orders {
    /// All but those that are ending.
    there: u32,
    /// Those that are ending: they count until they are gone.
    ending: u32,
    /// Those of which the machines will soon take work.
    coming: u32,
    /// Those that could not be made: it is not known yet whether they can be now.
    failing: u32,
}

impl Farm {
    /// Looks whether a host type has the machines that it should have.
    pub(super) fn supply(&mut self, host: &HostType, now: Timestamp, effects: &mut Effects) {
        let Some(pool) = self.pool_of(host).cloned() else {
            return;
        };
        let jobs = self.queue.wants_machines(host, &pool.labels);
        let jobs = u32::try_from(jobs).unwrap_or(u32::MAX);
        self.try_due(host, &pool, jobs, now, effects);
        self.give_up_idle(host, &pool, jobs, now, effects);
        self.order_more(host, &pool, jobs, now, effects);
    }

    fn count_orders(&self, host: &HostType, now: Timestamp) -> Orders {
        let mut orders = Orders::default();
        for ordered in self.orders_of(host) {
            let stand = &ordered.line.stand;
            let ending = matches!(stand, OrderStand::Ending { .. });
            orders.ending += u32::from(ending);
            orders.there += u32::from(!ending);
            orders.coming += u32::from(self.is_coming(ordered, now));
            orders.failing += u32::from(ordered.is_failing());
        }
        orders
    }

    /// Orders that could not be made, and of which the pause is over, are tried again if there still is work for them.
    fn try_due(
        &mut self,
        host: &HostType,
        pool: &HostPool,
        jobs: u32,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let due = |of: &&Ordered| matches!(of.line.stand, OrderStand::Waits { again, .. } if again <= now);
        let due: Vec<Ordered> = self.orders_of(host).filter(due).cloned().collect();
        for mut ordered in due {
            let orders = self.count_orders(host, now);
            if jobs <= orders.coming && orders.there > pool.fewest {
                let name = &ordered.line.order.machine;
                let reason = "there is no work for it any more".to_owned();
                self.end_order(name, reason, now, effects);
                continue;
            }
            let order = &mut ordered.line.order;
            order.attempt = order.attempt.saturating_add(1);
            (order.at, order.until) = (now, until(pool, now));
            (ordered.line.stand, ordered.line.since) = (OrderStand::Wanted, now);
            self.want_machine(ordered, now, effects);
        }
    }

    /// Machines that have had nothing to do for long go, those first that have waited longest.
    fn give_up_idle(
        &mut self,
        host: &HostType,
        pool: &HostPool,
        jobs: u32,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let idle = &self.pools.seen.idle;
        let names = self.orders_of(host).map(|of| &of.line.order.machine);
        let mut idle: Vec<(Timestamp, MachineName)> = names
            .filter_map(|name| Some((*idle.get(name)?, name.clone())))
            .collect();
        idle.sort();
        let mut there = self.count_orders(host, now).there;
        for (since, name) in idle {
            let quiet = Duration::try_from(now.duration_since(since)).ok();
            if there > scale(limits(pool, pool.most), there, jobs, quiet) {
                let reason = "it has had no work".to_owned();
                self.end_order(&name, reason, now, effects);
                there -= 1;
            }
        }
    }

    /// Orders what waiting jobs lack. While one of the host type cannot be made, no others are ordered: they could not be
    /// either.
    fn order_more(
        &mut self,
        host: &HostType,
        pool: &HostPool,
        jobs: u32,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let orders = self.count_orders(host, now);
        let settled = now.duration_since(self.listening_since) >= self.policy.pool_settle;
        let pause = self.pools.seen.useless.pause(host, &self.policy);
        if orders.failing > 0 || !settled || pause.is_some_and(|until| now < until) {
            return;
        }
        let room = pool.most.saturating_sub(orders.ending);
        let lacking = jobs.saturating_sub(orders.coming);
        let wanted = scale(limits(pool, room), orders.there, lacking, None);
        let lacking = wanted.saturating_sub(orders.there);
        let at_once = match pause {
            Some(_) => 1_u32.saturating_sub(orders.coming),
            None => AT_ONCE,
        };
        for _ in 0..lacking.min(at_once) {
            self.order(host, pool, now, effects);
        }
    }

    /// Orders one.
    fn order(&mut self, host: &HostType, pool: &HostPool, now: Timestamp, effects: &mut Effects) {
        let number = self.next_number(effects);
        let spec = self.config.hosts.get(host).and_then(spec);
        let Some((machine, spec)) = name::name(&self.config.name, host, number, now).zip(spec)
        else {
            return;
        };
        let order = MachineOrder {
            machine,
            host_type: host.clone(),
            pool: pool.name.clone(),
            spec,
            spot: pool.spot,
            labels: pool.labels.clone(),
            at: now,
            until: until(pool, now),
            attempt: 1,
        };
        let line = OrderLine {
            order,
            stand: OrderStand::Wanted,
            since: now,
        };
        let failures = 0;
        self.want_machine(Ordered { line, failures }, now, effects);
    }

    fn next_number(&mut self, effects: &mut Effects) -> u64 {
        let before = match self.book.get(KeptKind::Count, NUMBERS) {
            Some(Kept::Count(count)) => count.count,
            _ => 0,
        };
        let count = before.saturating_add(1);
        let of = NUMBERS.to_owned();
        self.book.put(Kept::Count(Count { of, count }), effects);
        count
    }
}

fn limits(pool: &HostPool, most: u32) -> Limits {
    Limits {
        most,
        fewest: pool.fewest,
        idle: Duration::from_secs(pool.idle_seconds),
    }
}

/// When a machine that is ordered now goes, whatever it does.
fn until(pool: &HostPool, now: Timestamp) -> Timestamp {
    let seconds = pool.live_seconds.saturating_add(pool.last_seconds);
    later(now, SignedDuration::from_secs(as_signed(seconds)))
}
