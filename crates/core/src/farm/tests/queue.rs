//! Order, labels, holds, predictions and the queue's document.

use farm_model::view::QueueView;

use super::*;
use crate::effects::ViewKey;
use crate::page;

impl Dialogue {
    fn queue_view(&self) -> QueueView {
        let key = ViewKey::Queue {
            host: "local".parse().unwrap(),
        };
        let text = page::render(&self.farm, &key, self.now).unwrap().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Another builder like the first, with these labels.
    fn with_second_builder(labels: &[&str]) -> Self {
        let mut t = Self::new(3, 1);
        t.configure(|config| {
            let mut second = config.builders.values().next().unwrap().clone();
            second.labels = labels.iter().map(|label| (*label).to_owned()).collect();
            config.builders.insert("second".parse().unwrap(), second);
            let repository = config.repositories.values_mut().next().unwrap();
            repository.builders.push("second".parse().unwrap());
        });
        t
    }
}

#[test]
fn labels_decide_who_can_and_what_few_can_stays_free() {
    let mut t = Dialogue::with_second_builder(&["gpu"]);
    t.push(&[1]);
    let plain = the_work(&t.beat_with("m1", false, &[]));
    assert_eq!(plain.builder.as_str(), "test");
    t.finish(&plain.attempt, Outcome::Ok);
    let special = the_work(&t.beat_with("m2", false, &["gpu"]));
    assert_eq!(special.builder.as_str(), "second");
    t.finish(&special.attempt, Outcome::Ok);
    // Both are idle: the plain job leaves the special machine free.
    let work = told::<RunJob>(&t.push(&[2, 1]));
    let on = |builder: &str| {
        let of = work.iter().find(|work| work.builder.as_str() == builder);
        of.unwrap().machine.clone()
    };
    assert_eq!((on("test"), on("second")), (machine("m1"), machine("m2")));
}

#[test]
fn the_machine_that_was_used_least_recently_goes_first() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None), ("m2", None), ("m3", None)]);
    let mut used = Vec::new();
    for number in 1..=6 {
        let commits: Vec<u32> = (1..=number).rev().collect();
        let work = the_work(&t.push(&commits));
        used.push(work.machine.clone());
        t.finish(&work.attempt, Outcome::Ok);
    }
    assert_eq!(used[..3], [machine("m1"), machine("m2"), machine("m3")]);
    assert_eq!(used[..3], used[3..]);
}

#[test]
fn tips_of_all_branches_go_before_history() {
    let mut t = Dialogue::new(3, 4);
    t.push(&[4, 3, 2, 1]);
    t.now += SignedDuration::from_secs(60);
    t.push(&[5, 4, 3, 2, 1]);
    let mut work = the_work(&t.beat(&[("m1", None)]));
    let mut order = Vec::new();
    for _ in 0..5 {
        order.push(u32::from_str_radix(work.source.commit.as_str(), 16).unwrap());
        let next = t.finish(&work.attempt, Outcome::Ok);
        match told::<RunJob>(&next).pop() {
            Some(next) => work = next,
            None => break,
        }
    }
    assert_eq!(order, [4, 5, 3, 2, 1]);
}

#[test]
fn the_document_of_a_queue_says_who_waits_and_until_when() {
    let mut t = Dialogue::new(3, 3);
    t.beat(&[("m1", None)]);
    let effects = t.push(&[3, 2, 1]);
    let key = ViewKey::Queue {
        host: "local".parse().unwrap(),
    };
    assert!(effects.dirty.contains(&key));
    let view = t.queue_view();
    assert_eq!((view.machines.busy, view.machines.idle), (1, 0));
    assert_eq!(view.waiting, [("history".to_owned(), 2)].into());
    let length = SignedDuration::from_secs_f64(view.entries[0].expected_seconds);
    let starts: Vec<Timestamp> = view
        .entries
        .iter()
        .filter_map(|entry| entry.expected_start)
        .collect();
    assert_eq!(starts, [t.now + length, t.now + length + length]);
    // Nothing of it changes: it is not written again.
    assert!(!t.tell(Fact::Tick).dirty.contains(&key));
}
