//! What time, and what is seen of its machine, do to an order.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use farm_model::id::MachineName;
use farm_model::kept::Ordered;
use farm_model::order::{MachineOrder, NotMade, OrderStand};

use super::{Farm, spec};
use crate::effects::Effects;
use crate::farm::{Machine, Standing};
use crate::policy::later;

/// What becomes of an order.
enum Next {
    /// It stands so.
    Stands(OrderStand),
    /// Its machine goes, for this reason.
    Ends(String),
    /// The same, and it was of no use.
    IsUseless(String),
    /// It is over: there is no machine.
    IsOver,
}

impl Farm {
    /// Looks at one order.
    pub(super) fn review(&mut self, name: &MachineName, now: Timestamp, effects: &mut Effects) {
        let Some(ordered) = self.book.order(name).cloned() else {
            return;
        };
        self.see(&ordered, now);
        self.note_use(&ordered.line.order);
        match self.next_of(&ordered, now) {
            Some(Next::Stands(stand)) => self.stand_order(name, stand, now, effects),
            Some(Next::Ends(reason)) => self.end_order(name, reason, now, effects),
            Some(Next::IsUseless(reason)) => {
                self.note_useless(&ordered.line.order, &reason, now);
                self.end_order(name, reason, now, effects);
            }
            Some(Next::IsOver) => self.strike_order(&ordered, now, effects),
            None => {}
        }
    }

    /// Notes since when its machine is away, lacks labels, or has nothing to do.
    fn see(&mut self, ordered: &Ordered, now: Timestamp) {
        let order = &ordered.line.order;
        let name = &order.machine;
        let here = matches!(ordered.line.stand, OrderStand::Here { .. });
        let away = here && !self.fleet.has_name(name);
        let unlabelled = !self.missing_labels(order).is_empty();
        let idle = here && !away && self.all_of(name, |of| of.standing == Standing::Idle);
        let seen = &mut self.pools.seen;
        for (is_so, since) in [
            (away, &mut seen.away),
            (unlabelled, &mut seen.unlabelled),
            (idle, &mut seen.idle),
        ] {
            if is_so {
                since.entry(name.clone()).or_insert(now);
            } else {
                since.remove(name);
            }
        }
    }

    fn next_of(&self, ordered: &Ordered, now: Timestamp) -> Option<Next> {
        let (order, stand) = (&ordered.line.order, &ordered.line.stand);
        if matches!(stand, OrderStand::Ending { .. }) {
            // Its machine knows itself when it has to go; nobody is left who would say that it is gone.
            let forgotten = later(order.until, self.policy.pool_forget) <= now;
            return forgotten.then_some(Next::IsOver);
        }
        if order.until <= now {
            return Some(Next::Ends("its time is over".to_owned()));
        }
        match stand {
            OrderStand::Here { .. } => self.next_of_here(order, now),
            OrderStand::Made { place } if self.is_connected(order) => {
                let place = place.clone();
                Some(Next::Stands(OrderStand::Here { place }))
            }
            _ if self.is_connected(order) => {
                let place = String::new();
                Some(Next::Stands(OrderStand::Here { place }))
            }
            OrderStand::Made { .. } => {
                let limit = self.policy.pool_boot;
                let late = self.patience(ordered.line.since, now) > limit;
                let reason = || format!("it has not registered within {}", words(limit));
                late.then(|| Next::IsUseless(reason()))
            }
            OrderStand::Waits {
                cause: NotMade::Refused,
                ..
            } => self.is_outdated(order).then_some(Next::IsOver),
            _ => self.is_outdated(order).then(|| Next::Ends(outdated())),
        }
    }

    fn next_of_here(&self, order: &MachineOrder, now: Timestamp) -> Option<Next> {
        let name = &order.machine;
        if let Some(since) = self.pools.seen.away.get(name) {
            let limit = self.policy.pool_away;
            let reason = || format!("it has not been connected for {}", words(limit));
            return (self.patience(*since, now) > limit).then(|| Next::Ends(reason()));
        }
        if !self.is_quiet(name) {
            return None;
        }
        if let Some(aside) = self.book.aside(name) {
            let reason = format!("it was set aside: {}", aside.reason);
            return Some(Next::IsUseless(reason));
        }
        if let Some(since) = self.pools.seen.unlabelled.get(name)
            && self.patience(*since, now) > self.policy.pool_boot
        {
            let missing = Vec::from_iter(self.missing_labels(order)).join(", ");
            let reason =
                format!("it registered without labels that it was ordered with: {missing}");
            return Some(Next::IsUseless(reason));
        }
        let outlived = self.pools.seen.outlived.contains(name);
        outlived.then(|| Next::Ends(self.why_outlived(order)))
    }

    /// Why a machine whose time for that is over takes no new work.
    pub(super) fn why_outlived(&self, order: &MachineOrder) -> String {
        match self.is_outdated(order) {
            true => outdated(),
            false => "it is so old that it takes no new work".to_owned(),
        }
    }

    /// Whether a machine of the name is connected, and is what was ordered.
    fn is_connected(&self, order: &MachineOrder) -> bool {
        let mut machines = self.named(&order.machine);
        machines.any(|machine| machine.host_type == order.host_type)
    }

    /// What it was ordered with, and does not have wherever it is connected. It may come late: a hub that could not read
    /// the machine's record knows of none.
    fn missing_labels(&self, order: &MachineOrder) -> BTreeSet<String> {
        let lacks = |label: &&String| !self.all_of(&order.machine, |of| of.labels.contains(*label));
        order.labels.iter().filter(lacks).cloned().collect()
    }

    /// Whether the machine does nothing, and is kept for nothing.
    fn is_quiet(&self, name: &MachineName) -> bool {
        self.all_of(name, |of| {
            of.lease.is_none() && of.busy.is_none() && of.held.is_none()
        })
    }

    pub(super) fn named(&self, name: &MachineName) -> impl Iterator<Item = &Machine> {
        let ids = self.fleet.named(name);
        ids.filter_map(|id| self.fleet.machine(id))
    }

    /// Whether that holds wherever the machine is connected.
    fn all_of(&self, name: &MachineName, holds: impl Fn(&Machine) -> bool) -> bool {
        self.named(name).all(holds)
    }

    /// Whether `farm.toml` would have another machine made now.
    fn is_outdated(&self, order: &MachineOrder) -> bool {
        let host = self.config.hosts.get(&order.host_type);
        let same = host.zip(host.and_then(|host| host.pool.as_ref()));
        !same.is_some_and(|(host, pool)| {
            pool.name == order.pool
                && pool.spot == order.spot
                && pool.labels == order.labels
                && spec(host).as_ref() == Some(&order.spec)
        })
    }

    /// Whether a machine takes no new work any more.
    fn has_outlived(&self, order: &MachineOrder, now: Timestamp) -> bool {
        let live = |seconds| later(order.at, SignedDuration::from_secs(as_signed(seconds)));
        let pool = self.pool_of(&order.host_type);
        self.is_outdated(order) || pool.is_some_and(|pool| live(pool.live_seconds) <= now)
    }

    /// Machines whose time for new work is over get none, and those of which that is not so any more get some.
    pub(super) fn note_outlived(&mut self, now: Timestamp) {
        let orders = self.orders().map(|of| &of.line.order);
        let outlived = orders.filter(|order| self.has_outlived(order, now));
        let outlived: BTreeSet<MachineName> = outlived.map(|of| of.machine.clone()).collect();
        let before = std::mem::replace(&mut self.pools.seen.outlived, outlived.clone());
        for name in before.symmetric_difference(&outlived) {
            self.bar_as_kept(name);
        }
    }

    /// Whether a machine that was ordered will soon take work, as far as is known.
    pub(super) fn is_coming(&self, ordered: &Ordered, now: Timestamp) -> bool {
        let name = &ordered.line.order.machine;
        match &ordered.line.stand {
            OrderStand::Wanted | OrderStand::Made { .. } => true,
            OrderStand::Here { .. } => {
                let (seen, policy) = (&self.pools.seen, &self.policy);
                let within = |since: &Timestamp, limit| self.patience(*since, now) < limit;
                match (seen.away.get(name), seen.unlabelled.get(name)) {
                    (Some(since), _) => within(since, policy.pool_coming),
                    (None, Some(since)) if within(since, policy.pool_boot) => true,
                    _ => self.all_of(name, |of| {
                        matches!(of.standing, Standing::Unproved | Standing::Suspect)
                    }),
                }
            }
            OrderStand::Waits { .. } | OrderStand::Ending { .. } => false,
        }
    }
}

fn outdated() -> String {
    "farm.toml wants other machines now".to_owned()
}

/// Of seconds in `farm.toml`.
pub(super) fn as_signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX / 4)
}

/// `10 minutes`.
fn words(duration: SignedDuration) -> String {
    match duration.as_secs() {
        seconds if seconds % 60 == 0 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}
