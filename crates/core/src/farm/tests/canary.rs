//! A machine that nobody knows proves itself first.

use farm_model::config::Canary;
use farm_model::kept::{Admission, Kept, KeptKind};
use farm_model::record::BuildKind;

use super::*;

const VALID: i64 = 3600;

impl Dialogue {
    /// A farm whose machines have to do what the builder `test` did elsewhere.
    fn with_canary() -> Self {
        let mut t = Self::new(2, 1);
        let mut config = t.farm.config().clone();
        config.hosts.values_mut().for_each(|host| {
            host.canary = Some(Canary {
                builder: "test".parse().unwrap(),
                valid_seconds: VALID as u64,
            });
        });
        t.tell(Fact::Configured {
            digest: "e".to_owned(),
            config: Box::new(config),
        });
        t
    }

    /// The hub speaks of machines by name and identity.
    fn beat_as(&mut self, machines: &[(&str, &str, Option<&AttemptKey>)]) -> Effects {
        self.seq += 1;
        let machines = machines.iter().map(|(name, identity, busy)| MachineReport {
            machine: machine(name),
            host_type: "local".parse().unwrap(),
            version: 23,
            busy: busy.cloned(),
            labels: BTreeSet::new(),
            identity: Some((*identity).to_owned()),
            held: None,
            owner: None,
            owner_unread: false,
        });
        self.tell(Fact::Heartbeat(HubHeartbeat {
            hub: hub(),
            session: self.session.clone(),
            seq: self.seq,
            at: self.now,
            period_milliseconds: 2000,
            draining: false,
            machines: machines.collect(),
        }))
    }

    /// m1 has made commit 1 green; m2 comes, and gets the same to do.
    fn with_known_job() -> (Self, RunJob) {
        let mut t = Self::with_canary();
        t.beat_as(&[("m1", "i1", None)]);
        let work = the_work(&t.push(&[1]));
        t.finish(&work.attempt, Outcome::Ok);
        let canary = the_work(&t.beat_as(&[("m1", "i1", None), ("m2", "i2", None)]));
        (t, canary)
    }

    fn admission(&self, identity: &str) -> Option<&Admission> {
        match self.farm.book().get(KeptKind::Admission, identity) {
            Some(Kept::Admission(admission)) => Some(admission),
            _ => None,
        }
    }
}

#[test]
fn the_first_is_admitted_for_the_time_being_and_the_next_does_what_it_did() {
    let (mut t, canary) = Dialogue::with_known_job();
    assert_eq!(
        (&canary.machine, &canary.source.commit),
        (&machine("m2"), &commit(1).id)
    );
    let kind = &t.farm.build(&canary.attempt.build).unwrap().key.kind;
    assert_eq!(
        kind,
        &BuildKind::Canary {
            identity: "i2".to_owned()
        }
    );
    // Meanwhile it gets nothing else.
    let m1 = the_work(&t.push(&[2, 1]));
    assert_eq!(m1.machine, machine("m1"));
    assert!(told::<RunJob>(&t.push(&[3, 2, 1])).is_empty());
    let after = t.finish(&canary.attempt, Outcome::Ok);
    assert_eq!(the_work(&after).machine, machine("m2"));
    assert_eq!(t.admission("i2").unwrap().evidence, canary.attempt);
    // What came of it is no result of the commit.
    assert_eq!(t.farm.runs(&t.build(1)).len(), 1);
}

#[test]
fn trust_ends_after_its_time_and_with_another_identity() {
    let (mut t, canary) = Dialogue::with_known_job();
    t.finish(&canary.attempt, Outcome::Ok);
    let both = |other| [("m1", "i1", None), ("m2", other, None)];
    for _ in 0..VALID / 2 - 1 {
        t.wait(2);
        assert!(told::<RunJob>(&t.beat_as(&both("i2"))).is_empty());
    }
    t.wait(2);
    let again = the_work(&t.beat_as(&both("i2")));
    assert_eq!((again.attempt.run, &again.machine), (2, &machine("m2")));
    t.finish(&again.attempt, Outcome::Ok);
    assert!(told::<RunJob>(&t.beat_as(&both("i2"))).is_empty());
    assert_eq!(the_work(&t.beat_as(&both("i3"))).machine, machine("m2"));
}

#[test]
fn a_machine_that_fails_what_others_pass_is_set_aside_and_tried_again() {
    let (mut t, canary) = Dialogue::with_known_job();
    t.finish(&canary.attempt, Outcome::Failed);
    let aside = t.farm.book().aside(&"m2".parse().unwrap()).unwrap();
    assert_eq!(aside.evidence, std::slice::from_ref(&canary.attempt));
    assert_eq!(aside.reason, "it failed what others pass: why");
    let both = [("m1", "i1", None), ("m2", "i2", None)];
    let since = t.now;
    let work = t.the_next(&both, 600);
    assert_eq!(t.now.duration_since(since).as_mins(), 5);
    assert_eq!((&work.machine, work.attempt.run), (&machine("m2"), 2));
    t.finish(&work.attempt, Outcome::Ok);
    assert!(t.admission("i2").unwrap().outcome == Outcome::Ok);
}

#[test]
fn what_is_lost_says_nothing_and_is_done_again_later() {
    let (mut t, canary) = Dialogue::with_known_job();
    let both = [("m1", "i1", None), ("m2", "i2", None)];
    t.finish(&canary.attempt, Outcome::Lost);
    // The hub that lost it once may lose it twice: then the run is over, and another comes after a pause.
    let second = t.the_next(&both, 10);
    assert_eq!(
        (second.attempt.run, second.attempt.attempt, &second.machine),
        (1, 2, &machine("m2"))
    );
    t.finish(&second.attempt, Outcome::Lost);
    assert!(t.admission("i2").is_none());
    let third = t.the_next(&both, 600);
    assert_eq!((third.attempt.run, &third.machine), (2, &machine("m2")));
}

impl Dialogue {
    fn the_next(&mut self, machines: &[(&str, &str, Option<&AttemptKey>)], seconds: i64) -> RunJob {
        for _ in 0..seconds {
            let mut work = told::<RunJob>(&self.wait(1));
            work.extend(told::<RunJob>(&self.beat_as(machines)));
            if let Some(next) = work.pop() {
                return next;
            }
        }
        panic!("nothing in {seconds} s");
    }
}

#[test]
fn a_canary_survives_the_coordinator() {
    let (mut t, canary) = Dialogue::with_known_job();
    t.restart();
    assert!(
        told::<RunJob>(&t.beat_as(&[("m1", "i1", None), ("m2", "i2", Some(&canary.attempt))]))
            .is_empty()
    );
    t.finish(&canary.attempt, Outcome::Ok);
    assert!(t.admission("i2").is_some());
}

#[test]
fn host_types_without_canary_are_exempt() {
    let mut t = Dialogue::new(2, 1);
    t.beat_as(&[("m1", "i1", None)]);
    let work = the_work(&t.push(&[1]));
    t.finish(&work.attempt, Outcome::Ok);
    assert!(told::<RunJob>(&t.beat_as(&[("m1", "i1", None), ("m2", "i2", None)])).is_empty());
}
