//! Finished runs: one line each for people or programs, and the exit code that sums them up.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use farm_bus::{Limits, Receiver, SubscriptionSpec};
use farm_model::event::{Message, Topic};
use farm_model::message::progress::Outcome;
use farm_model::message::result::RunFinished;

use crate::chaos::Ledger;
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
    branch: &'a str,
    kind: &'a str,
    outcome: &'a str,
    attempts: u32,
    seconds: f64,
    log: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
}

/// Results remembered by id, so that one that is delivered twice is told once.
const REMEMBERED: usize = 10_000;

/// Takes results in and tells of them.
#[derive(Debug)]
pub struct Reporter {
    /// Where pages are served.
    pub http: SocketAddr,
    /// Lines for programs rather than people.
    pub json: bool,
    /// Where lines go.
    pub console: Console,
    /// The books, if somebody keeps them, and what was found in them.
    pub(crate) ledger: Option<Arc<Ledger>>,
    pub(crate) violations: Vec<String>,
    /// Held back until the end, where lines are to come oldest commit first.
    held: Option<Vec<RunFinished>>,
    started: Timestamp,
    seen: HashSet<String>,
    order: VecDeque<String>,
    /// Of runs that finished since the start.
    count: u64,
    failed: bool,
    lost: bool,
}

impl Reporter {
    /// A reporter that has seen nothing of a farm that started at `started`.
    #[must_use]
    pub fn new(
        http: SocketAddr,
        json: bool,
        sorted: bool,
        console: Console,
        started: Timestamp,
    ) -> Self {
        Self {
            http,
            json,
            console,
            ledger: None,
            violations: Vec::new(),
            held: sorted.then(Vec::new),
            started,
            seen: HashSet::new(),
            order: VecDeque::new(),
            count: 0,
            failed: false,
            lost: false,
        }
    }

    /// The next result, told once however often it is delivered.
    pub async fn next(&mut self, results: &mut Receiver) -> Option<()> {
        let delivery = results.next().await?;
        if delivery.event.kind == RunFinished::TYPE
            && let Ok(run) = delivery.event.decode::<RunFinished>()
        {
            self.enter(&delivery.event.id, &run);
            if self.is_new(&delivery.event.id) {
                self.take(run);
            }
        }
        delivery.ack();
        Some(())
    }

    /// Into the books, where there are any; what is wrong is told at once.
    fn enter(&mut self, id: &str, run: &RunFinished) {
        let wrong = self.ledger.as_ref().and_then(|ledger| ledger.take(id, run));
        if let Some(wrong) = wrong {
            let text = format!("VIOLATION: {wrong}");
            self.console.line(&self.console.paint(Tone::Bad, &text));
            self.violations.push(wrong);
        }
    }

    fn is_new(&mut self, id: &str) -> bool {
        let new = self.seen.insert(id.to_owned());
        if new {
            self.order.push_back(id.to_owned());
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        new
    }

    fn take(&mut self, run: RunFinished) {
        // A farm that was killed left results that it had not told.
        self.count += u64::from(run.finished >= self.started);
        self.failed |= run.outcome == Outcome::Failed;
        self.lost |= run.outcome == Outcome::Lost;
        match &mut self.held {
            Some(held) => held.push(run),
            None => self.tell(&run),
        }
    }

    /// How many runs that have finished since the start have been heard of.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Tells what was held back, in the order of `rank`.
    pub fn tell_sorted<K: Ord>(&mut self, rank: impl Fn(&RunFinished) -> K) {
        let mut held = self.held.take().unwrap_or_default();
        held.sort_by_key(|run| rank(run));
        held.iter().for_each(|run| self.tell(run));
    }

    /// 0 all ok or nothing to do, 1 something failed, 2 something was lost to infrastructure, or is in trouble there.
    #[must_use]
    pub fn exit_code(&self, trouble: bool) -> u8 {
        if self.failed {
            1
        } else if self.lost || trouble {
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
                branch: &run.branch,
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
