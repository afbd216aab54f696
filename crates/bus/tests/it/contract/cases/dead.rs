//! What nobody can use is kept.

use farm_bus::{Bus, DeadLetter, Sentence, SubscriptionSpec};
use farm_model::event::Topic;
use tokio::time::timeout;

use super::listener;
use crate::harness::{PATIENCE, SOME, event, next};

async fn one_rejected(bus: &Bus, reason: &str) {
    let spec = SubscriptionSpec::new("strict", Topic::Commands);
    bus.ensure(&[spec]).await.unwrap();
    bus.publish(Topic::Commands, &event("bad")).await.unwrap();
    let mut receiver = bus.receive("strict", SOME);
    next(&mut receiver).await.reject(reason).await;
    receiver.close().await;
}

pub async fn what_is_rejected_lies_in_the_dead_letters_with_the_reason(bus: &Bus) {
    one_rejected(bus, "no such builder: \"ä\"").await;
    bus.publish(Topic::Commands, &event("good")).await.unwrap();
    let mut receiver = bus.receive("strict", SOME);
    assert_eq!(next(&mut receiver).await.event.id, "good");
    let letters = bus.dead_letters("strict", 10).await.unwrap();
    let [letter] = &letters[..] else {
        panic!("{letters:?}")
    };
    assert_eq!(letter.reason, "no such builder: \"ä\"");
    assert_eq!(letter.event, Ok(event("bad")));
    assert_eq!(letter.data, "{\"a\":1}");
}

pub async fn a_dead_letter_can_be_received_as_the_event_that_it_was(bus: &Bus) {
    one_rejected(bus, "").await;
    let delivery = next(&mut bus.receive("dead-strict", SOME)).await;
    assert_eq!(delivery.event, event("bad"));
    delivery.ack();
}

pub async fn dead_letters_are_looked_at_and_stay(bus: &Bus) {
    let spec = SubscriptionSpec::new("strict", Topic::Commands);
    bus.ensure(&[spec]).await.unwrap();
    assert_eq!(bus.dead_letters("strict", 10).await.unwrap(), []);
    one_rejected(bus, "no such builder").await;
    for _ in 0..2 {
        let found = bus.dead_letters("strict", 10).await.unwrap();
        let reasons: Vec<_> = found.iter().map(|letter| letter.reason.as_str()).collect();
        assert_eq!(reasons, ["no such builder"]);
    }
}

pub async fn a_dead_letter_is_sent_again_or_dropped_and_the_others_stay(bus: &Bus) {
    let spec = SubscriptionSpec::new("strict", Topic::Commands);
    bus.ensure(&[spec]).await.unwrap();
    let mut receiver = bus.receive("strict", SOME);
    for name in ["keep", "again", "drop"] {
        bus.publish(Topic::Commands, &event(name)).await.unwrap();
        next(&mut receiver).await.reject("not yet").await;
    }
    let judge = |letter: &DeadLetter| match letter.event.as_ref().unwrap().id.as_str() {
        "again" => Sentence::Redeliver(Topic::Commands),
        "drop" => Sentence::Drop,
        _ => Sentence::Stay,
    };
    let settled = bus.settle_dead("strict", 10, &judge).await.unwrap();
    assert_eq!(settled.len(), 3);
    // It comes as it was, and without a word of its death.
    let revived = next(&mut receiver).await;
    assert_eq!(revived.event, event("again"));
    revived.ack();
    let left = bus.dead_letters("strict", 10).await.unwrap();
    let left: Vec<_> = left
        .into_iter()
        .map(|letter| letter.event.unwrap().id)
        .collect();
    assert_eq!(left, ["keep"]);
}

pub async fn what_nobody_acknowledges_ends_in_the_dead_letters(bus: &Bus) {
    let spec = SubscriptionSpec {
        max_delivery_attempts: 5,
        ..listener("weak")
    };
    bus.ensure(&[spec]).await.unwrap();
    bus.publish(Topic::Results, &event("heavy")).await.unwrap();
    let mut receiver = bus.receive("weak", SOME);
    for _ in 0..5 {
        // As of a consumer that dies of it.
        drop(next(&mut receiver).await);
    }
    let found = async {
        loop {
            let letters = bus.dead_letters("weak", 10).await.unwrap();
            if let Some(letter) = letters.into_iter().next() {
                break letter;
            }
        }
    };
    let letter = timeout(PATIENCE, found).await.unwrap();
    assert_eq!(letter.event, Ok(event("heavy")));
    assert!(
        letter.reason.contains("never acknowledged"),
        "{}",
        letter.reason
    );
}
