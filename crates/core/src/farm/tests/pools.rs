//! Machines that are made for the farm.

use farm_model::kept::Ordered;
use farm_model::message::progress::{OrderEvent, OrderProgress};
use farm_model::message::result::{MachineUnwanted, MachineWanted};
use farm_model::order::{MachineOrder, NotMade, OrderStand};

use proptest::prelude::*;

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
fn stock_outs_are_waited_for_longer_each_time_and_a_machine_ends_that() {
    let mut t = pooled();
    let mut order = the_order(&t.push(&[1]));
    let mut pauses = Vec::new();
    for _ in 0..9 {
        t.tell_failed(&order, NotMade::StockOut);
        let failed = t.now;
        let [OrderStand::Waits { again, cause, .. }] = &t.stands()[..] else {
            panic!("{:?}", t.stands())
        };
        assert_eq!(*cause, NotMade::StockOut);
        let pause = again.duration_since(failed).as_secs();
        pauses.push(pause);
        assert_eq!(orders(&t.live(pause - 1, &[])), [], "not before");
        let next = the_order(&t.live(3, &[]));
        assert_eq!(next.machine, order.machine);
        assert_eq!(next.attempt, order.attempt + 1);
        assert!(next.until > order.until);
        order = next;
    }
    assert_eq!(pauses, [15, 30, 60, 120, 240, 480, 900, 900, 900]);
    t.tell_made(&order);
    assert_eq!(t.order().failures, 0);
}

#[test]
fn while_one_cannot_be_made_no_others_are_ordered_and_when_one_is_they_all_go() {
    let text = POOLED.replace("most = 2", "most = 9");
    let mut t = pooled_as(&text);
    let two = orders(&t.push(&[2, 1]));
    for order in &two {
        t.tell_failed(order, NotMade::StockOut);
    }
    assert_eq!(orders(&t.push(&[4, 3, 2, 1])), []);
    let again = orders(&t.live(20, &[]));
    assert_eq!(again.len(), 2);
    t.tell_failed(&again[0], NotMade::StockOut);
    let effects = t.tell_made(&again[1]);
    // That which failed is tried at once, and with it the others that wait are ordered.
    let retried = orders(&effects);
    assert_eq!(retried[0].machine, again[0].machine);
    assert_eq!(retried[0].attempt, 3);
    assert_eq!(retried.len(), 3);
}

#[test]
fn a_full_pool_has_room_once_a_machine_has_gone() {
    let mut t = pooled();
    let two = orders(&t.push(&[3, 2, 1]));
    t.tell_made(&two[0]);
    t.tell_failed(&two[1], NotMade::Quota);
    let effects = t.tell_gone(&two[0]);
    let next = orders(&effects);
    assert_eq!((&next[0].machine, next[0].attempt), (&two[1].machine, 2));
}

#[test]
fn what_can_never_be_made_so_is_an_operators_business() {
    let mut t = pooled();
    let two = orders(&t.push(&[3, 2, 1]));
    t.tell_failed(&two[0], NotMade::Refused);
    t.tell_failed(&two[1], NotMade::Refused);
    // One of them is enough to try again.
    assert_eq!(t.stands().len(), 1);
    let trouble = |t: &Dialogue| t.farm.troubles().collect::<Vec<_>>();
    assert_eq!(
        trouble(&t),
        [
            "host type local: its machines cannot be made; mend its table in farm.toml, or the pool: the pool's words"
        ]
    );
    assert_eq!(orders(&t.live(20 * MINUTE, &[])), []);
    t.restart();
    t.live(1, &[]);
    assert_eq!(trouble(&t).len(), 1);
    let config = POOLED.replace("debian", "fedora");
    let effects = t.tell(Fact::Configured {
        digest: "d2".to_owned(),
        config: Box::new(FarmConfig::parse("farm.toml", &config).unwrap()),
    });
    let mut new = orders(&effects);
    new.extend(orders(&t.live(20, &[])));
    assert_eq!(new.len(), 2);
    assert!(
        new.iter()
            .all(|of| *of.machine.as_str() != *two[0].machine.as_str())
    );
    assert_eq!(trouble(&t), [""; 0]);
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
fn one_that_does_not_register_is_given_up() {
    let mut t = pooled();
    let order = the_order(&t.push(&[1]));
    t.tell_made(&order);
    assert_eq!(unwanted(&t.live(9 * MINUTE, &[])), [""; 0]);
    let effects = t.live(2 * MINUTE, &[]);
    assert_eq!(
        unwanted(&effects),
        ["it has not registered within 10 minutes"]
    );
    assert_eq!(orders(&effects).len(), 1, "and another is ordered");
    let trouble: Vec<String> = t.farm.troubles().collect();
    assert!(
        trouble[0].contains("1 of its machines in a row"),
        "{trouble:?}"
    );
}

#[test]
fn machines_of_no_use_are_ordered_one_by_one_and_ever_more_slowly() {
    let text = POOLED.replace("most = 2", "most = 9");
    let mut t = pooled_as(&text);
    let mut last = orders(&t.push(&[4, 3, 2, 1]));
    let mut counts = Vec::new();
    for _ in 0..4 {
        counts.push(last.len());
        for order in &last {
            t.tell_made(order);
        }
        // None of them registers. They are deleted, and what comes then is ordered.
        t.live(10 * MINUTE + 5, &[]);
        for order in &last {
            t.tell_gone(order);
        }
        let ended = t.now;
        last = orders(&t.live(15 * MINUTE, &[]));
        let at = last.first().map(|of| of.at.duration_since(ended).as_secs());
        counts.push(usize::try_from(at.unwrap()).unwrap() / 60);
    }
    assert_eq!(counts, [4, 1, 1, 3, 1, 7, 1, 14]);
    let order = last.remove(0);
    t.tell_made(&order);
    let work = the_work(&t.beat(&[(order.machine.as_str(), None)]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    t.live(2, &[(order.machine.as_str(), Some(&work.attempt))]);
    assert_eq!(t.farm.troubles().count(), 0, "one is of use");
    assert_eq!(t.stands().len(), 4, "so that all are ordered");
}

#[test]
fn nobody_is_missed_while_no_hub_lives() {
    let mut t = pooled();
    let order = the_order(&t.push(&[1]));
    t.tell_made(&order);
    // No hub is heard of for an hour.
    assert_eq!(unwanted(&t.wait(60 * MINUTE)), [""; 0]);
    let effects = t.live(9 * MINUTE, &[]);
    assert_eq!(unwanted(&effects), [""; 0]);
}

#[test]
fn one_that_is_taken_back_is_replaced() {
    let mut t = pooled();
    let (order, _) = t.with_machine();
    // Its hub does not speak of it any more, so that its work is lost.
    let effects = t.live(30, &[]);
    assert_eq!(orders(&effects), [], "it may come back");
    let effects = t.live(MINUTE, &[]);
    assert_eq!(orders(&effects).len(), 1);
    t.tell_gone(&order);
    assert_eq!(t.stands(), [OrderStand::Wanted]);
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

/// The sentence for the build of a commit.
fn sentence(t: &Dialogue, number: u32) -> String {
    let reason = crate::explain::explain(&t.farm, &t.build(number), t.now);
    reason.unwrap().to_string()
}

#[test]
fn a_build_says_what_its_machine_is_at() {
    let mut t = pooled();
    let order = the_order(&t.push(&[1]));
    let name = order.machine.to_string();
    let since = t.now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    assert_eq!(
        sentence(&t, 1),
        format!("{name} is being made in pool vms, since {since}")
    );
    let again = |t: &Dialogue, seconds| {
        let again = t.now + SignedDuration::from_secs(seconds);
        again.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    };
    for (cause, words, end) in [
        (
            NotMade::StockOut,
            "pool vms has no machine for local now",
            "",
        ),
        (NotMade::Quota, "pool vms may have no more machines now", ""),
        (NotMade::Passing, "NAME could not be made in pool vms", ""),
        (
            NotMade::Refused,
            "no machine of local can be made in pool vms",
            ", or when farm.toml has changed",
        ),
    ] {
        let mut t = pooled();
        let order = the_order(&t.push(&[1]));
        t.tell_failed(&order, cause);
        let seconds = if cause == NotMade::Refused { 3600 } else { 15 };
        let words = words.replace("NAME", order.machine.as_str());
        let again = again(&t, seconds);
        let want = format!("{words}: the pool's words; tried again at {again}{end}");
        assert_eq!(sentence(&t, 1), want);
    }
    t.tell_made(&order);
    assert_eq!(
        sentence(&t, 1),
        format!("{name} was made in zone-a and has yet to register, since {since}")
    );
    // It comes, and another build wants one.
    let work = the_work(&t.beat(&[(&name, None)]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    let second = the_order(&t.push(&[2, 1]));
    t.tell_made(&second);
    assert!(sentence(&t, 2).starts_with(second.machine.as_str()));
    t.push(&[4, 3, 2, 1]);
    assert_eq!(
        sentence(&t, 3).split(';').nth(1),
        Some(" there may be 2 machines of local, and no more"),
        "{}",
        sentence(&t, 3)
    );
}

#[test]
fn a_machine_that_is_given_up_says_why() {
    let mut t = pooled();
    let (order, work) = t.with_machine();
    let name = order.machine.to_string();
    t.finish(&work.attempt, Outcome::Ok);
    t.live(5 * MINUTE + 5, &[(&name, None)]);
    let view = crate::page::front(&t.farm, t.now);
    let why = view.machines[0].aside.as_ref().map(|of| of.why.as_str());
    assert_eq!(why, Some("it is being deleted: it has had no work"));
}

/// What may happen to a farm with a pool, in any order.
#[derive(Debug, Clone, Copy)]
enum Event {
    Push,
    /// A machine, by its place among all that were ever ordered, with what its pool says, of which attempt.
    Told(usize, u32, u8),
    /// It registers, or its hub does not speak of it any more.
    Comes(usize),
    Goes(usize),
    Dismissed(usize),
    /// What runs ends.
    Ends(u8),
    Time(u16),
    Restart,
    Anew,
    Configured,
}

fn event() -> impl Strategy<Value = Event> {
    let machine = 0..6_usize;
    prop_oneof![
        2 => Just(Event::Push),
        6 => (machine.clone(), 0..3_u32, 0..6_u8).prop_map(|(of, back, what)| Event::Told(of, back, what)),
        3 => machine.clone().prop_map(Event::Comes),
        1 => machine.clone().prop_map(Event::Goes),
        1 => machine.prop_map(Event::Dismissed),
        2 => (0..3_u8).prop_map(Event::Ends),
        4 => (1..90_u16).prop_map(Event::Time),
        1 => Just(Event::Restart),
        1 => Just(Event::Anew),
        1 => Just(Event::Configured),
    ]
}

/// A farm to which things happen, and what holds meanwhile.
struct Story {
    t: Dialogue,
    commits: Vec<u32>,
    /// All orders ever told, as they were told last, by name in the order of their telling.
    ever: Vec<MachineOrder>,
    /// Wanted, by machine and attempt.
    wanted: BTreeSet<(String, u32)>,
    struck: BTreeSet<String>,
    connected: BTreeSet<String>,
    work: Vec<RunJob>,
}

impl Story {
    fn new() -> Self {
        Self {
            t: pooled(),
            commits: Vec::new(),
            ever: Vec::new(),
            wanted: BTreeSet::new(),
            struck: BTreeSet::new(),
            connected: BTreeSet::new(),
            work: Vec::new(),
        }
    }

    fn happen(&mut self, event: Event) {
        let effects = match event {
            Event::Push => {
                let next = self.commits.first().copied().unwrap_or(0) + 1;
                self.commits.insert(0, next);
                self.t.push(&self.commits.clone())
            }
            Event::Told(of, back, what) => {
                let Some(mut order) = self.ever.get(of).cloned() else {
                    return;
                };
                order.attempt = order.attempt.saturating_sub(back).max(1);
                match what {
                    0 | 1 => self.t.tell_made(&order),
                    2 => self.t.tell_failed(&order, NotMade::StockOut),
                    3 => self.t.tell_failed(&order, NotMade::Refused),
                    4 => self.t.tell_failed(&order, NotMade::Quota),
                    _ => {
                        // Gone is gone, whatever its hub has not noticed yet.
                        self.connected.remove(order.machine.as_str());
                        self.t.tell_gone(&order)
                    }
                }
            }
            Event::Comes(of) => {
                let Some(order) = self.ever.get(of) else {
                    return;
                };
                let name = order.machine.to_string();
                if !self.struck.contains(&name) {
                    self.connected.insert(name);
                }
                self.speak()
            }
            Event::Goes(of) | Event::Dismissed(of) => {
                let Some(order) = self.ever.get(of) else {
                    return;
                };
                let name = order.machine.to_string();
                self.connected.remove(&name);
                match event {
                    Event::Dismissed(_) => self.t.dismiss(&name),
                    _ => self.speak(),
                }
            }
            Event::Ends(how) => {
                let Some(work) = self.work.pop() else { return };
                let outcome = [Outcome::Ok, Outcome::Failed, Outcome::Lost][usize::from(how)];
                self.t.finish(&work.attempt, outcome)
            }
            Event::Time(seconds) => {
                for _ in 0..seconds {
                    let spoken = self.speak();
                    self.look(&spoken);
                    let ticked = self.t.wait(1);
                    self.look(&ticked);
                }
                return;
            }
            Event::Restart => {
                self.t.restart();
                Effects::default()
            }
            Event::Anew => {
                anew::begin_anew(&mut self.t);
                Effects::default()
            }
            Event::Configured => {
                let image = if self.commits.len().is_multiple_of(2) {
                    "debian"
                } else {
                    "fedora"
                };
                let text = POOLED.replace("debian", image);
                self.t.tell(Fact::Configured {
                    digest: format!("d{}", self.ever.len()),
                    config: Box::new(FarmConfig::parse("farm.toml", &text).unwrap()),
                })
            }
        };
        self.look(&effects);
    }

    /// The hub tells of its machines, and of what they are at.
    fn speak(&mut self) -> Effects {
        let busy = |name: &str| {
            let of = self.work.iter().find(|work| work.machine == machine(name));
            of.map(|work| work.attempt.clone())
        };
        let machines: Vec<_> = self
            .connected
            .iter()
            .map(|of| (of.clone(), busy(of)))
            .collect();
        let machines: Vec<_> = machines
            .iter()
            .map(|(of, busy)| (of.as_str(), busy.as_ref()))
            .collect();
        self.t.beat(&machines)
    }

    /// What holds at every moment.
    fn look(&mut self, effects: &Effects) {
        for order in orders(effects) {
            let name = order.machine.to_string();
            assert!(
                self.wanted.insert((name.clone(), order.attempt)),
                "told twice: {order:?}"
            );
            assert!(!self.struck.contains(&name), "used again: {name}");
            match self.ever.iter_mut().find(|of| of.machine == order.machine) {
                Some(known) => *known = order,
                None => self.ever.push(order),
            }
        }
        for work in told::<RunJob>(effects) {
            self.t.report(&work.attempt, 1, AttemptEvent::Accepted);
            self.work.push(work);
        }
        for of in told::<MachineUnwanted>(effects) {
            let order = self
                .ever
                .iter()
                .find(|order| order.machine == of.machine)
                .unwrap();
            let at_work = self.work.iter().any(|work| {
                work.machine.name().as_ref() == Some(&of.machine)
                    && self.t.farm.leases.contains_key(&work.attempt)
            });
            let may = of.reason.starts_with("its hub") || order.until <= self.t.now;
            assert!(!at_work || may, "ended at work: {of:?}");
        }
        let standing: BTreeSet<String> = self
            .t
            .farm
            .orders()
            .map(|of| of.line.order.machine.to_string())
            .collect();
        assert!(standing.len() <= 2, "more than may be");
        let ever = self.ever.iter().map(|of| of.machine.to_string());
        self.struck
            .extend(ever.filter(|name| !standing.contains(name)));
    }

    /// From here on the pool does as it is told, and there is no more work: everything comes to rest.
    fn rest(mut self) {
        for _ in 0..200 {
            if self.t.farm.orders().next().is_none() && self.t.farm.open().len() == 0 {
                return;
            }
            let lines: Vec<Ordered> = self.t.farm.orders().cloned().collect();
            for of in lines {
                let order = of.line.order;
                let name = order.machine.to_string();
                let effects = match of.line.stand {
                    OrderStand::Wanted => self.t.tell_made(&order),
                    OrderStand::Made { .. } => {
                        self.connected.insert(name);
                        self.speak()
                    }
                    OrderStand::Here { .. } if !self.connected.contains(&name) => {
                        self.t.tell_gone(&order)
                    }
                    OrderStand::Ending { .. } => {
                        self.connected.remove(&name);
                        self.t.tell_gone(&order)
                    }
                    _ => continue,
                };
                self.look(&effects);
            }
            while let Some(work) = self.work.pop() {
                let effects = self.t.finish(&work.attempt, Outcome::Ok);
                self.look(&effects);
            }
            self.happen(Event::Time(60));
        }
        let orders: Vec<_> = self.t.farm.orders().collect();
        panic!(
            "no rest: {orders:?}, open {:?}",
            self.t.farm.open().collect::<Vec<_>>()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_told_nothing_is_doubled_and_everything_ends(
        events in prop::collection::vec(event(), 1..60),
    ) {
        let mut story = Story::new();
        for event in events {
            story.happen(event);
        }
        story.rest();
    }
}
