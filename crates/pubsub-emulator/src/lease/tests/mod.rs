use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

mod once;
mod replay;

const LEASE: Duration = Duration::from_secs(10);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const ONE: ConsumerId = ConsumerId(1);
const TWO: ConsumerId = ConsumerId(2);

/// Without exactly-once delivery it does not matter when an acknowledgement comes.
const NOW: Moment = Moment::from_micros(0);

fn at(seconds: u64) -> Moment {
    Moment::from_micros(seconds * 1_000_000)
}

fn policy(ordered: bool) -> Policy {
    Policy {
        ordered,
        backoff: None,
        max_attempts: None,
        retention: WEEK,
        retain_acked: false,
        exactly_once: false,
    }
}

fn flow(max_messages: usize) -> Flow {
    Flow {
        max_messages,
        max_bytes: u64::MAX,
        lease: LEASE,
        one_a_key: false,
    }
}

fn leases(policy: Policy) -> Leases {
    let mut leases = Leases::new(policy, 0);
    leases.open(ONE, flow(usize::MAX));
    leases.open(TWO, flow(usize::MAX));
    leases
}

fn arrival(seq: u64, key: &str) -> Arrival<'_> {
    Arrival {
        seq: Seq(seq),
        key: (!key.is_empty()).then_some(key),
        size: 10,
        born: at(0),
    }
}

const NEW: Hold = Hold::Open { failures: 0 };

fn fill(leases: &mut Leases, range: std::ops::RangeInclusive<u64>, key: &str) {
    range.for_each(|seq| leases.insert(&arrival(seq, key), NEW));
}

fn take(leases: &mut Leases, id: ConsumerId, now: Moment) -> Vec<Taken> {
    leases.take(id, 1000, u64::MAX, now)
}

fn numbers(taken: &[Taken]) -> Vec<u64> {
    taken.iter().map(|t| t.seq.0).collect()
}

#[test]
fn messages_are_taken_in_order_and_once() {
    let mut leases = leases(policy(false));
    fill(&mut leases, 1..=5, "");
    assert_eq!(numbers(&take(&mut leases, ONE, at(1))), [1, 2, 3, 4, 5]);
    assert!(take(&mut leases, TWO, at(1)).is_empty());
    assert_eq!((leases.len(), leases.leased(), leases.bytes()), (5, 5, 50));
}

#[test]
fn an_acknowledged_message_is_gone() {
    let mut leases = leases(policy(false));
    fill(&mut leases, 1..=1, "");
    let taken = take(&mut leases, ONE, at(1));
    assert_eq!(leases.ack(taken[0].seq, taken[0].token, NOW), Acked::Done);
    assert_eq!(
        leases.ack(taken[0].seq, taken[0].token, NOW),
        Acked::Ignored
    );
    assert_eq!(
        (leases.len(), leases.bytes(), leases.next_due()),
        (0, 0, None)
    );
}

#[test]
fn an_expired_lease_is_delivered_again_with_the_next_attempt() {
    let mut leases = leases(policy(false));
    fill(&mut leases, 1..=1, "");
    let first = take(&mut leases, ONE, at(0));
    assert_eq!(leases.next_due(), Some(at(10)));
    leases.tick(at(9));
    assert!(take(&mut leases, TWO, at(9)).is_empty());
    leases.tick(at(10));
    let second = take(&mut leases, TWO, at(10));
    assert_eq!((first[0].attempt, second[0].attempt), (1, 2));
    assert!(
        !leases.nack(first[0].seq, first[0].token, at(10)),
        "the old lease is over"
    );
}

#[test]
fn a_late_acknowledgement_of_a_message_without_order_counts() {
    let mut leases = leases(policy(false));
    fill(&mut leases, 1..=1, "");
    let first = take(&mut leases, ONE, at(0));
    leases.tick(at(10));
    take(&mut leases, TWO, at(10));
    assert_eq!(leases.ack(first[0].seq, first[0].token, NOW), Acked::Done);
}

#[test]
fn an_extended_lease_lasts_from_the_moment_of_extension() {
    let mut leases = leases(policy(false));
    fill(&mut leases, 1..=1, "");
    let taken = take(&mut leases, ONE, at(0));
    assert!(leases.extend(taken[0].seq, taken[0].token, Duration::from_secs(60), at(9)));
    leases.tick(at(68));
    assert_eq!(leases.leased(), 1);
    leases.tick(at(69));
    assert_eq!(leases.leased(), 0);
}

#[test]
fn flow_control_bounds_what_a_consumer_holds() {
    let mut leases = Leases::new(policy(false), 0);
    leases.open(
        ONE,
        Flow {
            max_bytes: 25,
            ..flow(100)
        },
    );
    leases.open(TWO, flow(2));
    fill(&mut leases, 1..=9, "");
    let one = take(&mut leases, ONE, at(0));
    assert_eq!(numbers(&one), [1, 2, 3], "until the bytes are passed");
    assert_eq!(numbers(&take(&mut leases, TWO, at(0))), [4, 5]);
    leases.ack(one[0].seq, one[0].token, NOW);
    assert_eq!(numbers(&take(&mut leases, ONE, at(0))), [6]);
}

#[test]
fn the_leases_of_a_consumer_that_is_gone_are_ready_at_once_and_uncounted() {
    let mut leases = leases(policy(false));
    fill(&mut leases, 1..=3, "");
    take(&mut leases, ONE, at(0));
    leases.close(ONE);
    let again = take(&mut leases, TWO, at(0));
    assert_eq!(numbers(&again), [1, 2, 3]);
    assert!(again.iter().all(|t| t.attempt == 1));
}

#[test]
fn back_off_holds_a_failed_message_back() {
    let backoff = Backoff {
        min: Duration::from_secs(10),
        max: Duration::from_secs(600),
    };
    let mut leases = leases(Policy {
        backoff: Some(backoff),
        ..policy(false)
    });
    fill(&mut leases, 1..=1, "");
    let taken = take(&mut leases, ONE, at(0));
    assert!(leases.nack(taken[0].seq, taken[0].token, at(0)));
    leases.tick(at(9));
    assert!(take(&mut leases, ONE, at(9)).is_empty());
    leases.tick(at(10));
    assert_eq!(take(&mut leases, ONE, at(10)).len(), 1);
}

#[test]
fn a_message_leaves_after_exactly_the_given_number_of_attempts() {
    let mut leases = leases(Policy {
        max_attempts: Some(5),
        ..policy(false)
    });
    fill(&mut leases, 1..=1, "");
    for attempt in 1..=5 {
        assert!(leases.drain_leaving().is_empty());
        let taken = take(&mut leases, ONE, at(0));
        assert_eq!(taken[0].attempt, attempt);
        leases.nack(taken[0].seq, taken[0].token, at(0));
    }
    assert_eq!(leases.drain_leaving(), [Seq(1)]);
    assert!(take(&mut leases, ONE, at(0)).is_empty());
    assert!(
        !leases.left(Seq(1), false, at(0)),
        "not taken: it comes again"
    );
    leases.tick(at(1));
    let taken = take(&mut leases, ONE, at(1));
    leases.nack(taken[0].seq, taken[0].token, at(1));
    assert!(leases.left(Seq(1), true, at(1)));
    assert_eq!(leases.len(), 0);
}

#[test]
fn a_nack_takes_the_later_messages_of_its_key_back() {
    let mut leases = leases(policy(true));
    fill(&mut leases, 1..=6, "k");
    let first = take(&mut leases, ONE, at(0));
    assert_eq!(numbers(&first), [1, 2, 3, 4, 5, 6]);
    assert!(leases.nack(Seq(4), first[3].token, at(0)));
    assert_eq!(
        leases.ack(Seq(5), first[4].token, NOW),
        Acked::Ignored,
        "it must come after 4"
    );
    assert_eq!(leases.ack(Seq(1), first[0].token, NOW), Acked::Done);
    let again = take(&mut leases, ONE, at(0));
    assert_eq!(numbers(&again), [4, 5, 6]);
    assert_eq!(
        again.iter().map(|t| t.attempt).collect::<Vec<_>>(),
        [2, 1, 1]
    );
}

#[test]
fn a_key_in_back_off_holds_its_line_and_no_other() {
    let backoff = Backoff {
        min: Duration::from_secs(10),
        max: Duration::from_secs(10),
    };
    let mut leases = leases(Policy {
        backoff: Some(backoff),
        ..policy(true)
    });
    fill(&mut leases, 1..=2, "k");
    let taken = take(&mut leases, ONE, at(0));
    leases.nack(Seq(1), taken[0].token, at(0));
    fill(&mut leases, 3..=3, "other");
    fill(&mut leases, 4..=4, "");
    assert_eq!(numbers(&take(&mut leases, ONE, at(0))), [3, 4]);
    leases.tick(at(10));
    assert_eq!(numbers(&take(&mut leases, ONE, at(10))), [1, 2]);
}

#[test]
fn a_key_stays_with_the_consumer_that_has_its_messages() {
    let mut leases = leases(policy(true));
    fill(&mut leases, 1..=3, "k");
    let one = leases.take(ONE, 1, u64::MAX, at(0));
    assert!(take(&mut leases, TWO, at(0)).is_empty());
    leases.ack(one[0].seq, one[0].token, NOW);
    assert_eq!(numbers(&take(&mut leases, TWO, at(0))), [2, 3]);
}

#[test]
fn one_a_key_waits_for_the_answer() {
    let mut leases = Leases::new(policy(true), 0);
    leases.open(
        ONE,
        Flow {
            one_a_key: true,
            ..flow(100)
        },
    );
    fill(&mut leases, 1..=2, "k");
    fill(&mut leases, 3..=3, "l");
    let taken = take(&mut leases, ONE, at(0));
    assert_eq!(numbers(&taken), [1, 3]);
    leases.ack(taken[0].seq, taken[0].token, NOW);
    assert_eq!(numbers(&take(&mut leases, ONE, at(0))), [2]);
}

#[test]
fn an_acknowledgement_that_follows_its_closed_stream_counts_with_order_too() {
    let mut leases = leases(policy(true));
    fill(&mut leases, 1..=2, "k");
    let taken = take(&mut leases, ONE, at(0));
    leases.close(ONE);
    assert_eq!(leases.ack(taken[0].seq, taken[0].token, NOW), Acked::Done);
    assert_eq!(numbers(&take(&mut leases, TWO, at(0))), [2]);
    assert_eq!(
        leases.ack(taken[1].seq, taken[1].token, NOW),
        Acked::Ignored
    );
}

#[test]
fn a_nack_that_follows_its_closed_stream_counts() {
    for key in ["", "k"] {
        let mut leases = leases(policy(true));
        fill(&mut leases, 1..=1, key);
        let taken = take(&mut leases, ONE, at(0));
        leases.close(ONE);
        assert!(leases.nack(taken[0].seq, taken[0].token, at(0)));
        assert!(
            !leases.nack(taken[0].seq, taken[0].token, at(0)),
            "it counts once"
        );
        assert_eq!(take(&mut leases, TWO, at(0))[0].attempt, 2);
    }
}

#[test]
fn what_is_older_than_the_retention_is_dropped() {
    let mut leases = leases(policy(false));
    fill(&mut leases, 1..=2, "");
    let later = at(0) + WEEK;
    assert_eq!(leases.next_due(), Some(later));
    assert_eq!(leases.tick(later), [Seq(1), Seq(2)]);
    assert_eq!(leases.len(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Publish(u8),
    Take(bool, usize),
    Ack(usize),
    Nack(usize),
    Extend(usize),
    Pass(u64),
    Close(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0u8..4).prop_map(Step::Publish),
        3 => (any::<bool>(), 1usize..4).prop_map(|(c, n)| Step::Take(c, n)),
        3 => (0usize..50).prop_map(Step::Ack),
        2 => (0usize..50).prop_map(Step::Nack),
        1 => (0usize..50).prop_map(Step::Extend),
        2 => (1u64..15).prop_map(Step::Pass),
        1 => any::<bool>().prop_map(Step::Close),
    ];
    prop::collection::vec(step, 1..80)
}

/// What the subscription must be, kept in the plainest way.
struct Model {
    leases: Leases,
    now: Moment,
    next: u64,
    /// Unacknowledged messages and their keys.
    open: BTreeMap<u64, u8>,
    /// Every delivery ever made.
    given: Vec<(Taken, ConsumerId)>,
    ordered: bool,
}

impl Model {
    fn new(ordered: bool, max_attempts: Option<u32>, delays: bool) -> Self {
        let backoff = Backoff {
            min: Duration::from_secs(1),
            max: Duration::from_secs(4),
        };
        let backoff = delays.then_some(backoff);
        Self {
            leases: leases(Policy {
                backoff,
                max_attempts,
                ..policy(ordered)
            }),
            now: at(0),
            next: 1,
            open: BTreeMap::new(),
            given: Vec::new(),
            ordered,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Publish(key) => {
                let name = if *key == 0 {
                    String::new()
                } else {
                    key.to_string()
                };
                self.leases.insert(&arrival(self.next, &name), NEW);
                self.open.insert(self.next, *key);
                self.next += 1;
            }
            Step::Take(second, n) => self.take(if *second { TWO } else { ONE }, *n),
            Step::Ack(n) => {
                if let Some((taken, _)) = self.pick(*n)
                    && self.leases.ack(taken.seq, taken.token, self.now) == Acked::Done
                {
                    assert!(self.open.remove(&taken.seq.0).is_some());
                }
            }
            Step::Nack(n) => {
                if let Some((taken, _)) = self.pick(*n) {
                    self.leases.nack(taken.seq, taken.token, self.now);
                }
            }
            Step::Extend(n) => {
                if let Some((taken, _)) = self.pick(*n) {
                    self.leases.extend(taken.seq, taken.token, LEASE, self.now);
                }
            }
            Step::Pass(seconds) => {
                self.now = self.now + Duration::from_secs(*seconds);
                assert!(self.leases.tick(self.now).is_empty());
                assert!(self.leases.next_due().is_none_or(|due| due > self.now));
            }
            Step::Close(second) => {
                let id = if *second { TWO } else { ONE };
                self.leases.close(id);
                self.leases.open(id, flow(usize::MAX));
            }
        }
        for seq in self.leases.drain_leaving() {
            assert!(self.leases.left(seq, true, self.now));
            assert!(self.open.remove(&seq.0).is_some());
        }
        self.check();
    }

    fn pick(&self, n: usize) -> Option<(Taken, ConsumerId)> {
        (!self.given.is_empty()).then(|| self.given[n % self.given.len()])
    }

    fn take(&mut self, id: ConsumerId, n: usize) {
        for taken in self.leases.take(id, n, u64::MAX, self.now) {
            let key = self.open[&taken.seq.0];
            if self.ordered && key != 0 {
                self.check_order(id, taken.seq, key);
            }
            self.given.push((taken, id));
        }
    }

    /// Every earlier open message of the key is with the same consumer at this moment.
    fn check_order(&self, id: ConsumerId, seq: Seq, key: u8) {
        for (&earlier, _) in self.open.range(..seq.0).filter(|(_, k)| **k == key) {
            match &self.leases.slots[&Seq(earlier)].at {
                At::Leased(lease) => assert_eq!(lease.consumer, id),
                other => panic!("{seq:?} delivered while {earlier} is {other:?}"),
            }
        }
    }

    fn check(&self) {
        let here: Vec<u64> = self.leases.seqs().map(|seq| seq.0).collect();
        assert_eq!(here, self.open.keys().copied().collect::<Vec<_>>());
        assert_eq!(self.leases.bytes(), 10 * here.len() as u64);
        let held: usize = self.leases.consumers.values().map(|c| c.leased.len()).sum();
        assert_eq!(held, self.leases.leased());
        for (seq, facts) in self.leases.pending.iter() {
            if facts.key.is_none() {
                let slot = self.leases.slots.get(&seq);
                let ready = slot.is_none_or(|slot| matches!(slot.at, At::Idle { .. }));
                assert_eq!(ready, self.leases.ready.contains(seq), "{seq:?} {slot:?}");
            }
        }
        let slots = self.leases.slots.keys();
        assert!(
            slots
                .into_iter()
                .all(|seq| self.leases.pending.contains(*seq))
        );
        let keys = self
            .leases
            .pending
            .iter()
            .filter_map(|(_, facts)| facts.key);
        assert_eq!(self.leases.lines.len(), keys.collect::<HashSet<_>>().len());
    }

    /// Nothing is stuck: with patience every open message can be taken.
    fn drain(mut self) {
        for _ in 0..1000 {
            if self.open.is_empty() {
                return;
            }
            self.now = self.now + Duration::from_secs(5);
            self.leases.tick(self.now);
            for taken in self.leases.take(ONE, 1000, u64::MAX, self.now) {
                assert_eq!(
                    self.leases.ack(taken.seq, taken.token, self.now),
                    Acked::Done
                );
                self.open.remove(&taken.seq.0);
            }
            for seq in self.leases.drain_leaving() {
                self.leases.left(seq, true, self.now);
                self.open.remove(&seq.0);
            }
        }
        panic!("stuck: {:?}", self.open);
    }
}

#[test]
fn the_index_of_a_backlog_is_small() {
    assert_eq!(size_of::<Facts>(), 16);
}

proptest! {
    #[test]
    fn any_history_keeps_order_and_loses_nothing(
        steps in steps(),
        ordered in any::<bool>(),
        delays in any::<bool>(),
        max_attempts in prop_oneof![Just(None), Just(Some(3u32))],
    ) {
        let mut model = Model::new(ordered, max_attempts, delays);
        steps.iter().for_each(|step| model.step(step));
        model.drain();
    }
}

#[test]
fn what_is_put_off_is_ready_later_and_has_not_failed() {
    let mut leases = leases(policy(false));
    fill(&mut leases, 1..=2, "");
    let taken = take(&mut leases, ONE, at(1));
    assert!(leases.put_off(taken[0].seq, taken[0].token, LEASE / 2, at(1)));
    assert!(!leases.put_off(taken[0].seq, taken[0].token, LEASE / 2, at(1)));
    assert_eq!((leases.len(), leases.leased()), (2, 1));
    assert!(take(&mut leases, TWO, at(2)).is_empty());
    leases.tick(at(6));
    let again = take(&mut leases, TWO, at(6));
    assert_eq!((numbers(&again), again[0].attempt), (vec![1], 1));
}

#[test]
fn what_is_in_order_is_not_put_off() {
    let mut leases = leases(policy(true));
    fill(&mut leases, 1..=2, "k");
    let taken = take(&mut leases, ONE, at(1));
    assert!(!leases.put_off(taken[0].seq, taken[0].token, LEASE, at(1)));
    assert_eq!(leases.leased(), taken.len());
}
