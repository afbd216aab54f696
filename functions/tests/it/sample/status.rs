//! How the farm and its coordinator are doing, and what people asked for.

use farm_model::keep::KeepDays;
use farm_model::kept::Asked;
use farm_model::message::command::Ask;
use farm_model::view::{
    AuditView, CommitTimes, CoordinatorStatus, DeadStatus, FarmStatus, HubStatus, IntakeStatus,
    MachineCounts, OrderCounts, QueueStatus, Role, StatusView, SubscriptionStatus, SweepStatus,
    SweptArea,
};

use super::at;

pub fn status() -> StatusView {
    StatusView {
        farm: farm_status(),
        coordinator: CoordinatorStatus {
            version: "0.1.0".to_owned(),
            role: Role::Leading,
            since: at("08:00:00"),
            epoch: 3,
            started: at("07:59:59"),
            outbox: 1,
            outbox_oldest: Some(at("10:03:59")),
            dirty_views: 2,
            commits: CommitTimes {
                count: 1000,
                p50_milliseconds: 0.8,
                p99_milliseconds: 4.5,
            },
            decided: 41,
            ignored: 7,
            keep: Some(KeepDays::default()),
            sweep: Some(SweepStatus {
                at: at("10:00:00"),
                areas: vec![SweptArea {
                    area: "logs".to_owned(),
                    objects: 12,
                    bytes: 34_567,
                }],
                error: Some("blobs/: not <now>".to_owned()),
            }),
        },
        subscriptions: vec![SubscriptionStatus {
            name: "coordinator-activity".to_owned(),
            heard: Some(at("10:03:00")),
            lag_seconds: Some(0.25),
            dead: Some(DeadStatus {
                count: 1,
                reason: Some("not <JSON>".to_owned()),
            }),
        }],
    }
}

fn farm_status() -> FarmStatus {
    FarmStatus {
        made: at("10:04:00"),
        name: "Sample farm".to_owned(),
        open: 1,
        running: 2,
        queues: vec![QueueStatus {
            host_type: "bench".parse().unwrap(),
            waiting: 2,
            pausing: 1,
            oldest: Some(at("09:30:00")),
            machines: 4,
            busy: 2,
        }],
        machines: MachineCounts {
            idle: 1,
            busy: 1,
            held: 1,
            aside: 1,
            draining: 0,
            away: 1,
        },
        orders: OrderCounts {
            made: 1,
            here: 2,
            ..OrderCounts::default()
        },
        hubs: vec![HubStatus {
            hub: "h1".parse().unwrap(),
            session: "s1".parse().unwrap(),
            heard: at("10:03:55"),
            draining: true,
            machines: 3,
        }],
        intake: vec![IntakeStatus {
            day: "2019-04-25".to_owned(),
            source: "github".to_owned(),
            accepted: 12,
            effective: 9,
            repeated: 2,
            refused: 1,
            found: 1,
        }],
        troubles: vec!["farm.toml: line 3: <what> is this?".to_owned()],
    }
}

pub fn audit() -> AuditView {
    AuditView {
        made: at("10:04:00"),
        asked: vec![Asked {
            id: "0123-1".parse().unwrap(),
            actor: "user:gopher".to_owned(),
            ask: Ask::Pause {
                builder: "pi".parse().unwrap(),
                reason: "new <kernel>".to_owned(),
            },
            at: at("09:50:00"),
            effect: "paused pi".to_owned(),
        }],
    }
}
