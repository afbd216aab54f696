use farm_model::config::Clean;
use farm_model::id::{AttemptKey, MachineId};
use farm_wire::revdial::{Dialers, Session};
use farm_wire::reverse::RevdialVersion;
use futures::FutureExt;
use std::sync::Arc;
use tokio::io::DuplexStream;
use tokio::sync::watch;

use super::registry::MAX_MACHINES;
use super::*;
use crate::metrics::Dials;
use crate::status::HubStatus;

struct Bench {
    registry: Arc<Registry>,
    status: watch::Receiver<HubStatus>,
    dialers: Dialers,
    sessions: Vec<Session<DuplexStream>>,
}

impl Bench {
    fn new() -> Self {
        let (sender, status) = watch::channel(HubStatus::default());
        Self {
            registry: Arc::new(Registry::new(sender)),
            status,
            dialers: Dialers::new("h1").unwrap(),
            sessions: Vec::new(),
        }
    }

    fn machine(&mut self, name: &str) -> Arc<Machine> {
        let (near, _far) = tokio::io::duplex(1024);
        let (dialer, session) = self.dialers.open(RevdialVersion::V2, near).unwrap();
        self.sessions.push(session);
        let client = Reach::from(dialer.clone()).client(name, &Dials::default());
        let (id, host) = (id(name), "host-a".parse().unwrap());
        Arc::new(Machine::new(
            id,
            host,
            23,
            name.to_owned(),
            (dialer, client),
        ))
    }

    fn connect(&mut self, name: &str) -> Arc<Machine> {
        let machine = self.machine(name);
        assert!(self.registry.add(Arc::clone(&machine)).is_none());
        machine
    }

    /// What would be told now: machines with what they work on, and those that went.
    fn told(&self, scope: Scope) -> (Vec<(String, Option<u32>)>, Vec<String>) {
        let news = self.registry.news(scope, 200);
        let present = news.present.iter();
        let present = present.map(|report| {
            let busy = report.busy.as_ref().map(|attempt| attempt.attempt);
            (report.machine.to_string(), busy)
        });
        let gone = news
            .gone
            .iter()
            .map(|(id, departure)| format!("{id}: {}", departure.reason));
        (present.collect(), gone.collect())
    }
}

fn id(name: &str) -> MachineId {
    format!("h1/{name}").parse().unwrap()
}

fn attempt(number: u32) -> AttemptKey {
    format!("{}/1/steps/{number}", "a".repeat(32))
        .parse()
        .unwrap()
}

fn at(name: &str, busy: Option<u32>) -> (String, Option<u32>) {
    (format!("h1/{name}"), busy)
}

#[tokio::test]
async fn a_machine_works_on_one_attempt_at_a_time() {
    let mut b = Bench::new();
    b.connect("m");
    let lease = b.registry.claim(&id("m"), &attempt(1), None).unwrap();
    let busy = b.registry.claim(&id("m"), &attempt(2), None).err().unwrap();
    assert!(busy.reason.contains("works on"), "{busy:?}");
    drop(lease);
    assert!(b.registry.claim(&id("m"), &attempt(2), None).is_ok());
    assert!(b.registry.claim(&id("other"), &attempt(2), None).is_err());
}

#[tokio::test]
async fn nothing_is_claimed_while_the_hub_drains() {
    let mut b = Bench::new();
    b.connect("m");
    b.registry.drain();
    assert!(b.registry.claim(&id("m"), &attempt(1), None).is_err());
    assert!(b.registry.news(Scope::Changed, 200).draining);
    assert!(b.status.borrow().draining);
}

#[tokio::test]
async fn every_change_is_told_once_and_all_is_told_each_period() {
    let mut b = Bench::new();
    b.connect("m");
    b.connect("n");
    assert_eq!(b.told(Scope::Changed).0, [at("m", None), at("n", None)]);
    assert_eq!(b.told(Scope::Changed).0, []);
    let lease = b.registry.claim(&id("m"), &attempt(1), None).unwrap();
    assert_eq!(b.told(Scope::Changed).0, [at("m", Some(1))]);
    assert_eq!(b.told(Scope::All).0, [at("m", Some(1)), at("n", None)]);
    drop(lease);
    assert_eq!(b.told(Scope::Changed).0, [at("m", None)]);
    assert_eq!(b.status.borrow().busy, 0);
}

#[tokio::test]
async fn an_attempt_is_spoken_of_until_its_report_is_out() {
    let mut b = Bench::new();
    b.connect("m");
    b.registry
        .claim(&id("m"), &attempt(1), None)
        .unwrap()
        .hand_back();
    assert_eq!(b.told(Scope::All).0, [at("m", Some(1))]);
    assert_eq!(b.status.borrow().busy, 0);
    b.registry.told(&id("m"), &attempt(1));
    assert_eq!(b.told(Scope::Changed).0, [at("m", None)]);
}

#[tokio::test]
async fn a_spoiled_machine_is_only_used_again_if_it_is_handed_back() {
    let mut b = Bench::new();
    for name in ["m", "n", "o"] {
        b.connect(name);
    }
    let take = |name: &str, number: u32| {
        let mut lease = b.registry.claim(&id(name), &attempt(number), None).unwrap();
        lease.spoil("its attempt broke off");
        lease
    };
    let broken = take("m", 1);
    let machine = Arc::clone(broken.machine());
    drop(broken);
    assert!(machine.is_closed());
    let again = b.registry.claim(&id("m"), &attempt(2), None).err().unwrap();
    assert!(again.reason.contains("not connected"), "{again:?}");
    take("n", 1).hand_back();
    take("o", 1).unused();
    for name in ["n", "o"] {
        assert!(
            b.registry.claim(&id(name), &attempt(2), None).is_ok(),
            "{name}"
        );
    }
    assert_eq!(b.told(Scope::Changed).1, ["h1/m: its attempt broke off"]);
}

#[tokio::test]
async fn a_census_counts_all_and_shows_a_page() {
    let mut b = Bench::new();
    for number in 0..2500 {
        b.connect(&format!("m{number:04}"));
    }
    let _lease = b.registry.claim(&id("m0007"), &attempt(1), None).unwrap();
    b.registry.trouble(&id("m0007"), "a step\nwas lost");
    let mut wanted = Wanted {
        most: 200,
        ..Wanted::default()
    };
    let (mut pages, mut seen) = (0, Vec::new());
    loop {
        let census = b.registry.census(&wanted);
        let host = census.hosts.values().next().unwrap();
        assert_eq!((host.connected, host.busy), (2500, 1));
        assert!(census.machines.len() <= 200);
        pages += 1;
        seen.extend(census.machines.iter().map(|m| m.machine.id.clone()));
        assert_eq!(seen.len() + census.more, 2500);
        if census.more == 0 {
            break;
        }
        wanted.after = seen.last().cloned();
    }
    assert_eq!(pages, 13);
    assert!(seen.is_sorted());
    wanted.after = Some(id("m0006"));
    wanted.most = 1;
    let census = b.registry.census(&wanted);
    let shown = &census.machines[0];
    assert_eq!(shown.busy, Some(attempt(1)));
    assert_eq!(shown.trouble.as_ref().unwrap().text, "a step was lost");
    wanted.host_type = Some("host-none".parse().unwrap());
    let census = b.registry.census(&wanted);
    assert_eq!((census.machines.len(), census.more), (0, 0));
}

#[tokio::test]
async fn of_machines_that_went_the_last_are_remembered() {
    let mut b = Bench::new();
    for number in 0..30 {
        let machine = b.connect(&format!("m{number}"));
        b.registry.remove(&machine, "it closed the connection");
    }
    let gone = b.registry.census(&Wanted::default()).gone;
    assert_eq!((gone.len(), &gone[0].id), (20, &id("m29")));
    assert_eq!(gone[0].why.text, "it closed the connection");
}

#[tokio::test]
async fn what_went_wrong_is_remembered_over_a_new_connection_and_halting_is_not_wrong() {
    let mut b = Bench::new();
    let wanted = Wanted {
        most: 1,
        ..Wanted::default()
    };
    let halted = b.connect("m");
    b.registry.dismiss(&halted, "it is halted");
    let broken = b.connect("m");
    let shown = b.registry.census(&wanted).machines.remove(0);
    assert_eq!(shown.trouble, None);
    b.registry.remove(&broken, "it did not pass its check");
    b.connect("m");
    let shown = b.registry.census(&wanted).machines.remove(0);
    assert_eq!(shown.trouble.unwrap().text, "it did not pass its check");
}

#[tokio::test]
async fn who_took_a_machine_out_is_told() {
    let mut b = Bench::new();
    for name in ["broken", "dismissed", "gone", "retired"] {
        let machine = b.connect(name);
        let mut lease = b.registry.claim(&id(name), &attempt(1), None).unwrap();
        match name {
            "broken" => lease.spoil("its attempt broke off"),
            "dismissed" => lease.dismiss("it is halted"),
            "gone" => b.registry.remove(&machine, "it closed the connection"),
            _ => lease.retire("it could not be cleaned"),
        }
    }
    let gone = b.registry.news(Scope::Changed, 200).gone;
    let dismissed = gone.iter().map(|(_, departure)| departure.dismissed);
    assert_eq!(dismissed.collect::<Vec<_>>(), [false, true, false, true]);
}

#[tokio::test]
async fn a_kept_machine_comes_back_from_a_job_that_did_not_go_on_with_it() {
    let mut b = Bench::new();
    let machine = b.connect("m");
    let claim = |number, continues: Option<AttemptKey>| {
        let lease = b
            .registry
            .claim(&id("m"), &attempt(number), continues.as_ref());
        lease.unwrap()
    };
    let keeping = claim(1, None).hold(Clean::Halt);
    let next = claim(2, Some(attempt(1)));
    let first = attempt(1);
    let keeper = b.registry.take_over(&machine, &first, &keeping);
    tokio::pin!(keeper);
    let early = keeper.as_mut().now_or_never();
    assert!(early.is_none(), "a job has it");
    b.registry.release_hold(&attempt(1));
    assert!(keeping.over().now_or_never().is_some());
    next.unused();
    drop(keeper.await.unwrap());
    // Once a job has gone on with it, there is nothing to take over.
    let keeping = claim(3, None).hold(Clean::Halt);
    drop(claim(4, Some(attempt(3))));
    let third = attempt(3);
    let taken = b.registry.take_over(&machine, &third, &keeping).await;
    assert!(taken.is_none());
}

#[tokio::test]
async fn what_begins_to_be_kept_while_the_hub_drains_is_over_at_once() {
    let mut b = Bench::new();
    b.connect("m");
    let lease = b.registry.claim(&id("m"), &attempt(1), None).unwrap();
    b.registry.drain();
    lease.hold(Clean::None).over().await;
}

#[tokio::test]
async fn a_halt_is_owed_until_it_is_paid() {
    let b = Bench::new();
    assert!(!b.registry.owes_halt(&id("m")));
    b.registry.owe_halt(&id("m"));
    assert!(b.registry.owes_halt(&id("m")) && !b.registry.owes_halt(&id("n")));
    b.registry.halted(&id("m"));
    assert!(!b.registry.owes_halt(&id("m")));
    // Those that are owed longest are forgotten first.
    for number in 0..MAX_MACHINES + 1 {
        b.registry.owe_halt(&id(&format!("m{number}")));
    }
    assert!(!b.registry.owes_halt(&id("m0")));
    assert!(b.registry.owes_halt(&id("m1")));
}

#[tokio::test]
async fn a_machine_that_goes_is_told_of_once_and_its_lease_frees_nothing() {
    let mut b = Bench::new();
    let machine = b.connect("m");
    let lease = b.registry.claim(&id("m"), &attempt(1), None).unwrap();
    b.registry.remove(&machine, "it closed the connection");
    drop(lease);
    let (present, gone) = b.told(Scope::Changed);
    assert_eq!(present, []);
    assert_eq!(gone, ["h1/m: it closed the connection"]);
    assert!(b.told(Scope::All).1.is_empty());
    assert_eq!((b.status.borrow().machines, b.status.borrow().busy), (0, 0));
}

#[tokio::test]
async fn the_end_of_a_replaced_machine_does_not_touch_its_successor() {
    let mut b = Bench::new();
    let old = b.connect("m");
    let lease = b.registry.claim(&id("m"), &attempt(1), None).unwrap();
    let new = b.machine("m");
    assert!(Arc::ptr_eq(&b.registry.add(new).unwrap(), &old));
    b.registry.remove(&old, "late");
    drop(lease);
    assert_eq!(b.status.borrow().busy, 0);
    assert_eq!(b.told(Scope::Changed), (vec![at("m", None)], vec![]));
}

#[tokio::test]
async fn what_could_not_be_told_is_told_again_as_it_is_then() {
    let mut b = Bench::new();
    let machine = b.connect("m");
    let news = b.registry.news(Scope::Changed, 200);
    b.registry.remove(&machine, "gone");
    b.registry.untold(news);
    assert_eq!(
        b.told(Scope::Changed),
        (vec![], vec!["h1/m: gone".to_owned()])
    );
}

#[tokio::test]
async fn numbers_count_every_message_in_parts() {
    let mut b = Bench::new();
    let gone = b.connect("x");
    for name in ["a", "b", "c"] {
        b.connect(name);
    }
    b.registry.remove(&gone, "gone");
    assert_eq!(b.registry.news(Scope::All, 2).first_seq, 1);
    // One that went, two parts.
    assert_eq!(b.registry.news(Scope::Changed, 2).first_seq, 4);
    // A part without machines.
    assert_eq!(b.registry.news(Scope::Changed, 2).first_seq, 5);
}
