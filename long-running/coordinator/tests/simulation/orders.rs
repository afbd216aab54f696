//! What is durable of machines that are ordered, and whether each change of that may be.

use std::collections::{BTreeMap, BTreeSet};

use farm_model::event::{Event, Message};
use farm_model::id::{HostType, MachineName};
use farm_model::kept::{Kept, KeptKey, KeptKind, Ordered};
use farm_model::message::result::MachineWanted;
use farm_model::order::OrderStand;

/// `most` of every pool of these worlds.
pub const MOST: usize = 2;

/// All orders.
#[derive(Default)]
pub struct Orders {
    stand: BTreeMap<MachineName, Ordered>,
    over: BTreeSet<MachineName>,
    /// Attempts that the pool was told of.
    told: BTreeSet<(MachineName, u32)>,
    /// How many machines there were.
    here: usize,
}

impl Orders {
    /// The database has these changes; `at_work` says whether an attempt is current on a machine.
    pub fn committed(
        &mut self,
        changes: &[(KeptKey, Option<Kept>)],
        at_work: impl Fn(&MachineName) -> bool,
    ) -> Result<(), String> {
        for (key, kept) in changes {
            match kept {
                Some(Kept::Order(ordered)) => self.changed(ordered, &at_work)?,
                None if key.kind == KeptKind::Order => self.struck_out(key)?,
                _ => {}
            }
        }
        let mut counts = BTreeMap::<&HostType, usize>::new();
        for ordered in self.stand.values() {
            *counts.entry(&ordered.line.order.host_type).or_default() += 1;
        }
        match counts.into_iter().find(|(_, count)| *count > MOST) {
            Some((host, count)) => Err(format!("{count} machines of {host} are ordered")),
            None => Ok(()),
        }
    }

    fn changed(
        &mut self,
        ordered: &Ordered,
        at_work: impl Fn(&MachineName) -> bool,
    ) -> Result<(), String> {
        let (order, stand) = (&ordered.line.order, &ordered.line.stand);
        let name = &order.machine;
        if self.over.contains(name) {
            return Err(format!("{name} was ordered again"));
        }
        let before = self.stand.insert(name.clone(), ordered.clone());
        let was = before.as_ref().map(|of| &of.line.stand);
        let ended = matches!(was, Some(OrderStand::Ending { .. }));
        if ended && was != Some(stand) {
            return Err(format!("{name} was ending and is {stand:?}"));
        }
        if before.is_some_and(|before| before.line.order.attempt > order.attempt) {
            return Err(format!("{name} went back to attempt {}", order.attempt));
        }
        self.here += usize::from(matches!(stand, OrderStand::Here { .. }));
        if let OrderStand::Ending { reason } = stand
            && !ended
            && order.until > ordered.line.since
            && !reason.starts_with("its hub took it out of use")
            && !reason.starts_with("it has not been connected")
            && at_work(name)
        {
            return Err(format!("{name} was given up at work: {reason}"));
        }
        Ok(())
    }

    fn struck_out(&mut self, key: &KeptKey) -> Result<(), String> {
        let name: MachineName = key
            .key
            .parse()
            .map_err(|_| format!("{key} is no machine"))?;
        self.stand.remove(&name);
        self.over.insert(name);
        Ok(())
    }

    /// The queues are about to have `event`.
    pub fn published(&mut self, event: &Event) -> Result<(), String> {
        if event.kind != MachineWanted::TYPE {
            return Ok(());
        }
        let wanted: MachineWanted = event.decode().map_err(|error| error.to_string())?;
        let (name, attempt) = (wanted.order.machine, wanted.order.attempt);
        let stored = self.stand.get(&name);
        let known = stored.is_some_and(|of| of.line.order.attempt >= attempt);
        self.told.insert((name.clone(), attempt));
        (known || self.over.contains(&name))
            .then_some(())
            .ok_or(format!("{name} was told to the pool and is not stored"))
    }

    /// Every one that still stands, for people.
    pub fn standing(&self) -> impl Iterator<Item = &Ordered> {
        self.stand.values()
    }

    /// How many machines were ordered, tried to be made and came.
    pub fn told(&self) -> (usize, usize, usize) {
        (
            self.over.len() + self.stand.len(),
            self.told.len(),
            self.here,
        )
    }
}
