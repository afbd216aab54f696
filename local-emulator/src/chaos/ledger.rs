//! The accounts: what was wanted, what ended, and what was told of it. Three sources that know nothing of each other's
//! mistakes are held against each other: results as a subscriber receives them, and wants and verdicts from history.

use std::collections::BTreeMap;

use farm_model::id::{BuildId, BuilderName, CommitId};
use farm_model::message::progress::Outcome;
use farm_model::message::result::RunFinished;
use farm_model::record::Transition;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;

/// Runs that are remembered; a farm that ends more under chaos has its first ones checked.
const MOST: usize = 200_000;

type RunKey = (BuildId, u32);

/// Results as they were told.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<RunKey, Told>>);

#[derive(Debug)]
struct Told {
    id: String,
    result: RunFinished,
    times: u64,
}

/// What became of the runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Balance {
    /// Runs that were wanted since the start.
    pub(super) wanted: u64,
    /// Of these and older ones, those that ended.
    pub(super) ended: u64,
    pub(super) ok: u64,
    pub(super) failed: u64,
    pub(super) lost: u64,
    /// Leases of a job to a machine.
    pub(super) attempts: u64,
    /// Of these, those that were lost and run again.
    pub(super) attempts_lost: u64,
    /// Deliveries of results.
    pub(super) results_told: u64,
    /// Of these, repeats of one that was told before.
    pub(super) results_repeated: u64,
    /// What must not be.
    pub(super) violations: Vec<String>,
}

/// A run in history.
#[derive(Default)]
struct Past {
    wanted: bool,
    ended: u32,
}

impl Ledger {
    /// A result was delivered. What it says must be what was said of the run before.
    pub(crate) fn take(&self, id: &str, result: &RunFinished) -> Option<String> {
        let mut told = self.0.lock();
        let key = (result.build.clone(), result.run);
        let Some(known) = told.get_mut(&key) else {
            if told.len() < MOST {
                let told_now = Told {
                    id: id.to_owned(),
                    result: result.clone(),
                    times: 1,
                };
                told.insert(key, told_now);
            }
            return None;
        };
        known.times += 1;
        if known.id != id {
            return Some(format!(
                "{} was told under two ids: {} and {id}",
                named(&key),
                known.id
            ));
        }
        (known.result != *result).then(|| {
            format!(
                "{} was told as {} and then as {}: {:?}, {result:?}",
                named(&key),
                known.result.outcome.as_str(),
                result.outcome.as_str(),
                known.result
            )
        })
    }

    /// A build that has ended, chosen by `pick`.
    pub(super) fn some_ended(&self, pick: u64) -> Option<(BuilderName, CommitId)> {
        let told = self.0.lock();
        let index = usize::try_from(pick % (told.len().max(1) as u64)).unwrap_or(0);
        let (_, told) = told.iter().nth(index)?;
        Some((told.result.builder.clone(), told.result.commit.clone()))
    }

    /// How many results have been delivered, repeats included.
    pub(super) fn deliveries(&self) -> u64 {
        self.0.lock().values().map(|told| told.times).sum()
    }

    /// Holds history against what was told. With `over`, what is wanted must have ended; what ended after `settled` may
    /// not have been told yet.
    pub(super) fn balance(&self, lines: &[Transition], over: bool, settled: Timestamp) -> Balance {
        let told = self.0.lock();
        let mut balance = Balance::default();
        let mut runs = BTreeMap::<RunKey, Past>::new();
        for line in lines {
            enter(line, &mut runs, &mut balance, settled);
        }
        for (key, past) in &runs {
            check(key, past, told.contains_key(key), over, &mut balance);
        }
        let known = told.values();
        balance.results_told = known.clone().map(|told| told.times).sum();
        balance.results_repeated = balance.results_told - told.len() as u64;
        for told in known {
            match told.result.outcome {
                Outcome::Ok => balance.ok += 1,
                Outcome::Failed => balance.failed += 1,
                Outcome::Lost => balance.lost += 1,
            }
        }
        balance
    }
}

fn enter(
    line: &Transition,
    runs: &mut BTreeMap<RunKey, Past>,
    balance: &mut Balance,
    settled: Timestamp,
) {
    let Some(build) = line.build.clone() else {
        return;
    };
    let key = (build, line.run);
    match line.to.as_str() {
        "wanted" => {
            balance.wanted += 1;
            runs.entry(key).or_default().wanted = true;
        }
        "leased" => balance.attempts += 1,
        "attempt-lost" => balance.attempts_lost += 1,
        "ok" | "failed" | "lost" => {
            balance.ended += 1;
            if line.at <= settled {
                runs.entry(key).or_default().ended += 1;
            }
        }
        _ => {}
    }
}

fn check(key: &RunKey, past: &Past, told: bool, over: bool, balance: &mut Balance) {
    let mut wrong = |what: String| balance.violations.push(format!("{} {what}", named(key)));
    match past.ended {
        0 if over => wrong("was wanted and never ended".to_owned()),
        0 => {}
        1 if !told => wrong("ended and was never told".to_owned()),
        1 => {}
        times => wrong(format!("ended {times} times")),
    }
}

fn named((build, run): &RunKey) -> String {
    format!("run {run} of build {build}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD: &str = "0123456789abcdef0123456789abcdef";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn result(run: u32, outcome: Outcome) -> RunFinished {
        serde_json::from_value(serde_json::json!({
            "build": BUILD, "run": run, "builder": "b", "repo": "r", "commit": "a".repeat(40), "branch": "main",
            "kind": "post-submit", "outcome": outcome, "reason": "", "attempts": 1, "finished": at(9), "seconds": 1.0,
        }))
        .unwrap()
    }

    fn line(run: u32, to: &str) -> Transition {
        serde_json::from_value(
            serde_json::json!({ "at": at(5), "build": BUILD, "run": run, "to": to }),
        )
        .unwrap()
    }

    #[test]
    fn a_run_is_told_one_result_under_one_id() {
        let ledger = Ledger::default();
        assert_eq!(ledger.take("a", &result(1, Outcome::Ok)), None);
        assert_eq!(ledger.take("a", &result(1, Outcome::Ok)), None);
        let other = ledger.take("b", &result(1, Outcome::Ok)).unwrap();
        assert!(other.contains("two ids"), "{other}");
        let other = ledger.take("a", &result(1, Outcome::Failed)).unwrap();
        assert!(other.contains("as ok and then as failed"), "{other}");
    }

    #[test]
    fn accounts_that_balance_have_no_violation() {
        let ledger = Ledger::default();
        for id in ["a", "a"] {
            ledger.take(id, &result(1, Outcome::Ok));
        }
        let lines = ["wanted", "leased", "attempt-lost", "leased", "ok"].map(|to| line(1, to));
        let balance = ledger.balance(&lines, true, at(100));
        assert_eq!(balance.violations, [""; 0]);
        assert_eq!((balance.wanted, balance.ended, balance.ok), (1, 1, 1));
        assert_eq!((balance.attempts, balance.attempts_lost), (2, 1));
        assert_eq!((balance.results_told, balance.results_repeated), (2, 1));
    }

    #[test]
    fn what_is_missing_or_doubled_is_found() {
        let ledger = Ledger::default();
        let wrong = |lines: &[Transition], over, settled| {
            ledger.balance(lines, over, settled).violations.join("; ")
        };
        let open = [line(1, "wanted")];
        assert!(wrong(&open, true, at(100)).contains("never ended"));
        assert_eq!(wrong(&open, false, at(100)), "");
        let untold = [line(1, "wanted"), line(1, "ok")];
        assert!(wrong(&untold, true, at(100)).contains("never told"));
        assert_eq!(wrong(&untold, false, at(4)), "");
        let twice = [line(1, "wanted"), line(1, "ok"), line(1, "failed")];
        assert!(wrong(&twice, false, at(100)).contains("ended 2 times"));
    }
}
