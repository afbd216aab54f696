//! Machines that the farm has made for it: an order is written down before anybody hears of it, stands until its machine is
//! gone, and always has something that comes next. Who makes them is told from the outbox, and may have to be told again:
//! that every order is in `pools.json` sees to it.

mod name;
mod review;
mod supply;
mod told;
mod useless;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use farm_model::config::{Host, HostPool, Machines};
use farm_model::id::{HostType, MachineName};
use farm_model::kept::{Admission, Kept, KeptKey, KeptKind, Ordered};
use farm_model::message::result::{MachineUnwanted, MachineWanted};
use farm_model::order::{MachineSpec, OrderStand};

use super::Farm;
use crate::effects::{Effects, ViewKey};
use crate::policy::earlier;
use useless::AllUseless;

/// What is known of orders beside their records.
#[derive(Debug, Default)]
pub(super) struct Pools {
    by_host: BTreeMap<HostType, BTreeSet<MachineName>>,
    /// Host types that are to be looked at.
    due: BTreeSet<HostType>,
    seen: Seen,
}

/// What was seen, and no record holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Since when each machine has had nothing to do.
    idle: BTreeMap<MachineName, Timestamp>,
    /// Since when each machine that had registered is not connected.
    away: BTreeMap<MachineName, Timestamp>,
    /// Since when each machine that is connected lacks labels that it was ordered with.
    #[serde(default)]
    unlabelled: BTreeMap<MachineName, Timestamp>,
    /// Those that take no new work, as their time for that is over.
    outlived: BTreeSet<MachineName>,
    /// When it was last seen that no hub lives.
    hubless: Option<Timestamp>,
    useless: AllUseless,
    /// When the document was last due.
    shown: Option<Timestamp>,
}

impl Seen {
    fn forget(&mut self, machine: &MachineName) {
        self.idle.remove(machine);
        self.away.remove(machine);
        self.unlabelled.remove(machine);
        self.outlived.remove(machine);
    }
}

impl Farm {
    /// All orders that stand, by name of the machine.
    pub fn orders(&self) -> impl Iterator<Item = &Ordered> {
        self.book.of(KeptKind::Order).filter_map(as_order)
    }

    /// Those of a host type.
    pub fn orders_of(&self, host: &HostType) -> impl Iterator<Item = &Ordered> + use<'_> {
        let names = self.pools.by_host.get(host).into_iter().flatten();
        names.filter_map(|name| self.book.order(name))
    }

    /// Who makes machines of a host type, if anybody does.
    #[must_use]
    pub fn pool_of(&self, host: &HostType) -> Option<&HostPool> {
        self.config.hosts.get(host)?.pool.as_ref()
    }

    /// What is known of orders beside their records.
    pub(super) fn orders_seen(&self) -> Seen {
        self.pools.seen.clone()
    }

    /// Goes on from what was seen.
    pub(super) fn know_orders_seen(&mut self, seen: Seen) {
        self.pools.seen = seen;
        for name in self.pools.seen.outlived.clone() {
            self.bar_as_kept(&name);
        }
    }

    /// After a start: which orders there are.
    pub(super) fn know_orders(&mut self) {
        for ordered in self.book.of(KeptKind::Order).filter_map(as_order) {
            let order = &ordered.line.order;
            let of_host = self.pools.by_host.entry(order.host_type.clone());
            of_host.or_default().insert(order.machine.clone());
        }
    }

    /// Those of a host type of which the machines will soon take work, or are expected back. What has yet to prove itself is
    /// not among them.
    pub(crate) fn coming(
        &self,
        host: &HostType,
        now: Timestamp,
    ) -> impl Iterator<Item = &Ordered> + use<'_> {
        let absent = |of: &&Ordered| !self.fleet.has_name(&of.line.order.machine);
        let orders = self.orders_of(host).filter(absent);
        orders.filter(move |of| self.is_coming(of, now))
    }

    /// Why a machine that was ordered takes no new work; none if it does.
    pub(crate) fn why_given_up(&self, machine: &MachineName) -> Option<String> {
        let order = self.book.order(machine)?;
        match &order.line.stand {
            OrderStand::Ending { reason } => Some(format!("it is being deleted: {reason}")),
            _ if self.is_given_up(machine) => Some(self.why_outlived(&order.line.order)),
            _ => None,
        }
    }

    /// Whether a machine that was ordered takes no new work.
    pub(super) fn is_given_up(&self, machine: &MachineName) -> bool {
        let ending = |of: &Ordered| matches!(of.line.stand, OrderStand::Ending { .. });
        self.pools.seen.outlived.contains(machine) || self.book.order(machine).is_some_and(ending)
    }

    /// Time has passed: every host type with a pool or with orders is to be looked at.
    pub(super) fn note_time(&mut self, now: Timestamp, effects: &mut Effects) {
        let hosts = self.config.hosts.iter();
        let pooled = hosts.filter(|(_, host)| host.pool.is_some());
        let mut due: BTreeSet<HostType> = pooled.map(|(name, _)| name.clone()).collect();
        due.extend(self.pools.by_host.keys().cloned());
        if due.is_empty() {
            return;
        }
        if !self.fleet.hears_any(earlier(now, self.policy.grace)) {
            self.pools.seen.hubless = Some(now);
        }
        let shown = self.pools.seen.shown;
        if shown.is_none_or(|at| now.duration_since(at) >= self.policy.pool_show) {
            self.pools.seen.shown = Some(now);
            effects.dirty.insert(ViewKey::Pools);
        }
        self.pools.due.append(&mut due);
        self.note_outlived(now);
    }

    /// Looks at the host types that are due, and at those of `changed` that have a pool or orders.
    pub(super) fn keep_pools(
        &mut self,
        changed: &BTreeSet<HostType>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let concerned = |host: &&HostType| {
            self.pool_of(host).is_some() || self.pools.by_host.contains_key(*host)
        };
        let mut due: BTreeSet<HostType> = changed.iter().filter(concerned).cloned().collect();
        due.append(&mut self.pools.due);
        for host in due {
            let names = self.pools.by_host.get(&host).cloned().unwrap_or_default();
            for name in names {
                self.review(&name, now, effects);
            }
            self.supply(&host, now, effects);
            self.tell_trouble(&host, effects);
        }
        // What these looks changed they have seen.
        self.pools.due.clear();
    }

    /// For how long that has been so while we heard the hubs: nobody can be missed who could not have spoken.
    fn patience(&self, since: Timestamp, now: Timestamp) -> SignedDuration {
        let heard = self.pools.seen.hubless.unwrap_or(Timestamp::MIN);
        now.duration_since(since.max(self.listening_since).max(heard))
    }

    /// Writes an order down.
    fn put_order(&mut self, ordered: Ordered, effects: &mut Effects) {
        let order = &ordered.line.order;
        let of_host = self.pools.by_host.entry(order.host_type.clone());
        of_host.or_default().insert(order.machine.clone());
        self.pools.due.insert(order.host_type.clone());
        self.show_orders(&order.host_type, effects);
        self.book.put(Kept::Order(ordered), effects);
    }

    /// An order stands otherwise from now on.
    fn stand_order(
        &mut self,
        machine: &MachineName,
        stand: OrderStand,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(mut ordered) = self.book.order(machine).cloned() else {
            return;
        };
        (ordered.line.stand, ordered.line.since) = (stand, now);
        self.put_order(ordered, effects);
    }

    /// It is to be made now: told again with each attempt.
    fn want_machine(&mut self, ordered: Ordered, now: Timestamp, effects: &mut Effects) {
        let order = ordered.line.order.clone();
        let id = format!("wanted:{}:{}", order.machine, order.attempt);
        if order.attempt == 1 {
            let detail = [
                ("machine", order.machine.to_string()),
                ("host", order.host_type.to_string()),
            ];
            effects.note(now, "machine-ordered", &detail);
        }
        self.put_order(ordered, effects);
        effects.tell(id, now, &MachineWanted { order });
    }

    /// It gets no more work, and is deleted.
    fn end_order(
        &mut self,
        machine: &MachineName,
        reason: String,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(order) = self.book.order(machine).map(|of| of.line.order.clone()) else {
            return;
        };
        let detail = [("machine", machine.to_string()), ("reason", reason.clone())];
        effects.note(now, "machine-given-up", &detail);
        let unwanted = MachineUnwanted {
            machine: machine.clone(),
            pool: order.pool,
            host_type: order.host_type,
            reason: reason.clone(),
        };
        effects.tell(format!("unwanted:{machine}"), now, &unwanted);
        self.stand_order(machine, OrderStand::Ending { reason }, now, effects);
        self.bar_as_kept(machine);
    }

    /// The machine is not there any more, and no other will have its name.
    fn strike_order(&mut self, ordered: &Ordered, now: Timestamp, effects: &mut Effects) {
        let order = &ordered.line.order;
        let detail = [("machine", order.machine.to_string())];
        effects.note(now, "machine-gone", &detail);
        let key = Kept::Order(ordered.clone()).key();
        self.book.take(&key, effects);
        self.show_orders(&order.host_type, effects);
        self.pools.seen.forget(&order.machine);
        if let Some(of_host) = self.pools.by_host.get_mut(&order.host_type) {
            of_host.remove(&order.machine);
            if of_host.is_empty() {
                self.pools.by_host.remove(&order.host_type);
            }
        }
        self.pools.due.insert(order.host_type.clone());
        self.forget_machine(&order.machine, effects);
    }

    /// Nothing is kept of a machine that never comes back. What its hub still says of it counts until it is silent.
    fn forget_machine(&mut self, machine: &MachineName, effects: &mut Effects) {
        let of = |kind, key: String| KeptKey { kind, key };
        self.forget_aside(machine, effects);
        self.book
            .take(&of(KeptKind::Drain, machine.to_string()), effects);
        let admissions = self.book.of(KeptKind::Admission);
        let own: Vec<KeptKey> = admissions
            .filter(|kept| matches!(kept, Kept::Admission(Admission { machine: of, .. }) if of == machine))
            .map(Kept::key)
            .collect();
        for key in own {
            self.book.take(&key, effects);
        }
        self.machines_changed(machine);
        let connected: Vec<_> = self.fleet.named(machine).cloned().collect();
        for id in connected {
            self.fleet.suspect(&id);
        }
    }
}

pub(super) fn as_order(kept: &Kept) -> Option<&Ordered> {
    match kept {
        Kept::Order(ordered) => Some(ordered),
        _ => None,
    }
}

/// What machines of a host type are made of; none where nobody makes them.
fn spec(host: &Host) -> Option<MachineSpec> {
    match &host.machines {
        Machines::Vm(vm) => Some(MachineSpec::Vm(vm.clone())),
        Machines::Container(container) => Some(MachineSpec::Container(container.clone())),
        Machines::Any | Machines::Reverse(_) => None,
    }
}
