//! What waits for machines of a host type.

use farm_model::view::{QueueEntry, QueueMachines, QueueView};

use super::{HOSTILE, at, commit, key_of};

pub fn queue() -> QueueView {
    QueueView {
        made: at("10:04:00"),
        host: "bench".parse().unwrap(),
        machines: QueueMachines {
            idle: 0,
            busy: 2,
            aside: 1,
            held: 1,
        },
        waiting: [("try".to_owned(), 1), ("tip".to_owned(), 2)].into(),
        entries: vec![
            entry("pi", "try"),
            QueueEntry {
                expected_start: None,
                ..entry("linux-test", "tip")
            },
        ],
    }
}

fn entry(builder: &str, class: &str) -> QueueEntry {
    QueueEntry {
        build: key_of(builder, &commit('a', HOSTILE)).id(),
        run: 1,
        job: "steps".parse().unwrap(),
        builder: builder.parse().unwrap(),
        class: class.to_owned(),
        due: at("10:30:00"),
        since: at("10:00:00"),
        expected_start: Some(at("10:06:00")),
        expected_seconds: 170.0,
    }
}
