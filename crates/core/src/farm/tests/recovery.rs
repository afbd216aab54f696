//! What goes wrong at the edges: restarts of both sides at once, broken machines, sleep, refusals.

use super::*;

#[test]
fn a_late_word_of_a_hubs_past_life_does_not_unseat_the_present_one() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    // Both are restarted: the new leader knows neither life, and hears of the later one first.
    t.restart();
    t.session = "s2".parse().unwrap();
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    t.session = "s1".parse().unwrap();
    t.beat(&[("m1", None)]);
    t.session = "s2".parse().unwrap();
    assert_eq!(t.status(1), Some(Status::Running));
    t.finish(&work.attempt, Outcome::Ok);
    assert_eq!(t.status(1), Some(Status::Ok));
}

#[test]
fn a_life_whose_name_sorts_lower_is_believed_once_the_other_is_silent() {
    let mut t = Dialogue::new(3, 1);
    t.session = "s2".parse().unwrap();
    t.beat(&[("m1", None)]);
    // The hub's host set its clock back and restarted it.
    t.session = "s1".parse().unwrap();
    t.wait(60);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.finish(&work.attempt, Outcome::Ok);
    assert_eq!(t.status(1), Some(Status::Ok));
}

#[test]
fn an_attempt_that_was_given_up_is_cancelled_once_when_its_hub_is_heard_again() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    t.wait(30);
    assert_eq!(t.status(1), Some(Status::Queued));
    let mut cancels = 0;
    for _ in 0..10 {
        t.now += SignedDuration::from_secs(2);
        let effects = t.beat(&[("m1", Some(&work.attempt))]);
        cancels += told::<CancelJob>(&effects).len();
    }
    assert_eq!(cancels, 1);
}

#[test]
fn a_leader_that_slept_does_not_take_its_own_sleep_for_silence() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    t.now += SignedDuration::from_secs(600);
    t.tell(Fact::Tick);
    assert_eq!(t.status(1), Some(Status::Running));
    assert_eq!(t.farm.machines().count(), 1);
    // Silence from then on counts.
    t.wait(30);
    assert_eq!(t.status(1), Some(Status::Queued));
}

#[test]
fn a_refusal_after_its_builder_went_ends_the_build() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    let mut other = config(3, 1);
    other.builders.clear();
    other.repositories.clear();
    t.tell(Fact::Configured {
        digest: "e".to_owned(),
        config: Box::new(other),
    });
    t.report(&work.attempt, 1, refused());
    assert_eq!((t.farm.open().len(), t.status(1)), (0, Some(Status::Lost)));
}

#[test]
fn refusals_for_ever_slow_down_and_leave_a_bounded_record() {
    let mut t = Dialogue::new(1, 1);
    t.beat(&[("m1", None)]);
    let mut work = the_work(&t.push(&[1]));
    for _ in 0..200 {
        t.report(&work.attempt, 1, refused());
        t.now += SignedDuration::from_secs(61);
        work = the_work(&t.beat(&[("m1", None)]));
    }
    assert_eq!(work.attempt.attempt, 201);
    let id = t.build(1);
    assert!(t.farm.runs(&id)[0].attempts() <= 22);
    t.finish(&work.attempt, Outcome::Ok);
    assert_eq!(t.status(1), Some(Status::Ok));
}

fn refused() -> AttemptEvent {
    AttemptEvent::Refused {
        reason: "machine not connected".to_owned(),
        missing: None,
    }
}

#[test]
fn stopping_the_farm_again_and_again_does_not_lose_a_build() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let mut work = the_work(&t.push(&[1]));
    for life in 2..10 {
        t.report(&work.attempt, 1, AttemptEvent::Accepted);
        t.restart();
        t.session = format!("s{life}").parse().unwrap();
        t.beat(&[("m1", None)]);
        t.now += SignedDuration::from_secs(61);
        work = the_work(&t.beat(&[("m1", None)]));
    }
    t.finish(&work.attempt, Outcome::Ok);
    assert_eq!(t.status(1), Some(Status::Ok));
}

#[test]
fn a_build_that_brings_its_hub_down_each_time_is_given_up() {
    let mut t = Dialogue::new(2, 1);
    t.beat(&[("m1", None)]);
    let mut work = Some(the_work(&t.push(&[1])));
    for life in 10..30 {
        let Some(attempt) = work.take().map(|work| work.attempt) else {
            break;
        };
        t.report(&attempt, 1, AttemptEvent::Accepted);
        t.session = format!("s{life}").parse().unwrap();
        t.beat(&[("m1", None)]);
        t.now += SignedDuration::from_secs(61);
        work = told::<RunJob>(&t.beat(&[("m1", None)])).pop();
    }
    assert_eq!(t.status(1), Some(Status::Lost));
}

#[test]
fn what_no_hub_took_in_time_counts_against_nobody() {
    let mut t = Dialogue::new(1, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    // Its hub lives all the while: the offer lies with us, or on the way.
    let mut again = Vec::new();
    for _ in 0..90 {
        t.now += SignedDuration::from_secs(1);
        let beaten = t.beat(&[("m1", None)]);
        again.extend(told::<RunJob>(&beaten));
        again.extend(told::<RunJob>(&t.tell(Fact::Tick)));
    }
    // One loss would have ended it.
    assert_eq!(t.status(1), Some(Status::Running));
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].attempt.attempt, work.attempt.attempt + 1);
    t.finish(&again[0].attempt, Outcome::Ok);
    assert_eq!(t.status(1), Some(Status::Ok));
}

#[test]
fn a_heartbeat_from_before_a_machine_left_does_not_bring_it_back() {
    let mut t = Dialogue::new(3, 1);
    t.seq = 5;
    let gone = MachineGone {
        hub: hub(),
        session: t.session.clone(),
        seq: 7,
        machine: machine("m1"),
        reason: "reset".to_owned(),
        dismissed: false,
    };
    t.tell(Fact::MachineGone(gone));
    t.beat(&[("m1", None)]);
    assert_eq!(t.farm.machines().count(), 0);
    // Registered once more, it is there.
    t.seq = 7;
    t.beat(&[("m1", None)]);
    assert_eq!(t.farm.machines().count(), 1);
}
