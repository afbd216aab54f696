//! Whatever happens to a farm with a pool, nothing is doubled and everything ends.

use proptest::prelude::*;

use super::super::anew;
use super::*;

/// What may happen to a farm with a pool, in any order.
#[derive(Debug, Clone, Copy)]
enum Event {
    Push,
    /// A machine, by its place among all that were ever ordered, with what its pool says, of which attempt.
    Told(usize, u32, u8),
    /// It registers, with its labels or without, or its hub does not speak of it any more.
    Comes(usize),
    Bare(usize),
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
        1 => machine.clone().prop_map(Event::Bare),
        1 => machine.clone().prop_map(Event::Goes),
        1 => machine.prop_map(Event::Dismissed),
        2 => (0..3_u8).prop_map(Event::Ends),
        4 => (1..90_u16).prop_map(Event::Time),
        1 => Just(Event::Restart),
        1 => Just(Event::Anew),
        1 => Just(Event::Configured),
    ]
}

/// `farm.toml` as it is in turn, where the builder asks for a label or does not.
fn text(labelled: bool, turn: usize) -> String {
    let image = ["debian", "fedora"][turn % 2];
    let text = POOLED.replace("debian", image);
    if !labelled {
        return text;
    }
    let labels = [r#"["gpu"]"#, r#"["big", "gpu"]"#][turn / 2 % 2];
    let text = text.replace("most = 2", &format!("most = 2\nlabels = {labels}"));
    text.replace("timeout = \"24h\"", "timeout = \"24h\"\nlabels = [\"gpu\"]")
}

/// A farm to which things happen, and what holds meanwhile.
struct Story {
    t: Dialogue,
    labelled: bool,
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
    fn new(labelled: bool) -> Self {
        Self {
            t: pooled_as(&text(labelled, 0)),
            labelled,
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
            Event::Comes(of) | Event::Bare(of) => {
                let Some(order) = self.ever.get(of) else {
                    return;
                };
                let name = order.machine.to_string();
                let bare = matches!(event, Event::Bare(_));
                let labels = Some(order.labels.clone()).filter(|_| !bare);
                self.t
                    .labels
                    .insert(name.clone(), labels.unwrap_or_default());
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
                let text = text(self.labelled, self.commits.len());
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
            let labels = self.t.labels.entry(name);
            labels.or_insert_with(|| order.labels.clone());
            match self.ever.iter_mut().find(|of| of.machine == order.machine) {
                Some(known) => *known = order,
                None => self.ever.push(order),
            }
        }
        for work in told::<RunJob>(effects) {
            if self.labelled {
                let name = work.machine.name().unwrap();
                let labels = &self.t.labels[name.as_str()];
                assert!(labels.contains("gpu"), "it cannot do that: {work:?}");
            }
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
        events in prop::collection::vec(event(), 1..60), labelled in any::<bool>(),
    ) {
        let mut story = Story::new(labelled);
        for event in events {
            story.happen(event);
        }
        story.rest();
    }
}
