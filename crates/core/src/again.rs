//! What is worth another run though nobody asked: what failed by chance alone, and what we have lost.

use farm_model::id::BuildId;
use farm_model::message::progress::Outcome;
use farm_model::record::{BuildKind, Run};
use farm_model::view::{BuildView, Cell, GridView, Status};

/// In whose name builds are run again without anybody asking.
pub const ACTOR: &str = "farm:retrybuilds";
/// How the reason of a run begins that somebody has cancelled.
pub const CANCELLED: &str = "cancelled by ";
/// Commits of a branch that are looked at: who still waits for an answer waits for one of these.
pub const NEWEST: usize = 5;
/// Runs of a build that are opened this way; then it is for a person to look at.
pub const MOST: usize = 2;

/// A run that may be worth another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The build.
    pub build: BuildId,
    /// The run that failed by chance, or was lost.
    pub run: u32,
}

/// Those among the newest commits of each branch, the newest commits first.
#[must_use]
pub fn candidates(grids: &[&GridView]) -> Vec<Candidate> {
    let rows = (0..NEWEST).flat_map(|n| grids.iter().filter_map(move |grid| grid.rows.get(n)));
    let cells = rows.flat_map(|row| row.cells.iter().flatten());
    let candidate = |cell: &Cell| Candidate {
        build: cell.build.clone(),
        run: cell.run,
    };
    cells
        .filter(|cell| is_chance(cell))
        .map(candidate)
        .collect()
}

fn is_chance(cell: &Cell) -> bool {
    match cell.status {
        Status::Lost => true,
        Status::Failed => cell.failure.as_ref().is_some_and(|why| why.by_chance),
        Status::Queued | Status::Running | Status::Ok => false,
    }
}

/// Whether the build is run again: its newest run is still that one, nobody has ended it on purpose, and it was not run again
/// often enough.
#[must_use]
pub fn is_worth(view: &BuildView, candidate: &Candidate) -> bool {
    let newest = view.runs.last();
    let same = newest.is_some_and(|run| run.number == candidate.run && ended_by_itself(run));
    let ours = cause();
    let again = view.runs.iter().filter(|run| run.cause == ours).count();
    same && again < MOST && view.build.key.kind == BuildKind::PostSubmit
}

/// What the cause of such a run says.
#[must_use]
pub fn cause() -> String {
    format!("retried by {ACTOR}")
}

/// A run that somebody has cancelled, or that its branch has no more, began nothing that was lost: the rest was given up after
/// losses.
fn ended_by_itself(run: &Run) -> bool {
    run.verdict.as_ref().is_some_and(|verdict| {
        let cancelled = verdict.reason.starts_with(CANCELLED);
        !verdict.superseded && !cancelled && verdict.outcome != Outcome::Ok
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const MADE: &str = "2026-01-01T00:00:00Z";

    fn id(digit: char) -> String {
        digit.to_string().repeat(32)
    }

    fn cell(digit: char, status: &str, by_chance: bool) -> Value {
        json!({ "build": id(digit), "run": 2, "status": status, "failure": { "reason": "x", "by_chance": by_chance } })
    }

    fn grid(rows: &[Vec<Value>]) -> GridView {
        let row = |cells: &Vec<Value>| {
            json!({
                "commit": { "id": "a".repeat(40), "parents": [], "author": "", "email": "", "time": MADE, "subject": "" },
                "cells": cells,
            })
        };
        let rows: Vec<Value> = rows.iter().map(row).collect();
        let view =
            json!({ "made": MADE, "repo": "r", "branch": "b", "builders": [], "rows": rows });
        serde_json::from_value(view).unwrap()
    }

    fn view(causes: &[&str], verdict: Value) -> BuildView {
        let run = |(number, cause): (usize, &&str)| {
            json!({
                "build": id('1'), "number": number + 1, "opened": MADE, "cause": cause, "jobs": [],
                "verdict": verdict,
            })
        };
        let runs: Vec<Value> = causes.iter().enumerate().map(run).collect();
        let key = json!({
            "builder": "b", "repo": "r", "commit": "a".repeat(40), "branch": "b", "kind": "post-submit",
        });
        serde_json::from_value(json!({
            "made": MADE, "build": { "id": id('1'), "key": key, "wanted": MADE, "run": causes.len() },
            "commit": null, "status": "lost", "why": "", "runs": runs,
        }))
        .unwrap()
    }

    fn lost(reason: &str) -> Value {
        json!({ "outcome": "lost", "reason": reason, "at": MADE })
    }

    fn candidate(run: u32) -> Candidate {
        Candidate {
            build: id('1').parse().unwrap(),
            run,
        }
    }

    #[test]
    fn what_failed_by_chance_or_was_lost_is_worth_a_look_newest_first() {
        let old = vec![cell('1', "lost", false)];
        let new = vec![
            cell('2', "failed", true),
            cell('3', "failed", false),
            cell('4', "ok", false),
            Value::Null,
        ];
        let older = vec![vec![]; NEWEST - 2];
        let rows = [
            vec![new, old.clone()],
            older,
            vec![vec![cell('5', "lost", false)]],
        ]
        .concat();
        let other = grid(&[vec![cell('6', "lost", false)]]);
        let found = candidates(&[&grid(&rows), &other]);
        let found: Vec<char> = found
            .iter()
            .map(|one| one.build.as_str().chars().next().unwrap())
            .collect();
        assert_eq!(found, ['2', '6', '1']);
    }

    #[test]
    fn a_build_is_run_again_twice_at_most() {
        let ours = cause();
        let lost = || lost("no machine");
        assert!(is_worth(&view(&["push"], lost()), &candidate(1)));
        let once = view(&["push", &ours, "retried by user:gopher"], lost());
        assert!(is_worth(&once, &candidate(3)));
        let twice = view(&["push", &ours, "retried by user:gopher", &ours], lost());
        assert!(!is_worth(&twice, &candidate(4)));
    }

    #[test]
    fn what_was_ended_on_purpose_or_is_another_run_stays() {
        let cancelled = format!("{}user:gopher", CANCELLED);
        assert!(!is_worth(&view(&["push"], lost(&cancelled)), &candidate(1)));
        let mut gone = lost("superseded");
        gone["superseded"] = json!(true);
        assert!(!is_worth(&view(&["push"], gone), &candidate(1)));
        let good = json!({ "outcome": "ok", "reason": "", "at": MADE });
        assert!(!is_worth(&view(&["push"], good), &candidate(1)));
        assert!(!is_worth(
            &view(&["push", "x"], lost("no machine")),
            &candidate(1)
        ));
        assert!(!is_worth(&view(&["push"], Value::Null), &candidate(1)));
    }
}
