//! What happened between two moments.

use jiff::Timestamp;

use farm_model::record::Transition;
use farm_model::view::{Change, Few, OpenBuildView, Status};

use super::Past;

/// Lines of one kind that are told one by one.
const TOLD: usize = 1000;

/// What happened after one moment and up to another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Runs that were opened.
    pub opened: Few<Change>,
    /// Attempts that began.
    pub started: Few<Change>,
    /// Attempts that were lost, and ran again.
    pub lost: Few<Change>,
    /// Runs that ended, with their outcome.
    pub ended: Few<Change>,
    /// What is not about a build: commits, configuration, commands, machines.
    pub notes: Few<Transition>,
}

impl Changes {
    /// From the moment of `past` up to `to`, of lines of history in order.
    #[must_use]
    pub fn between<'a>(
        mut past: Past,
        lines: impl IntoIterator<Item = &'a Transition>,
        to: Timestamp,
    ) -> Self {
        let mut changes = Self::default();
        let from = past.at();
        for line in lines {
            if line.at <= from || line.at > to {
                continue;
            }
            if line.build.is_none() {
                add(&mut changes.notes, line.clone());
            }
            let before = line
                .build
                .as_ref()
                .and_then(|build| past.open(build))
                .cloned();
            past.apply(line);
            let after = line
                .build
                .as_ref()
                .and_then(|build| past.open(build))
                .cloned();
            if let Some(build) = before.or(after) {
                changes.enter(line, build);
            }
        }
        changes
    }

    fn enter(&mut self, line: &Transition, build: OpenBuildView) {
        let (list, status, said) = match line.to.as_str() {
            "wanted" => (&mut self.opened, Status::Queued, "cause"),
            "leased" => (&mut self.started, Status::Running, "machine"),
            "attempt-lost" => (&mut self.lost, Status::Lost, "reason"),
            "ok" => (&mut self.ended, Status::Ok, "reason"),
            "failed" => (&mut self.ended, Status::Failed, "reason"),
            "lost" => (&mut self.ended, Status::Lost, "reason"),
            _ => return,
        };
        let text = line.detail.get(said).cloned().unwrap_or_default();
        let change = Change {
            at: line.at,
            build,
            status,
            text,
        };
        add(list, change);
    }
}

fn add<T>(few: &mut Few<T>, one: T) {
    few.count += 1;
    if few.first.len() < TOLD {
        few.first.push(one);
    }
}
