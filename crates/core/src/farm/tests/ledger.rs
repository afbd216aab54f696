//! Deliveries are counted, and those that nobody heard of are told again.

use farm_model::message::activity::GerritHint;
use farm_model::trace::TraceParent;
use farm_model::view::IntakeStatus;
use proptest::prelude::*;

use super::*;
use crate::fact::Refusal;
use crate::page;

fn activity(number: u32, received: Timestamp) -> Activity {
    Activity {
        delivery: format!("{number:064x}").parse().unwrap(),
        guid: None,
        received,
        hint: Hint::Gerrit(GerritHint {
            event: "ref-updated".to_owned(),
            project: "go".to_owned(),
            git_ref: None,
            url: None,
            commit: None,
            change: None,
        }),
    }
}

fn refusal(number: u32, received: Timestamp) -> Refusal {
    Refusal {
        id: format!("gerrit:{number}"),
        source: "gerrit".to_owned(),
        received,
    }
}

/// The one row there is.
fn row(t: &Dialogue) -> IntakeStatus {
    let rows = t.farm.intake();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

#[test]
fn a_stored_delivery_that_nobody_heard_of_is_told_again_and_one_that_was_heard_is_not() {
    let mut t = Dialogue::new(3, 1);
    let lost = activity(1, t.now);
    let effects = t.tell(Fact::Found(lost.clone()));
    assert_eq!(told::<Activity>(&effects), std::slice::from_ref(&lost));
    assert_eq!(effects.outbox[0].1.id, format!("gerrit:{}", lost.delivery));
    // It comes by the queue, as every other.
    t.tell(Fact::Heard(lost.clone()));
    let again = t.tell(Fact::Found(lost));
    assert!(told::<Activity>(&again).is_empty());
    let row = row(&t);
    assert_eq!((row.accepted, row.effective, row.found), (1, 1, 1));
}

#[test]
fn gaps_that_recur_are_a_trouble_for_an_hour() {
    let mut t = Dialogue::new(3, 1);
    for number in 0..2 {
        t.tell(Fact::Found(activity(number, t.now)));
    }
    assert_eq!(t.farm.troubles().count(), 0);
    t.tell(Fact::Found(activity(2, t.now)));
    let trouble = t.farm.troubles().next().unwrap();
    assert!(
        trouble.starts_with("intake: stored deliveries"),
        "{trouble}"
    );
    t.wait(3601);
    assert_eq!(t.farm.troubles().count(), 0);
}

#[test]
fn counts_survive_the_leader_and_are_forgotten_after_a_month() {
    let mut t = Dialogue::new(3, 1);
    t.tell(Fact::Heard(activity(1, t.now)));
    t.tell(Fact::Refused(refusal(1, t.now)));
    let before = row(&t);
    let saved = std::mem::take(&mut t.saved);
    t.farm = Farm::restore(Policy::default(), saved, t.now);
    assert_eq!(row(&t), before);
    t.now += SignedDuration::from_hours(40 * 24);
    t.tell(Fact::Heard(activity(2, t.now)));
    assert_eq!(row(&t).accepted, 1);
}

#[test]
fn a_run_goes_on_with_the_trace_of_the_hint_that_opened_it() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let trace: TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        .parse()
        .unwrap();
    let effects = t.push_in(&[1], Some(trace.clone()));
    let (_, work) = &effects.outbox[0];
    assert_eq!(work.trace().as_ref(), Some(&trace));
    let attempt = the_work(&effects).attempt;
    let over = t.finish(&attempt, Outcome::Ok);
    let result = over
        .outbox
        .iter()
        .find(|(_, event)| event.id.starts_with("finished:"));
    assert_eq!(result.unwrap().1.trace(), Some(trace));
    // What comes without one has none.
    let later = t.push(&[2, 1]);
    assert_eq!(
        later.outbox.iter().find_map(|(_, event)| event.trace()),
        None
    );
}

#[test]
fn the_farm_in_numbers() {
    let mut t = Dialogue::new(3, 3);
    t.push(&[3, 2, 1]);
    let status = page::status(&t.farm, t.now);
    assert_eq!((status.open, status.running), (3, 0));
    let [queue] = &status.queues[..] else {
        panic!("{status:?}")
    };
    assert_eq!(
        (queue.waiting, queue.machines, queue.oldest),
        (3, 0, Some(t.now))
    );
    t.beat(&[("m1", None), ("m2", None)]);
    t.wait(5);
    let status = page::status(&t.farm, t.now);
    assert_eq!((status.machines.busy, status.machines.idle), (2, 0));
    let queue = &status.queues[0];
    assert_eq!((queue.waiting, queue.machines, queue.busy), (1, 2, 2));
    assert_eq!(t.now.duration_since(queue.oldest.unwrap()).as_secs(), 5);
    assert_eq!(status.hubs[0].machines, 2);
}

proptest! {
    #[test]
    fn whatever_is_accepted_is_effective_repeated_or_refused(
        facts in prop::collection::vec((0_u32..6, 0_u8..3), 0..60)
    ) {
        let mut t = Dialogue::new(3, 1);
        for (number, kind) in &facts {
            let fact = match kind {
                0 => Fact::Heard(activity(*number, t.now)),
                1 => Fact::Refused(refusal(*number, t.now)),
                _ => Fact::Found(activity(*number, t.now)),
            };
            t.tell(fact);
        }
        let came = facts.iter().filter(|(_, kind)| *kind < 2).count() as u64;
        let row = t.farm.intake().into_iter().next().unwrap_or_default();
        prop_assert_eq!(row.accepted, came);
        prop_assert_eq!(row.accepted, row.effective + row.repeated + row.refused);
        let different: BTreeSet<_> = facts.iter().filter(|(_, kind)| *kind == 0).collect();
        prop_assert_eq!(row.effective, different.len() as u64);
    }
}
