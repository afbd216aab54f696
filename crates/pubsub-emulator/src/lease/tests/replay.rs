//! Retained messages, and going back to them.

use super::*;

fn retaining(ordered: bool) -> Leases {
    leases(Policy {
        retain_acked: true,
        ..policy(ordered)
    })
}

fn born(leases: &mut Leases, seq: u64, key: &str, seconds: u64) {
    let arrival = Arrival {
        born: at(seconds),
        ..arrival(seq, key)
    };
    leases.insert(&arrival, NEW);
}

fn seqs(set: &SeqSet) -> Vec<u64> {
    set.iter().map(|seq| seq.0).collect()
}

fn ack_all(leases: &mut Leases, taken: &[Taken]) {
    for taken in taken {
        assert_eq!(leases.ack(taken.seq, taken.token, NOW), Acked::Done);
    }
}

fn to_time(leases: &mut Leases, time: Moment) -> (Vec<u64>, Vec<u64>) {
    let sought = leases.seek(|_, born| born >= time, std::iter::empty());
    assert!(sought.strangers.is_empty());
    (seqs(&sought.done), seqs(&sought.opened))
}

#[test]
fn a_seek_back_makes_retained_messages_ready_as_if_they_were_new() {
    let mut leases = retaining(false);
    (1..=4).for_each(|seq| born(&mut leases, seq, "", seq));
    let taken = take(&mut leases, ONE, at(5));
    ack_all(&mut leases, &taken);
    assert_eq!((leases.len(), leases.bytes()), (0, 0));
    assert_eq!(to_time(&mut leases, at(3)), (vec![], vec![3, 4]));
    let again = take(&mut leases, TWO, at(6));
    assert_eq!((numbers(&again), again[0].attempt), (vec![3, 4], 1));
    assert_eq!(leases.hold(Seq(1)), Some(Hold::Acked));
    assert_eq!(leases.hold(Seq(3)), Some(Hold::Open { failures: 0 }));
}

#[test]
fn a_seek_forward_acknowledges_what_is_waiting_leased_and_delayed() {
    let backoff = Backoff {
        min: LEASE,
        max: LEASE,
    };
    let mut leases = leases(Policy {
        backoff: Some(backoff),
        ..policy(false)
    });
    fill(&mut leases, 1..=3, "");
    let taken = leases.take(ONE, 2, u64::MAX, at(0));
    leases.nack(taken[0].seq, taken[0].token, at(0));
    assert_eq!(to_time(&mut leases, at(1)), (vec![1, 2, 3], vec![]));
    assert_eq!(
        (leases.len(), leases.leased(), leases.next_due()),
        (0, 0, None)
    );
    assert_eq!(
        leases.ack(taken[1].seq, taken[1].token, at(1)),
        Acked::Ignored
    );
    assert_eq!(
        leases.hold(Seq(1)),
        None,
        "nothing acknowledged is retained"
    );
}

#[test]
fn a_lease_outlives_a_seek_that_leaves_its_message_open() {
    let mut leases = retaining(false);
    fill(&mut leases, 1..=1, "");
    let taken = take(&mut leases, ONE, at(0))[0];
    assert_eq!(to_time(&mut leases, at(0)), (vec![], vec![]));
    assert!(take(&mut leases, TWO, at(1)).is_empty());
    assert_eq!(leases.ack(taken.seq, taken.token, at(1)), Acked::Done);
}

#[test]
fn a_key_that_goes_back_comes_again_in_order() {
    let mut leases = retaining(true);
    (1..=5).for_each(|seq| born(&mut leases, seq, "k", seq));
    let taken = take(&mut leases, ONE, at(6));
    ack_all(&mut leases, &taken[..3]);
    // 4 and 5 are still with ONE.
    assert_eq!(to_time(&mut leases, at(2)), (vec![], vec![2, 3]));
    assert_eq!(leases.leased(), 0, "they must come after 2 and 3");
    assert_eq!(
        leases.ack(taken[4].seq, taken[4].token, NOW),
        Acked::Ignored
    );
    assert_eq!(numbers(&take(&mut leases, TWO, at(7))), [2, 3, 4, 5]);
}

#[test]
fn strangers_enter_once() {
    let mut leases = leases(policy(false));
    fill(&mut leases, 5..=6, "");
    let strangers = [4, 5, 7].map(|seq| arrival(seq, ""));
    let sought = leases.seek(|seq, _| seq != Seq(6), strangers.into_iter());
    assert_eq!(seqs(&sought.strangers), [4, 7]);
    assert_eq!(
        (seqs(&sought.done), seqs(&sought.opened)),
        (vec![6], vec![4, 7])
    );
    assert_eq!(numbers(&take(&mut leases, ONE, at(1))), [4, 5, 7]);
}

#[test]
fn what_is_acknowledged_goes_when_its_retention_ends_or_is_switched_off() {
    let mut leases = retaining(true);
    fill(&mut leases, 1..=3, "k");
    let taken = take(&mut leases, ONE, at(0));
    ack_all(&mut leases, &taken[..2]);
    assert_eq!(leases.set_policy(policy(true)), [Seq(1), Seq(2)]);
    assert_eq!(leases.lines.len(), 1);
    let mut leases = retaining(true);
    fill(&mut leases, 1..=2, "k");
    let taken = take(&mut leases, ONE, at(0));
    ack_all(&mut leases, &taken);
    assert_eq!(leases.next_due(), Some(at(0) + WEEK));
    assert_eq!(leases.tick(at(0) + WEEK), [Seq(1), Seq(2)]);
    assert_eq!((leases.seqs().count(), leases.lines.len()), (0, 0));
}

#[test]
fn what_was_recovered_goes_on_where_it_was() {
    let mut leases = retaining(true);
    leases.insert(&arrival(1, "k"), Hold::Acked);
    leases.insert(&arrival(2, "k"), Hold::Open { failures: 3 });
    let taken = take(&mut leases, ONE, at(0));
    assert_eq!((numbers(&taken), taken[0].attempt), (vec![2], 4));
    assert_eq!(to_time(&mut leases, at(0)), (vec![], vec![1]));
    assert_eq!(numbers(&take(&mut leases, ONE, at(1))), [1, 2]);
}
