//! Machines that belong to somebody.

use farm_model::message::result::{MachineBack, MachineMissing};

use super::*;

const HOUR: i64 = 3600;

impl Dialogue {
    /// A farm with the machine `pi` of the gopher, heard of for long.
    fn with_owner() -> Self {
        let mut t = Self::new(3, 1);
        t.owner = Some("gopher@example.org".to_owned());
        t.beat(&[("pi", None)]);
        t
    }

    fn leave(&mut self) -> Effects {
        self.seq += 1;
        self.tell(Fact::MachineGone(MachineGone {
            hub: hub(),
            session: self.session.clone(),
            seq: self.seq,
            machine: machine("pi"),
            reason: "reset".to_owned(),
            dismissed: false,
        }))
    }

    /// Time passes, and the hub goes on to speak of `machines`.
    fn listen(&mut self, seconds: i64, machines: &[(&str, Option<&AttemptKey>)]) -> Effects {
        let mut all = Effects::default();
        for second in 0..seconds {
            let beaten = (second % 10 == 0).then(|| self.beat(machines));
            all.outbox
                .extend(beaten.into_iter().flat_map(|beat| beat.outbox));
            all.outbox.extend(self.wait(1).outbox);
        }
        all
    }

    fn away(&self) -> usize {
        self.farm
            .owned()
            .filter(|machine| machine.away.is_some())
            .count()
    }
}

#[test]
fn the_owner_is_told_once_when_a_machine_is_missing_and_once_when_it_is_back() {
    let mut t = Dialogue::with_owner();
    t.leave();
    let since = t.now;
    assert_eq!(told::<MachineMissing>(&t.listen(HOUR - 1, &[])), []);
    let effects = t.listen(3 * HOUR, &[]);
    let missing = told::<MachineMissing>(&effects);
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].owner, "gopher@example.org");
    assert_eq!(
        (missing[0].machine.as_str(), missing[0].since),
        ("pi", since)
    );
    let id = effects.outbox[0].1.id.clone();
    assert_eq!(id, format!("missing:pi:{}", since.as_nanosecond()));
    let effects = t.beat(&[("pi", None)]);
    let back = told::<MachineBack>(&effects);
    assert_eq!((back.len(), back[0].since, back[0].at), (1, since, t.now));
    assert_eq!(told::<MachineBack>(&t.listen(HOUR, &[("pi", None)])), []);
    // The next time is another time.
    t.leave();
    let again = t.listen(HOUR + 60, &[]);
    assert_eq!(told::<MachineMissing>(&again).len(), 1);
    assert_ne!(again.outbox[0].1.id, id);
}

#[test]
fn a_short_absence_and_a_machine_of_nobody_are_not_told() {
    let mut t = Dialogue::with_owner();
    t.leave();
    t.listen(HOUR / 2, &[]);
    let back = t.beat(&[("pi", None)]);
    assert_eq!(told::<MachineBack>(&back), []);
    assert_eq!(
        told::<MachineMissing>(&t.listen(2 * HOUR, &[("pi", None)])),
        []
    );
    let mut t = Dialogue::with_owner();
    t.owner = None;
    t.beat(&[("pi", None), ("child", None)]);
    t.leave();
    assert_eq!(told::<MachineMissing>(&t.listen(2 * HOUR, &[])), []);
}

#[test]
fn a_restart_forgets_neither_an_absence_nor_that_it_was_told() {
    let mut t = Dialogue::with_owner();
    t.leave();
    let since = t.now;
    t.listen(HOUR / 2, &[]);
    // Nobody leads for a while.
    t.now += SignedDuration::from_secs(HOUR);
    t.restart();
    let settle = t.farm.policy().settle.as_secs();
    assert_eq!(told::<MachineMissing>(&t.listen(settle - 1, &[])), []);
    let missing = told::<MachineMissing>(&t.listen(60, &[]));
    assert_eq!(
        missing.iter().map(|told| told.since).collect::<Vec<_>>(),
        [since]
    );
    t.restart();
    assert_eq!(told::<MachineMissing>(&t.listen(2 * HOUR, &[])), []);
    t.restart();
    let back = told::<MachineBack>(&t.beat(&[("pi", None)]));
    assert_eq!(back.len(), 1);
    t.restart();
    assert_eq!(told::<MachineBack>(&t.beat(&[("pi", None)])), []);
}

#[test]
fn a_machine_that_goes_while_nobody_leads_is_missed_from_the_start() {
    let mut t = Dialogue::with_owner();
    t.restart();
    let started = t.now;
    assert_eq!(t.away(), 0, "it may be heard of any moment");
    let missing = told::<MachineMissing>(&t.listen(HOUR + 60, &[]));
    assert_eq!(
        missing.iter().map(|told| told.since).collect::<Vec<_>>(),
        [started]
    );
    let mut t = Dialogue::with_owner();
    t.restart();
    t.beat(&[("pi", None)]);
    t.listen(HOUR, &[("pi", None)]);
    assert_eq!(t.away(), 0);
}

#[test]
fn nobody_is_missed_while_we_do_not_hear_or_no_hub_lives() {
    let mut t = Dialogue::with_owner();
    // The hub falls silent, and with it its machines.
    assert_eq!(told::<MachineMissing>(&t.wait(2 * HOUR)), []);
    assert_eq!(t.away(), 1);
    // It lives again, without the machine, which is given time to come back.
    let settle = t.farm.policy().settle.as_secs();
    assert_eq!(told::<MachineMissing>(&t.listen(settle - 1, &[])), []);
    assert_eq!(told::<MachineMissing>(&t.listen(60, &[])).len(), 1);
    let mut t = Dialogue::with_owner();
    t.leave();
    t.listen(HOUR - 60, &[]);
    t.tell(Fact::Deaf);
    assert_eq!(told::<MachineMissing>(&t.listen(settle - 1, &[])), []);
    assert_eq!(told::<MachineMissing>(&t.listen(60, &[])).len(), 1);
}

#[test]
fn a_hub_that_could_not_read_the_record_takes_no_owner_away() {
    let mut t = Dialogue::with_owner();
    (t.owner, t.owner_unread) = (None, true);
    t.beat(&[("pi", None)]);
    t.leave();
    assert_eq!(told::<MachineMissing>(&t.listen(HOUR + 60, &[])).len(), 1);
    // Where it could, there is none any more.
    let mut t = Dialogue::with_owner();
    t.owner = None;
    t.beat(&[("pi", None)]);
    t.leave();
    assert_eq!(told::<MachineMissing>(&t.listen(HOUR + 60, &[])), []);
}

#[test]
fn a_machine_that_goes_to_another_hub_is_not_away() {
    let mut t = Dialogue::with_owner();
    let other = HubHeartbeat {
        hub: "h2".parse().unwrap(),
        session: "s1".parse().unwrap(),
        seq: 1,
        at: t.now,
        period_milliseconds: 2000,
        draining: false,
        machines: vec![MachineReport {
            machine: "h2/pi".parse().unwrap(),
            host_type: "local".parse().unwrap(),
            version: 23,
            labels: BTreeSet::new(),
            identity: None,
            held: None,
            busy: None,
            owner: t.owner.clone(),
            owner_unread: false,
        }],
    };
    t.tell(Fact::Heartbeat(other));
    t.leave();
    assert_eq!(t.away(), 0);
}
