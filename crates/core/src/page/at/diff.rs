//! What happened between two moments.

use std::collections::BTreeMap;

use jiff::Timestamp;

use farm_model::id::BuildId;
use farm_model::message::progress::Outcome;
use farm_model::record::Transition;

use super::note;

/// What happened, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Runs that were opened.
    pub opened: Vec<(BuildId, u32)>,
    /// Attempts that began.
    pub started: Vec<(BuildId, u32)>,
    /// Attempts that were lost, and ran again.
    pub lost: Vec<(BuildId, u32)>,
    /// Runs that ended.
    pub ended: Vec<Ended>,
    /// What is not about a build: commits, configuration, commands, machines.
    pub notes: Vec<Transition>,
    /// What is known of the builds, from when they were wanted: builder, repository, commit, branch.
    pub named: BTreeMap<BuildId, BTreeMap<String, String>>,
}

/// A run that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The build.
    pub build: BuildId,
    /// Its run.
    pub run: u32,
    /// How.
    pub outcome: Outcome,
    /// One line for people.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What happened after `from` and up to `to`, of the lines of history in order.
#[must_use]
pub fn changes<'a>(
    lines: impl IntoIterator<Item = &'a Transition>,
    from: Timestamp,
    to: Timestamp,
) -> Changes {
    let mut changes = Changes::default();
    for line in lines {
        if let Some(build) = line.build.as_ref().filter(|_| line.to == "wanted") {
            changes.named.insert(build.clone(), line.detail.clone());
        }
        if line.at > from && line.at <= to {
            changes.enter(line);
        }
    }
    changes
}

impl Changes {
    fn enter(&mut self, line: &Transition) {
        let Some(build) = &line.build else {
            if line.to != note::REWRITTEN || line.detail.len() > 1 {
                self.notes.push(line.clone());
            }
            return;
        };
        let run = (build.clone(), line.run);
        match line.to.as_str() {
            "wanted" => self.opened.push(run),
            "leased" => self.started.push(run),
            "attempt-lost" => self.lost.push(run),
            "ok" => self.end(line, build, Outcome::Ok),
            "failed" => self.end(line, build, Outcome::Failed),
            "lost" => self.end(line, build, Outcome::Lost),
            _ => {}
        }
    }

    fn end(&mut self, line: &Transition, build: &BuildId, outcome: Outcome) {
        self.ended.push(Ended {
            build: build.clone(),
            run: line.run,
            outcome,
            reason: line.detail.get("reason").cloned().unwrap_or_default(),
            at: line.at,
        });
    }
}
