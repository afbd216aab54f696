//! What is told of machines that were ordered, twice, late or out of order.

use jiff::Timestamp;

use farm_model::id::{HostType, MachineId, MachineName, PoolName};
use farm_model::kept::Ordered;
use farm_model::message::progress::{OrderEvent, OrderProgress};
use farm_model::order::{NotMade, OrderStand};

use super::Farm;
use crate::effects::Effects;
use crate::policy::later;

impl Farm {
    /// A pool tells of an order.
    pub(in crate::farm) fn order_told(
        &mut self,
        progress: OrderProgress,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let known = self.book.order(&progress.machine);
        let Some(ordered) = known.filter(|of| is_about(&progress, of)).cloned() else {
            effects.ignored += 1;
            return;
        };
        match progress.what {
            OrderEvent::Made { place } => self.order_made(&ordered, place, now, effects),
            OrderEvent::Failed { cause, reason } => {
                self.order_failed(ordered, cause, reason, now, effects);
            }
            OrderEvent::Gone { .. } => {
                self.strike_order(&ordered, now, effects);
                self.room_in(&ordered.line.order.pool, now, effects);
            }
        }
    }

    fn order_made(
        &mut self,
        ordered: &Ordered,
        place: String,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let order = &ordered.line.order;
        let stand = match &ordered.line.stand {
            OrderStand::Wanted | OrderStand::Waits { .. } => OrderStand::Made { place },
            // It was quicker than the word of it.
            OrderStand::Here { place: known } if known.is_empty() => OrderStand::Here { place },
            _ => {
                effects.ignored += 1;
                return;
            }
        };
        self.stand_order(&order.machine, stand, now, effects);
        self.made_one(&order.host_type, now, effects);
    }

    fn order_failed(
        &mut self,
        mut ordered: Ordered,
        cause: NotMade,
        reason: String,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        if ordered.line.stand != OrderStand::Wanted {
            effects.ignored += 1;
            return;
        }
        let host = &ordered.line.order.host_type;
        let known = self.orders_of(host).any(is_refused);
        if cause == NotMade::Refused && known {
            // One that is tried again is enough to find out when they can be made.
            return self.strike_order(&ordered, now, effects);
        }
        ordered.failures = ordered.failures.saturating_add(1);
        let again = later(now, self.policy.order_again_in(cause, ordered.failures));
        ordered.line.since = now;
        ordered.line.stand = OrderStand::Waits {
            again,
            cause,
            reason,
        };
        self.put_order(ordered, effects);
    }

    /// Machines of a host type can be made: others of it are not held back by what went wrong before.
    fn made_one(&mut self, host: &HostType, now: Timestamp, effects: &mut Effects) {
        let failed = |of: &&Ordered| of.failures > 0;
        let others: Vec<Ordered> = self.orders_of(host).filter(failed).cloned().collect();
        for mut ordered in others {
            ordered.failures = 0;
            if let OrderStand::Waits { again, .. } = &mut ordered.line.stand {
                *again = now.min(*again);
            }
            self.put_order(ordered, effects);
        }
    }

    /// A pool has room for one more: what was refused for the want of it is tried again.
    fn room_in(&mut self, pool: &PoolName, now: Timestamp, effects: &mut Effects) {
        let quota = |of: &&Ordered| match of.line.stand {
            OrderStand::Waits { cause, again, .. } => cause == NotMade::Quota && again > now,
            _ => false,
        };
        let of_pool = self.orders().filter(|of| of.line.order.pool == *pool);
        if let Some(mut ordered) = of_pool
            .filter(quota)
            .min_by_key(|of| of.line.since)
            .cloned()
        {
            if let OrderStand::Waits { again, .. } = &mut ordered.line.stand {
                *again = now;
            }
            self.put_order(ordered, effects);
        }
    }

    /// A hub took a machine out of use: if it was made for us, it has done what it was made for.
    pub(in crate::farm) fn order_dismissed(
        &mut self,
        machine: &MachineId,
        reason: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let stands = |name: &MachineName| {
            let order = self.book.order(name);
            order.is_some_and(|of| !matches!(of.line.stand, OrderStand::Ending { .. }))
        };
        if let Some(name) = machine.name().filter(stands) {
            let reason = format!("its hub took it out of use: {reason}");
            self.end_order(&name, reason, now, effects);
        }
    }

    /// Another `farm.toml` is in force: what could not be made before may be possible now.
    pub(in crate::farm) fn try_refused(&mut self, now: Timestamp, effects: &mut Effects) {
        let refused: Vec<Ordered> = self.orders().filter(|of| is_refused(of)).cloned().collect();
        for mut ordered in refused {
            if let OrderStand::Waits { again, .. } = &mut ordered.line.stand {
                *again = now;
            }
            self.put_order(ordered, effects);
        }
    }

    /// An operator has to know which machines cannot be made, or are of no use, as long as that is so.
    pub(super) fn tell_trouble(&mut self, host: &HostType, effects: &mut Effects) {
        let reason = self.orders_of(host).find_map(|of| match &of.line.stand {
            OrderStand::Waits {
                cause: NotMade::Refused,
                reason,
                ..
            } => Some(reason),
            _ => None,
        });
        let text = reason.map(|reason| {
            format!(
                "its machines cannot be made; mend its table in farm.toml, or the pool: {reason}"
            )
        });
        let text = text.or_else(|| self.pools.seen.useless.trouble(host));
        let about = format!("host type {host}");
        if text.is_some() || self.troubles.contains_key(&about) {
            self.trouble(about, text, effects);
        }
    }
}

fn is_refused(of: &Ordered) -> bool {
    matches!(
        of.line.stand,
        OrderStand::Waits {
            cause: NotMade::Refused,
            ..
        }
    )
}

/// Whether that is about the order as it stands. While it is ending nothing of it is made, so that gone is gone.
fn is_about(progress: &OrderProgress, ordered: &Ordered) -> bool {
    let order = &ordered.line.order;
    let gone = matches!(progress.what, OrderEvent::Gone { .. });
    let ending = matches!(ordered.line.stand, OrderStand::Ending { .. });
    progress.pool == order.pool && (progress.attempt == order.attempt || gone && ending)
}
