//! Machines that are made for the farm.

mod failing;
mod labels;
mod story;
mod why;

use farm_model::kept::Ordered;
use farm_model::message::progress::{OrderEvent, OrderProgress};
use farm_model::message::result::{MachineUnwanted, MachineWanted};
use farm_model::order::{MachineOrder, NotMade, OrderStand};

use super::*;
use crate::effects::ViewKey;

const POOLED: &str = r#"
name = "t"
[hosts.local]
clean = "wipe"
vm = { image = "debian", machine = "e2-standard-2", buildlet = "linux-amd64" }
[hosts.local.pool]
name = "vms"
most = 2
idle = "5m"
live = "1h"
last = "10m"
[builders.test]
host = "local"
timeout = "24h"
steps = [{ name = "test", argv = ["true"], timeout = "60s" }]
[repositories.sample]
url = "/src"
github = "local/sample"
history = 9
"#;

const MINUTE: i64 = 60;

fn pooled() -> Dialogue {
    pooled_as(POOLED)
}

/// A farm that has listened for a while to a hub without machines.
fn pooled_as(text: &str) -> Dialogue {
    let mut t = Dialogue::with(FarmConfig::parse("farm.toml", text).unwrap());
    t.live(10, &[]);
    t
}

impl Dialogue {
    /// Time passes, and the hub speaks of these machines.
    fn live(&mut self, seconds: i64, machines: &[(&str, Option<&AttemptKey>)]) -> Effects {
        let mut all = Effects::default();
        for _ in 0..seconds {
            for one in [self.beat(machines), self.wait(1)] {
                all.outbox.extend(one.outbox);
                all.dirty.extend(one.dirty);
            }
        }
        all
    }

    fn order(&self) -> Ordered {
        let mut orders = self.farm.orders();
        let one = orders.next().unwrap().clone();
        assert_eq!(orders.next(), None, "one order is expected");
        one
    }

    fn stands(&self) -> Vec<OrderStand> {
        self.farm.orders().map(|of| of.line.stand.clone()).collect()
    }

    fn hear(&mut self, order: &MachineOrder, what: OrderEvent) -> Effects {
        self.tell(Fact::Order(OrderProgress {
            machine: order.machine.clone(),
            pool: order.pool.clone(),
            attempt: order.attempt,
            at: self.now,
            what,
        }))
    }

    /// It is made.
    fn tell_made(&mut self, order: &MachineOrder) -> Effects {
        let place = "zone-a".to_owned();
        self.hear(order, OrderEvent::Made { place })
    }

    fn tell_failed(&mut self, order: &MachineOrder, cause: NotMade) -> Effects {
        let reason = "the pool's words".to_owned();
        self.hear(order, OrderEvent::Failed { cause, reason })
    }

    fn tell_gone(&mut self, order: &MachineOrder) -> Effects {
        let reason = "deleted".to_owned();
        self.hear(order, OrderEvent::Gone { reason })
    }

    fn dismiss(&mut self, name: &str) -> Effects {
        self.seq += 1;
        self.tell(Fact::MachineGone(MachineGone {
            hub: hub(),
            session: self.session.clone(),
            seq: self.seq,
            machine: machine(name),
            reason: "it halts".to_owned(),
            dismissed: true,
        }))
    }

    /// One push, and the machine that is ordered for it has registered; its first work.
    fn with_machine(&mut self) -> (MachineOrder, RunJob) {
        let order = the_order(&self.push(&[1]));
        self.tell_made(&order);
        let work = the_work(&self.beat(&[(order.machine.as_str(), None)]));
        self.report(&work.attempt, 1, AttemptEvent::Accepted);
        (order, work)
    }
}

fn orders(effects: &Effects) -> Vec<MachineOrder> {
    let wanted = told::<MachineWanted>(effects).into_iter();
    wanted.map(|wanted| wanted.order).collect()
}

fn the_order(effects: &Effects) -> MachineOrder {
    let mut all = orders(effects);
    assert_eq!(all.len(), 1, "{effects:?}");
    all.remove(0)
}

fn unwanted(effects: &Effects) -> Vec<String> {
    let unwanted = told::<MachineUnwanted>(effects).into_iter();
    unwanted.map(|of| of.reason).collect()
}

#[test]
fn a_job_that_finds_no_machine_has_one_made_which_goes_when_it_has_had_no_work() {
    let mut t = pooled();
    let effects = t.push(&[1]);
    let order = the_order(&effects);
    assert_eq!((order.pool.as_str(), order.attempt), ("vms", 1));
    assert_eq!(order.until, t.now + SignedDuration::from_mins(70));
    assert!(effects.dirty.contains(&ViewKey::Pools));
    assert_eq!(t.order().line.order, order);
    assert_eq!(orders(&t.live(30, &[])), [], "it is ordered once");

    t.tell_made(&order);
    let place = "zone-a".to_owned();
    assert_eq!(t.stands(), [OrderStand::Made { place }]);
    let name = order.machine.to_string();
    let work = the_work(&t.beat(&[(&name, None)]));
    assert_eq!(work.machine, machine(&name));
    assert!(matches!(t.order().line.stand, OrderStand::Here { .. }));

    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    let busy = t.live(10 * MINUTE, &[(&name, Some(&work.attempt))]);
    assert_eq!(unwanted(&busy), [""; 0], "it works");
    t.finish(&work.attempt, Outcome::Ok);
    let idle = t.live(5 * MINUTE - 5, &[(&name, None)]);
    assert_eq!(unwanted(&idle), [""; 0], "there may be work for it yet");
    let idle = t.live(10, &[(&name, None)]);
    assert_eq!(unwanted(&idle), ["it has had no work"]);
    // From here on it gets none.
    let effects = t.push(&[2, 1]);
    assert_eq!(told::<RunJob>(&effects), []);
    assert_eq!(orders(&effects).len(), 1, "so that another is ordered");

    t.tell_gone(&order);
    assert_ne!(t.order().line.order.machine, order.machine);
}

#[test]
fn there_are_never_more_than_may_be_those_that_are_ending_included() {
    let mut t = pooled();
    let first = orders(&t.push(&[5, 4, 3, 2, 1]));
    assert_eq!(first.len(), 2);
    for order in &first {
        t.tell_made(order);
    }
    let names: Vec<_> = first.iter().map(|of| of.machine.as_str()).collect();
    let effects = t.beat(&[(names[0], None), (names[1], None)]);
    assert_eq!(told::<RunJob>(&effects).len(), 2);
    assert_eq!(orders(&effects), []);
    assert_eq!(orders(&t.dismiss(names[0])), [], "it is still there");
    let next = the_order(&t.tell_gone(&first[0]));
    assert_ne!(next.machine, first[0].machine);
}

#[test]
fn as_many_are_ordered_as_jobs_wait_for_one() {
    let text = POOLED.replace("most = 2", "most = 9");
    let mut t = pooled_as(&text);
    assert_eq!(orders(&t.push(&[3, 2, 1])).len(), 3);
    // Those that are being made are for them.
    assert_eq!(orders(&t.live(20, &[])), []);
    assert_eq!(orders(&t.push(&[4, 3, 2, 1])).len(), 1);
}

#[test]
fn what_a_quota_holds_up_has_no_machine_made() {
    let text = POOLED.replace("timeout = \"24h\"", "timeout = \"24h\"\nmax-at-once = 1");
    let mut t = pooled_as(&text);
    assert_eq!(orders(&t.push(&[3, 2, 1])).len(), 1);
    assert_eq!(orders(&t.live(20, &[])), []);
}

#[test]
fn what_asks_for_labels_has_no_machine_made() {
    let text = POOLED.replace("timeout = \"24h\"", "timeout = \"24h\"\nlabels = [\"gpu\"]");
    let mut t = pooled_as(&text);
    assert_eq!(orders(&t.push(&[3, 2, 1])), []);
}

#[test]
fn some_are_there_though_nothing_waits() {
    let text = POOLED.replace("most = 2", "most = 2\nfewest = 1");
    let mut t = Dialogue::with(FarmConfig::parse("farm.toml", &text).unwrap());
    let effects = t.live(10, &[]);
    let order = the_order(&effects);
    t.tell_made(&order);
    let name = order.machine.to_string();
    let idle = t.live(30 * MINUTE, &[(&name, None)]);
    assert_eq!(unwanted(&idle), [""; 0]);
}

#[test]
fn a_busy_machine_is_left_to_its_work_until_its_time_is_over() {
    let mut t = pooled();
    let (order, work) = t.with_machine();
    let name = order.machine.to_string();
    let busy = [(name.as_str(), Some(&work.attempt))];
    let effects = t.live(69 * MINUTE, &busy);
    assert_eq!(unwanted(&effects), [""; 0]);
    // It is too old to get other work all the same.
    let effects = t.finish(&work.attempt, Outcome::Ok);
    assert_eq!(
        unwanted(&effects),
        ["it is so old that it takes no new work"]
    );

    let mut t = pooled();
    let (order, work) = t.with_machine();
    let name = order.machine.to_string();
    let busy = [(name.as_str(), Some(&work.attempt))];
    let effects = t.live(71 * MINUTE, &busy);
    assert_eq!(unwanted(&effects), ["its time is over"]);
    assert!(t.now >= order.until);
}

#[test]
fn a_machine_that_halts_after_its_work_is_followed_by_another() {
    let mut t = pooled();
    let (order, work) = t.with_machine();
    t.push(&[2, 1]);
    t.finish(&work.attempt, Outcome::Ok);
    let effects = t.dismiss(order.machine.as_str());
    assert_eq!(unwanted(&effects), ["its hub took it out of use: it halts"]);
    let again = t.dismiss(order.machine.as_str());
    assert_eq!(unwanted(&again), [""; 0], "once");
}

#[test]
fn words_that_come_twice_late_or_out_of_order_change_nothing() {
    let mut t = pooled();
    let order = the_order(&t.push(&[1]));
    let name = order.machine.to_string();
    // It registers before its pool has said that it is made.
    let work = the_work(&t.beat(&[(&name, None)]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    t.tell_made(&order);
    let here = t.order();
    let place = "zone-a".to_owned();
    assert_eq!(here.line.stand, OrderStand::Here { place });
    t.tell_made(&order);
    t.tell_failed(&order, NotMade::StockOut);
    let later = MachineOrder {
        attempt: 2,
        ..order.clone()
    };
    t.tell_gone(&later);
    assert_eq!(t.order(), here);
    t.tell_gone(&order);
    assert_eq!(t.stands().len(), 0);
    t.tell_made(&order);
    t.tell_failed(&order, NotMade::Passing);
    assert_eq!(t.stands().len(), 0);
    // Of one that is ending, gone is gone.
    t.dismiss(&name);
    t.finish(&work.attempt, Outcome::Ok);
    let next = orders(&t.push(&[2, 1])).remove(0);
    t.dismiss(next.machine.as_str());
    let ending = |t: &Dialogue| {
        let ending = |of: &&Ordered| matches!(of.line.stand, OrderStand::Ending { .. });
        t.farm.orders().filter(ending).count()
    };
    assert_eq!(ending(&t), 1);
    t.tell_gone(&MachineOrder {
        attempt: 7,
        ..next.clone()
    });
    assert_eq!(ending(&t), 0);
}

#[test]
fn a_restart_doubles_nothing() {
    let mut t = pooled();
    let order = the_order(&t.push(&[1]));
    t.restart();
    assert_eq!(orders(&t.live(20, &[])), []);
    t.tell_made(&order);
    t.restart();
    let name = order.machine.to_string();
    let effects = t.live(20, &[(&name, None)]);
    assert_eq!(orders(&effects), []);
    let work = the_work(&effects);
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    t.restart();
    // Its hub is not heard of at once: the machine is there all the same.
    assert_eq!(orders(&t.wait(5)), []);
    t.finish(&work.attempt, Outcome::Ok);
    t.live(5 * MINUTE + 5, &[(&name, None)]);
    t.restart();
    let effects = t.push(&[2, 1]);
    let effects = [effects, t.live(10, &[(&name, None)])];
    assert!(effects.iter().all(|of| told::<RunJob>(of).is_empty()));
}

#[test]
fn another_image_is_another_machine() {
    let mut t = pooled();
    let (order, work) = t.with_machine();
    let config = POOLED.replace("debian", "fedora");
    t.tell(Fact::Configured {
        digest: "d2".to_owned(),
        config: Box::new(FarmConfig::parse("farm.toml", &config).unwrap()),
    });
    let name = order.machine.to_string();
    let busy = t.live(MINUTE, &[(&name, Some(&work.attempt))]);
    assert_eq!(unwanted(&busy), [""; 0]);
    let effects = t.finish(&work.attempt, Outcome::Ok);
    assert_eq!(unwanted(&effects), ["farm.toml wants other machines now"]);
}

#[test]
fn the_document_is_made_anew_each_minute() {
    let mut t = pooled();
    let shown = |effects: Effects| effects.dirty.contains(&ViewKey::Pools);
    let seconds = (0..3 * MINUTE).filter(|_| shown(t.live(1, &[])));
    assert_eq!(seconds.count(), 3);
    let mut t = Dialogue::new(3, 1);
    assert!(
        !shown(t.live(2 * MINUTE, &[])),
        "without pools there is none"
    );
}
