//! Who makes machines, as the contract of pools has it: what is ordered is made late, fails, vanishes, and is deleted; what is
//! told gets lost on the way, and a pass over everything makes up for that.

use std::collections::BTreeMap;

use farm_core::pool::{Census, Found, Mark, Order, Records, missing, reap};
use farm_model::event::{Event, Message};
use farm_model::id::MachineName;
use farm_model::message::progress::{OrderEvent, OrderProgress};
use farm_model::message::result::{MachineUnwanted, MachineWanted};
use farm_model::order::{MachineOrder, NotMade, OrderStand};
use farm_model::view::{OrderLine, PoolsView};
use jiff::SignedDuration;

use crate::hub::Hub;
use crate::outside::{Outside, Word, time};
use crate::queue::Life;

/// Names no process: the pool's own never dies.
const LIFE: Life = 0;
/// How often everything is looked at, in milliseconds.
const PASS: i64 = 2_000;
/// How old an order is that should have been heard of.
const HEARD_WITHIN: i64 = 2_000;
const GRACE: SignedDuration = SignedDuration::from_secs(4);

/// What the pool is told.
#[derive(Debug, Clone)]
pub enum Told {
    Wanted(Box<MachineOrder>),
    Unwanted(MachineUnwanted),
}

impl Told {
    pub fn of(event: &Event) -> Option<Self> {
        match event.kind.as_str() {
            MachineWanted::TYPE => {
                let wanted = event.decode::<MachineWanted>().ok()?;
                Some(Self::Wanted(Box::new(wanted.order)))
            }
            MachineUnwanted::TYPE => event.decode().ok().map(Self::Unwanted),
            _ => None,
        }
    }
}

/// A machine that was made.
struct Made {
    order: MachineOrder,
    since: i64,
    /// When it registers, and where; not again once it has.
    boots: Option<(i64, usize)>,
}

#[derive(Default)]
pub struct Pool {
    machines: BTreeMap<MachineName, Made>,
    pass_due: i64,
}

impl Pool {
    pub fn is_empty(&self) -> bool {
        self.machines.is_empty()
    }

    pub fn step(&mut self, hubs: &mut [Hub], outside: &mut Outside) {
        self.hear(hubs, outside);
        self.boot(hubs, outside);
        if outside.now >= self.pass_due {
            self.pass_due = outside.now + PASS;
            self.pass(hubs, outside);
        }
    }

    /// A machine is taken back without a word.
    pub fn lose_one(&mut self, hubs: &mut [Hub], outside: &mut Outside) {
        let names: Vec<MachineName> = self.machines.keys().cloned().collect();
        if let Some(name) = outside.rng.pick(&names).cloned() {
            outside.note(|| format!("{name} is taken back"));
            self.end(&name, hubs, outside);
        }
    }

    fn hear(&mut self, hubs: &mut [Hub], outside: &mut Outside) {
        let queue = &mut outside.queues.pool;
        let Some((handle, told)) = queue.take(outside.now, LIFE, &mut outside.rng) else {
            return;
        };
        // What it does may be done again: the word that it was done got lost.
        let done = !outside.storm || !outside.rng.chance(100);
        if done {
            outside.queues.pool.ack(handle);
        }
        match told {
            Told::Wanted(order) => self.make(&order, outside),
            Told::Unwanted(unwanted) => self.end(&unwanted.machine, hubs, outside),
        }
    }

    /// Makes a machine, once.
    fn make(&mut self, order: &MachineOrder, outside: &mut Outside) {
        if order.until <= outside.time() {
            return;
        }
        let known = self.machines.contains_key(&order.machine);
        let failure = match outside.rng.below(10) {
            0 => Some(NotMade::StockOut),
            1 => Some(NotMade::Quota),
            2 | 3 => Some(NotMade::Passing),
            4 => Some(NotMade::Refused),
            _ => None,
        };
        let failure = failure.filter(|_| outside.storm && !known);
        // What took too long may have been done all the same.
        if !known
            && (failure.is_none() || failure == Some(NotMade::Passing) && outside.rng.chance(500))
        {
            let boots = outside.now + outside.rng.between(200, 3_000);
            let made = Made {
                order: order.clone(),
                since: outside.now,
                boots: Some((boots, outside.rng.below(2))),
            };
            self.machines.insert(order.machine.clone(), made);
        }
        let what = match failure {
            None => OrderEvent::Made {
                place: "zone-a".to_owned(),
            },
            Some(cause) => OrderEvent::Failed {
                cause,
                reason: "as chance would have it".to_owned(),
            },
        };
        say(order, what, outside);
    }

    /// Those whose time has come register; one in ten never does.
    fn boot(&mut self, hubs: &mut [Hub], outside: &mut Outside) {
        let now = outside.now;
        for (name, made) in &mut self.machines {
            if let Some((_, hub)) = made.boots.take_if(|(at, _)| *at <= now)
                && !(outside.storm && outside.rng.chance(100))
            {
                outside.note(|| format!("{name} registers"));
                hubs[hub].join(name, &made.order.host_type);
            }
        }
    }

    fn end(&mut self, name: &MachineName, hubs: &mut [Hub], outside: &mut Outside) {
        if self.machines.remove(name).is_some() {
            outside.note(|| format!("{name} ends"));
            hubs.iter_mut().for_each(|hub| hub.leave(name, outside.now));
        }
    }

    /// Every machine is explained by an order, and every order by a machine.
    fn pass(&mut self, hubs: &mut [Hub], outside: &mut Outside) {
        let Some(view) = outside.pools.clone() else {
            return;
        };
        let census = self.census(outside);
        let known = records(&view);
        for (name, why) in reap(&known, &census, GRACE) {
            outside.note(|| format!("{name} is {why:?}"));
            self.end(&name, hubs, outside);
        }
        let absent = missing(&known, &census, SignedDuration::from_secs(1));
        for line in &view.orders {
            self.reconcile(line, absent.contains(&&line.order.machine), hubs, outside);
        }
    }

    fn reconcile(
        &mut self,
        line: &OrderLine,
        absent: bool,
        hubs: &mut [Hub],
        outside: &mut Outside,
    ) {
        let order = &line.order;
        let gone = || OrderEvent::Gone {
            reason: "it is not there".to_owned(),
        };
        match &line.stand {
            OrderStand::Ending { .. } if self.machines.contains_key(&order.machine) => {
                self.end(&order.machine, hubs, outside);
            }
            OrderStand::Ending { .. } => say(order, gone(), outside),
            OrderStand::Made { .. } | OrderStand::Here { .. } if absent => {
                say(order, gone(), outside);
            }
            OrderStand::Wanted if line.since <= time(outside.now - HEARD_WITHIN) => {
                self.make(order, outside);
            }
            _ => {}
        }
    }

    fn census(&self, outside: &Outside) -> Census {
        let found = |(name, made): (&MachineName, &Made)| Found {
            name: name.clone(),
            place: "zone-a".to_owned(),
            since: time(made.since),
            mark: Mark::Ours,
            until: None,
            ended: false,
        };
        Census {
            at: outside.time(),
            machines: self.machines.iter().map(found).collect(),
        }
    }
}

fn records(view: &PoolsView) -> Records {
    let orders = view.orders.iter().map(|line| Order::from(&line.order));
    Records {
        at: view.made,
        orders: orders.map(|order| (order.name.clone(), order)).collect(),
    }
}

fn say(order: &MachineOrder, what: OrderEvent, outside: &mut Outside) {
    outside.note(|| format!("{} attempt {}: {what:?}", order.machine, order.attempt));
    let progress = OrderProgress {
        machine: order.machine.clone(),
        pool: order.pool.clone(),
        attempt: order.attempt,
        at: outside.time(),
        what,
    };
    outside.say(&Word::Order(progress));
}
