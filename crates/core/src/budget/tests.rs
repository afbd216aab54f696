use farm_model::message::progress::AttemptReport;
use farm_model::record::{Part, Verdict};
use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn attempt(number: usize, leased: i64, state: AttemptState) -> Attempt {
    Attempt {
        number: u32::try_from(number + 1).unwrap(),
        hub: "h".parse().unwrap(),
        machine: "h/m".parse().unwrap(),
        leased: at(leased),
        start_by: at(leased + 60),
        state,
        last_seq: 0,
        continues: None,
        mentioned: None,
    }
}

fn ended(second: i64, outcome: Outcome) -> AttemptState {
    AttemptState::Finished {
        at: at(second),
        report: AttemptReport::bare(outcome, String::new()),
    }
}

fn gone(second: i64, how: Gone) -> AttemptState {
    AttemptState::Gone {
        at: at(second),
        reason: String::new(),
        how,
    }
}

fn run(jobs: Vec<Vec<Attempt>>, verdict: Option<i64>) -> Run {
    let jobs = (0..).zip(jobs).map(|(number, attempts)| Job {
        name: format!("j{number}").parse().unwrap(),
        needs: Vec::new(),
        part: Part::Whole,
        state: JobState::Leased,
        attempts,
    });
    Run {
        build: "0".repeat(32).parse().unwrap(),
        number: 1,
        opened: at(0),
        cause: String::new(),
        jobs: jobs.collect(),
        trace: None,
        verdict: verdict.map(|second| Verdict {
            outcome: Outcome::Ok,
            reason: String::new(),
            at: at(second),
            superseded: false,
        }),
    }
}

fn policy() -> Policy {
    Policy {
        back_off: SignedDuration::from_secs(10),
        tip_objective: SignedDuration::from_secs(100),
        ..Policy::default()
    }
}

#[test]
fn a_loss_its_pause_and_the_wait_after_it_are_told_apart() {
    let since = at(42);
    let session = "s".parse().unwrap();
    let running = AttemptState::Running {
        session,
        step: None,
        since,
    };
    let attempts = vec![
        attempt(0, 5, ended(20, Outcome::Lost)),
        attempt(1, 40, running),
    ];
    let budget = budget(
        &run(vec![attempts], None),
        Class::Tip,
        &policy(),
        1.0,
        at(200),
    );
    let spent: Vec<_> = budget
        .spent
        .iter()
        .map(|of| (of.span, of.seconds))
        .collect();
    let wanted = [
        (Span::Queue, 5.0),
        (Span::Lost, 25.0),
        (Span::Queue, 10.0),
        (Span::Offer, 2.0),
        (Span::Work, 158.0),
    ];
    assert_eq!(spent, wanted);
    assert_eq!(
        (budget.class.as_str(), budget.late),
        ("tip", Some(Span::Work))
    );
}

#[test]
fn work_that_takes_its_time_is_not_to_blame() {
    let attempts = vec![attempt(0, 60, ended(150, Outcome::Ok))];
    let late = |usual| {
        let run = run(vec![attempts.clone()], Some(150));
        budget(&run, Class::Tip, &policy(), usual, at(999)).late
    };
    assert_eq!(
        (late(80.0), late(5.0)),
        (Some(Span::Queue), Some(Span::Work))
    );
    let history = budget(
        &run(vec![attempts], Some(150)),
        Class::History,
        &policy(),
        0.0,
        at(999),
    );
    assert_eq!((history.objective_seconds, history.late), (None, None));
}

fn state() -> impl Strategy<Value = (i64, u8)> {
    (0..300_i64, 0..6_u8)
}

proptest! {
    /// However attempts lie, hubs' clocks included, each moment is counted once.
    #[test]
    fn spans_add_up_to_the_time_of_the_run(
        jobs in proptest::collection::vec(proptest::collection::vec((0..300_i64, state()), 0..4), 1..4),
        verdict in proptest::option::of(0..400_i64),
    ) {
        let jobs = jobs.into_iter().map(|mut attempts| {
            attempts.sort_by_key(|(leased, _)| *leased);
            let attempts = attempts.into_iter().enumerate();
            attempts.map(|(number, (leased, (length, kind)))| {
                let end = leased + length;
                attempt(number, leased, match kind {
                    0 => ended(end, Outcome::Ok),
                    1 => ended(end, Outcome::Lost),
                    2 => gone(end, Gone::Refused),
                    3 => gone(end, Gone::Silent),
                    4 => AttemptState::Running { session: "s".parse().unwrap(), step: None, since: at(end) },
                    _ => AttemptState::Offered,
                })
            }).collect()
        });
        let run = run(jobs.collect(), verdict);
        let budget = budget(&run, Class::Tip, &policy(), 3.0, at(500));
        let total: f64 = budget.spent.iter().map(|of| of.seconds).sum();
        prop_assert!((total - verdict.unwrap_or(500) as f64).abs() < 1e-6);
        prop_assert!(budget.spent.windows(2).all(|pair| pair[0].span != pair[1].span));
        prop_assert_eq!(budget.late.is_some(), total > 100.0);
    }
}
