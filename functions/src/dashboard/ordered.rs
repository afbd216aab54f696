//! Machines that the farm has made for it, on the page of machines.

use farm_model::order::{NotMade, OrderStand};
use farm_model::view::OrderLine;

use super::cells::Badge;
use super::text::Moment;

/// Orders that the page shows: those first of which the machine is not here.
const SHOWN: usize = 200;

/// What was ordered, and how that stands.
pub(super) struct Ordered {
    pub(super) count: usize,
    pub(super) orders: Vec<Order>,
}

/// One order.
pub(super) struct Order {
    pub(super) machine: String,
    pub(super) host: String,
    pub(super) badge: Badge,
    pub(super) since: Moment,
    /// The pool, and where in it.
    pub(super) place: String,
    pub(super) why: String,
    /// When it is tried again.
    pub(super) again: Option<Moment>,
    /// When it goes, whatever it does then.
    pub(super) until: Moment,
}

impl Ordered {
    pub(super) fn of(lines: &[OrderLine]) -> Self {
        let mut lines: Vec<&OrderLine> = lines.iter().collect();
        lines.sort_by_key(|line| {
            let here = matches!(line.stand, OrderStand::Here { .. });
            (here, &line.order.host_type, line.since)
        });
        Self {
            count: lines.len(),
            orders: lines.into_iter().take(SHOWN).map(order).collect(),
        }
    }
}

fn order(line: &OrderLine) -> Order {
    let (why, again) = why(&line.stand);
    Order {
        machine: line.order.machine.to_string(),
        host: line.order.host_type.to_string(),
        badge: badge(&line.stand),
        since: Moment(line.since),
        place: place(line),
        why,
        again,
        until: Moment(line.order.until),
    }
}

fn badge(stand: &OrderStand) -> Badge {
    let (class, symbol, word) = match stand {
        OrderStand::Wanted => ("queued", "\u{2026}", "being made"),
        OrderStand::Waits { .. } => ("lost", "!", "not made"),
        OrderStand::Made { .. } => ("running", "\u{25d0}", "starts"),
        OrderStand::Here { .. } => ("ok", "\u{2713}", "connected"),
        OrderStand::Ending { .. } => ("queued", "\u{2193}", "goes"),
    };
    Badge {
        class,
        symbol,
        word,
    }
}

fn place(line: &OrderLine) -> String {
    let pool = &line.order.pool;
    match &line.stand {
        OrderStand::Made { place } | OrderStand::Here { place } if !place.is_empty() => {
            format!("{pool}, {place}")
        }
        _ => pool.to_string(),
    }
}

/// What there is to say of it, and when it is tried again.
fn why(stand: &OrderStand) -> (String, Option<Moment>) {
    match stand {
        OrderStand::Waits {
            again,
            cause,
            reason,
        } => {
            let cause = match cause {
                NotMade::StockOut => "there is none now",
                NotMade::Quota => "there may be no more now",
                NotMade::Passing => "the pool did not answer, or not in time",
                NotMade::Refused => "it cannot be made so",
            };
            (format!("{cause}: {reason}"), Some(Moment(*again)))
        }
        OrderStand::Ending { reason } => (reason.clone(), None),
        OrderStand::Wanted | OrderStand::Made { .. } | OrderStand::Here { .. } => {
            (String::new(), None)
        }
    }
}
