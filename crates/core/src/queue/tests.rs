//! Orders, quotas, shares, and the bound of every wait.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::policy::{Policy, later};

fn start() -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap()
}

fn lane(host: &str, builder: &str, repo: &str) -> LaneKey {
    LaneKey {
        need: Need {
            host: host.parse().unwrap(),
            labels: BTreeSet::new(),
        },
        builder: builder.parse().unwrap(),
        repo: repo.parse().unwrap(),
        tries: false,
    }
}

fn job(number: usize) -> JobRef {
    JobRef {
        build: format!("{number:032x}").parse().unwrap(),
        job: 0,
    }
}

fn rank(class: Class, wanted: i64) -> Rank {
    let wanted = later(start(), SignedDuration::from_secs(wanted));
    Rank::new(&Policy::default(), class, wanted, 0, SignedDuration::ZERO)
}

fn first(queue: &Queue) -> Option<JobRef> {
    let host = "h".parse().unwrap();
    let best = queue.first_of_each(&host).min_by_key(|(_, rank, _)| *rank);
    best.map(|(_, _, job)| job.clone())
}

#[test]
fn classes_go_in_order_and_a_class_by_age() {
    let mut queue = Queue::default();
    let classes = Class::ALL
        .into_iter()
        .rev()
        .flat_map(|class| [(class, 1), (class, 0)]);
    let expected = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map(job);
    for (number, (class, wanted)) in classes.enumerate() {
        let repo = if number % 2 == 0 { "a" } else { "b" };
        queue.put(
            job(number),
            &lane("h", "x", repo),
            rank(class, wanted),
            start(),
            start(),
        );
    }
    let host = "h".parse().unwrap();
    let order: Vec<JobRef> = queue
        .in_order(&host, 99)
        .into_iter()
        .map(|(_, job)| job.clone())
        .collect();
    assert_eq!(order, expected);
    assert_eq!(queue.ahead(&job(2), 99), Some(7));
    for next in expected {
        assert_eq!(first(&queue).as_ref(), Some(&next));
        queue.start(&next);
    }
    assert!(queue.is_empty() && queue.hosts().next().is_none());
}

#[test]
fn a_full_quota_shuts_its_lanes_only_and_opens_them_again() {
    let mut queue = Queue::default();
    let gate = Gate::Builder("x".parse().unwrap());
    queue.limit(&gate, Some(1));
    queue.put(
        job(1),
        &lane("h", "x", "a"),
        rank(Class::Tip, 0),
        start(),
        start(),
    );
    queue.put(
        job(2),
        &lane("h", "x", "b"),
        rank(Class::Tip, 1),
        start(),
        start(),
    );
    queue.put(
        job(3),
        &lane("h", "y", "a"),
        rank(Class::Tip, 2),
        start(),
        start(),
    );
    queue.start(&job(1));
    assert_eq!(first(&queue), Some(job(3)));
    let full = Shut::Full {
        gate: gate.clone(),
        limit: 1,
    };
    assert_eq!(
        (queue.shut(&job(2)), queue.shut(&job(3))),
        (Some(full), None)
    );
    queue.end(&job(1));
    assert_eq!(first(&queue), Some(job(2)));
    queue.start(&job(2));
    queue.limit(&gate, None);
    queue.put(
        job(4),
        &lane("h", "x", "c"),
        rank(Class::Tip, 0),
        start(),
        start(),
    );
    assert_eq!(first(&queue), Some(job(4)));
}

#[test]
fn machines_are_wanted_for_what_their_labels_allow_as_far_as_quotas_let_it() {
    let labels = |all: &[&str]| {
        all.iter()
            .map(|of| (*of).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let mut queue = Queue::default();
    let builders: [(&str, &[&str]); 4] = [
        ("tpu", &["tpu"]),
        ("plain", &[]),
        ("gpu", &["gpu"]),
        ("both", &["big", "gpu"]),
    ];
    let mut jobs = 0;
    for (builder, needed) in builders {
        let mut lane = lane("h", builder, "a");
        lane.need.labels = labels(needed);
        for _ in 0..3 {
            let rank = rank(Class::Tip, 0);
            queue.put(job(jobs), &lane, rank, start(), start());
            jobs += 1;
        }
    }
    let host = "h".parse().unwrap();
    let wants = |queue: &Queue, of: &[&str]| queue.wants_machines(&host, &labels(of));
    assert_eq!(wants(&queue, &[]), 3);
    assert_eq!(wants(&queue, &["big"]), 3);
    assert_eq!(wants(&queue, &["gpu"]), 6);
    assert_eq!(wants(&queue, &["big", "gpu", "ssd"]), 9);
    queue.limit(&Gate::Builder("gpu".parse().unwrap()), Some(1));
    assert_eq!(wants(&queue, &["gpu"]), 4);
    queue.limit(&Gate::Repository("a".parse().unwrap()), Some(2));
    assert_eq!(wants(&queue, &["big", "gpu"]), 2);
    // Of those before it, all or those that such a machine could do.
    let ahead = |of: &[&str], limit| queue.ahead_with(&job(7), &labels(of), limit);
    assert_eq!(queue.ahead(&job(7), 99), Some(7));
    assert_eq!((ahead(&[], 99), ahead(&["gpu"], 99)), (Some(3), Some(4)));
    assert_eq!(ahead(&["gpu"], 2), Some(2));
}

#[test]
fn what_runs_when_a_leader_begins_counts_for_its_quotas() {
    let mut queue = Queue::default();
    queue.limit(&Gate::Repository("a".parse().unwrap()), Some(1));
    queue.started(&job(1), &lane("h", "x", "a"));
    queue.put(
        job(2),
        &lane("h", "y", "a"),
        rank(Class::Tip, 0),
        start(),
        start(),
    );
    assert_eq!(first(&queue), None);
    queue.end(&job(1));
    queue.end(&job(1));
    assert_eq!(first(&queue), Some(job(2)));
}

#[test]
fn a_paused_builder_begins_nothing_whatever_comes() {
    let mut queue = Queue::default();
    let builder: BuilderName = "x".parse().unwrap();
    let paused = BTreeSet::from([builder.clone()]);
    queue.pause_only(&paused);
    queue.pause_only(&paused);
    queue.put(
        job(1),
        &lane("h", "x", "a"),
        rank(Class::Try, 0),
        start(),
        start(),
    );
    assert_eq!(
        (first(&queue), queue.shut(&job(1))),
        (None, Some(Shut::Paused(builder.clone())))
    );
    queue.pause_only(&BTreeSet::new());
    assert_eq!(first(&queue), Some(job(1)));
}

#[test]
fn a_try_waits_for_no_quota_of_its_builder() {
    let mut queue = Queue::default();
    queue.limit(&Gate::Builder("x".parse().unwrap()), Some(0));
    let tries = LaneKey {
        tries: true,
        ..lane("h", "x", "a")
    };
    queue.put(
        job(1),
        &lane("h", "x", "a"),
        rank(Class::Tip, 0),
        start(),
        start(),
    );
    assert_eq!(first(&queue), None);
    queue.put(job(2), &tries, rank(Class::Try, 1), start(), start());
    assert_eq!(first(&queue), Some(job(2)));
}

#[test]
fn a_job_that_pauses_is_not_first_until_it_wakes() {
    let mut queue = Queue::default();
    let until = later(start(), SignedDuration::from_secs(5));
    queue.put(
        job(1),
        &lane("h", "x", "a"),
        rank(Class::Tip, 0),
        until,
        start(),
    );
    assert_eq!((first(&queue), queue.next_wake()), (None, Some(until)));
    queue.wake(until);
    assert_eq!((first(&queue), queue.next_wake()), (Some(job(1)), None));
}

#[test]
fn an_author_with_many_jobs_stands_behind_one_with_few_and_not_for_ever() {
    let policy = Policy::default();
    let mut shares = Shares::default();
    let ask = |shares: &mut Shares, number: usize, author: &str| {
        shares.push_back(&policy, &job(number).build, author, 20, start())
    };
    let busy: Vec<SignedDuration> = (0..50).map(|n| ask(&mut shares, n, "busy")).collect();
    assert!(busy.is_sorted() && busy[0].is_zero() && busy[1] > busy[0]);
    assert_eq!(busy[49], policy.share_cap);
    assert!(ask(&mut shares, 99, "other").is_zero());
    assert_eq!(ask(&mut shares, 1, "busy"), busy[1], "it is fixed");
}

/// What arrives: its class, how far behind, by whom, how much later than the one before, how long it takes.
type Arrival = (usize, u32, u8, i64, i64);

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let one = (0..5_usize, 0..200_u32, 0..3_u8, 0..4000_i64, 1..=LONGEST);
    prop::collection::vec(one, 1..120)
}

/// How long a job takes at the longest, in seconds.
const LONGEST: i64 = 1800;

/// `k` machines run what arrives; returns when each job was due, and when it began, in seconds.
fn simulate(k: usize, arrivals: &[Arrival]) -> Vec<(i64, i64)> {
    let policy = Policy::default();
    let mut shares = Shares::default();
    let mut queue = Queue::default();
    let seconds = |at: i64| later(start(), SignedDuration::from_secs(at));
    let mut coming = Vec::new();
    let mut at = 0;
    for (number, (class, behind, author, gap, _)) in arrivals.iter().enumerate() {
        at += gap;
        let share = shares.push_back(
            &policy,
            &job(number).build,
            &author.to_string(),
            5,
            seconds(at),
        );
        coming.push((
            at,
            Rank::new(&policy, Class::ALL[*class], seconds(at), *behind, share),
        ));
    }
    let dues: Vec<i64> = coming
        .iter()
        .map(|(_, rank)| rank.due().as_second() - start().as_second())
        .collect();
    let mut free = vec![0_i64; k];
    let mut begun = vec![0; coming.len()];
    let mut next = 0;
    for _ in 0..coming.len() {
        free.sort_unstable();
        let mut now = free[0];
        if queue.is_empty() && next < coming.len() {
            now = now.max(coming[next].0);
        }
        while next < coming.len() && coming[next].0 <= now {
            let repo = if next % 2 == 0 { "a" } else { "b" };
            queue.put(
                job(next),
                &lane("h", "x", repo),
                coming[next].1.clone(),
                start(),
                start(),
            );
            next += 1;
        }
        let taken = first(&queue).unwrap();
        let number = (0..coming.len())
            .find(|number| job(*number) == taken)
            .unwrap();
        queue.start(&taken);
        begun[number] = now;
        free[0] = now + arrivals[number].4;
    }
    dues.into_iter().zip(begun).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The bound that `rank` states.
    #[test]
    fn every_wait_is_bounded_whatever_arrives(k in 1_usize..6, arrivals in arrivals()) {
        let longest = Policy::default().longest_push_back.as_secs();
        let mut wanted = Vec::new();
        let mut at = 0;
        for arrival in &arrivals {
            at += arrival.3;
            wanted.push(at);
        }
        for (number, (due, begun)) in simulate(k, &arrivals).into_iter().enumerate() {
            let limit = wanted[number] + longest;
            prop_assert!(due <= limit);
            let before = wanted.iter().filter(|at| **at <= limit).count() as i64;
            let rounds = (before + k as i64 - 1) / k as i64 + 1;
            prop_assert!(begun <= limit + rounds * LONGEST, "{number}: due {due}, begun {begun}");
        }
    }
}
