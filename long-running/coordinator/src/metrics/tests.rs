use farm_core::Fact;
use farm_model::view::DeadStatus;

use super::*;
use crate::status::tests::{full, leading, told};

#[test]
fn what_was_counted_and_what_is_seen_is_exposed() {
    let (board, clock) = leading();
    board.put_up(told(full(clock.now())));
    board.dead(
        "commands-coordinator",
        DeadStatus {
            count: 4,
            reason: None,
        },
    );
    let counts = Counts::default();
    counts.fact(&Fact::Tick);
    counts.fact(&Fact::Tick);
    counts.decided(Duration::from_millis(2));
    counts.committed(Duration::from_millis(7), &Batch::default(), clock.now());
    counts.swept(Area::Logs, 3, 4096);
    counts.sweep_failed();
    let text = Exposition::new(&counts, &board).text().unwrap();
    for line in [
        "farm_coordinator_rounds_total 1",
        "farm_coordinator_facts_total{kind=\"tick\"} 2",
        "farm_coordinator_decision_seconds_bucket{le=\"0.002\"} 1",
        "farm_coordinator_commit_seconds_count 1",
        "farm_coordinator_open_builds{state=\"running\"} 2",
        "farm_coordinator_open_builds{state=\"queued\"} 10",
        "farm_coordinator_queue_length{host_type=\"host-linux\",state=\"waiting\"} 9",
        "farm_coordinator_queue_oldest_wait_seconds{host_type=\"host-linux\"} 754.0",
        "farm_coordinator_deliveries_today{source=\"github\",fate=\"repeated\"} 4",
        "farm_coordinator_dead_letters{subscription=\"commands-coordinator\"} 4",
        "farm_coordinator_orders{state=\"waits\"} 1",
        "farm_coordinator_outbox_length 3",
        "farm_coordinator_ignored_messages_total 5",
        "farm_coordinator_epoch 7",
        "farm_coordinator_leader 1",
        "farm_coordinator_swept_objects_total{area=\"logs\"} 3",
        "farm_coordinator_swept_bytes_total{area=\"logs\"} 4096",
        "farm_coordinator_sweep_errors_total 1",
        "farm_coordinator_sweep_ended_timestamp_seconds 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn an_attempt_is_counted_in_the_round_it_ends_in() {
    let counts = Counts::default();
    let now = Timestamp::UNIX_EPOCH;
    let gone = |how| AttemptState::Gone {
        at: now,
        reason: "x".to_owned(),
        how,
    };
    for how in [Gone::Refused, Gone::Restarted, Gone::Silent, Gone::Silent] {
        counts.ended(&gone(how), now);
        counts.ended(&gone(how), "2026-01-01T00:00:00Z".parse().unwrap());
    }
    let text = Exposition::new(&counts, &leading().0).text().unwrap();
    assert!(text.contains("farm_coordinator_refused_total 1"), "{text}");
    assert!(text.contains("losses_total{reason=\"silent\"} 2"), "{text}");
    assert!(
        text.contains("losses_total{reason=\"restarted\"} 1"),
        "{text}"
    );
}
