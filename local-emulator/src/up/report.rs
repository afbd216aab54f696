//! Finished runs: one line each for people or programs, and the exit code that sums them up.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;

use farm_bus::{Limits, Receiver, SubscriptionSpec};
use farm_model::event::{Message, Topic};
use farm_model::message::progress::Outcome;
use farm_model::message::result::RunFinished;

use crate::console::{Console, Tone};

/// Our own subscription to results.
#[must_use]
pub fn subscription() -> SubscriptionSpec {
    SubscriptionSpec::new("results-up", Topic::Results)
}

/// How many results are held at once.
pub const LIMITS: Limits = Limits {
    max_outstanding: 100,
};

/// A line of `--json`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    builder: &'a str,
    repo: &'a str,
    commit: &'a str,
    kind: &'a str,
    outcome: &'a str,
    attempts: u32,
    seconds: f64,
    log: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
}

/// Takes results in and tells of them.
#[derive(Debug)]
pub struct Reporter {
    /// Where pages are served.
    pub http: SocketAddr,
    /// Lines for programs rather than people.
    pub json: bool,
    /// Lines come at the end, oldest commit first.
    pub sorted: bool,
    /// Where lines go.
    pub console: Console,
    seen: BTreeMap<String, RunFinished>,
}

impl Reporter {
    /// A reporter that has seen nothing.
    #[must_use]
    pub fn new(http: SocketAddr, json: bool, sorted: bool, console: Console) -> Self {
        Self {
            http,
            json,
            sorted,
            console,
            seen: BTreeMap::new(),
        }
    }

    /// The next result, told once however often it is delivered.
    pub async fn next(&mut self, results: &mut Receiver) -> Option<()> {
        let delivery = results.next().await?;
        if delivery.event.kind == RunFinished::TYPE
            && !self.seen.contains_key(&delivery.event.id)
            && let Ok(run) = delivery.event.decode::<RunFinished>()
        {
            if !self.sorted {
                self.tell(&run);
            }
            self.seen.insert(delivery.event.id.clone(), run);
        }
        delivery.ack();
        Some(())
    }

    /// How many runs have finished.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Tells what was held back, in the order of `rank`.
    pub fn tell_sorted<K: Ord>(&self, rank: impl Fn(&RunFinished) -> K) {
        let mut runs: Vec<&RunFinished> = self.seen.values().collect();
        runs.sort_by_key(|run| rank(run));
        runs.into_iter().for_each(|run| self.tell(run));
    }

    /// 0 all ok or nothing to do, 1 something failed, 2 something was lost to infrastructure, or is in trouble there.
    #[must_use]
    pub fn exit_code(&self, trouble: bool) -> u8 {
        let has = |outcome| self.seen.values().any(|run| run.outcome == outcome);
        if has(Outcome::Failed) {
            1
        } else if has(Outcome::Lost) || trouble {
            2
        } else {
            0
        }
    }

    fn tell(&self, run: &RunFinished) {
        if self.json {
            let line = Line {
                builder: run.builder.as_str(),
                repo: run.repo.as_str(),
                commit: run.commit.as_str(),
                kind: &run.kind,
                outcome: run.outcome.as_str(),
                attempts: run.attempts,
                seconds: run.seconds,
                log: self.log_url(run),
                reason: &run.reason,
            };
            if let Ok(text) = serde_json::to_string(&line) {
                self.console.data(&text);
            }
        } else {
            self.console.line(&self.sentence(run));
        }
    }

    fn log_url(&self, run: &RunFinished) -> String {
        match &run.attempt {
            Some(attempt) => format!("http://{}/log/{attempt}", self.http),
            None => format!("http://{}/build/{}", self.http, run.build),
        }
    }

    fn sentence(&self, run: &RunFinished) -> String {
        let (tone, mark) = match run.outcome {
            Outcome::Ok => (Tone::Good, "ok    "),
            Outcome::Failed => (Tone::Bad, "FAILED"),
            Outcome::Lost => (Tone::Odd, "lost  "),
        };
        let mark = self.console.paint(tone, mark);
        let what = format!(
            "{} {} {} {:.1}s",
            run.repo,
            run.commit.short(),
            run.builder,
            run.seconds
        );
        if run.outcome == Outcome::Ok {
            return format!("{mark} {what}");
        }
        let page = self.console.paint(
            Tone::Quiet,
            &format!("http://{}/build/{}", self.http, run.build),
        );
        format!("{mark} {what}: {}\n       {page}", run.reason)
    }
}
