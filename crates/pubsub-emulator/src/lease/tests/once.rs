//! Exactly-once delivery.

use super::*;

fn exactly_once(ordered: bool) -> Leases {
    leases(Policy {
        exactly_once: true,
        ..policy(ordered)
    })
}

#[test]
fn an_answer_counts_only_while_its_lease_lives() {
    let mut leases = exactly_once(false);
    fill(&mut leases, 1..=1, "");
    let first = take(&mut leases, ONE, at(0))[0];
    // The time is up, and nothing has ticked yet.
    assert_eq!(leases.ack(first.seq, first.token, at(10)), Acked::Ignored);
    assert!(!leases.extend(first.seq, first.token, LEASE, at(10)));
    assert!(!leases.nack(first.seq, first.token, at(10)));
    leases.tick(at(10));
    let second = take(&mut leases, TWO, at(10))[0];
    assert_eq!(leases.ack(first.seq, first.token, at(11)), Acked::Ignored);
    assert_eq!(leases.ack(second.seq, second.token, at(19)), Acked::Done);
    assert_eq!(leases.ack(second.seq, second.token, at(19)), Acked::Ignored);
}

#[test]
fn nobody_gets_a_message_whose_lease_lives_although_its_consumer_is_gone() {
    for key in ["", "k"] {
        let mut leases = exactly_once(true);
        fill(&mut leases, 1..=2, key);
        let taken = leases.take(ONE, 1, u64::MAX, at(0))[0];
        leases.close(ONE);
        assert!(
            !numbers(&take(&mut leases, TWO, at(9))).contains(&1),
            "{key}"
        );
        assert!(leases.extend(taken.seq, taken.token, LEASE, at(9)));
        leases.tick(at(18));
        assert_eq!(leases.ack(taken.seq, taken.token, at(18)), Acked::Done);
        leases.tick(at(60));
        assert_eq!(numbers(&take(&mut leases, TWO, at(60))), [2], "{key}");
    }
}

#[test]
fn a_lease_that_outlives_its_consumer_ends_in_time() {
    for key in ["", "k"] {
        let mut leases = exactly_once(true);
        fill(&mut leases, 1..=2, key);
        take(&mut leases, ONE, at(0));
        leases.close(ONE);
        assert_eq!(leases.tick(at(10)), []);
        let again = take(&mut leases, TWO, at(10));
        assert_eq!(
            (numbers(&again), again[0].attempt),
            (vec![1, 2], 2),
            "{key}"
        );
    }
}
