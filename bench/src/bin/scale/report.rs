//! What was found, in words and as JSON.

use bench::machine;
use serde::Serialize;

use super::parts::{InMemory, Restarted, Sizes, Stored, Viewed};
use super::state::Kind;
use super::traffic::{Cost, Traffic};

/// Builds that are finished to see how large they are and what they cost.
pub const FINISHED: usize = 25_000;

/// What is held against: a decision's p99 in milliseconds, and restart in seconds, at 140,000 open builds.
const AIM: (f64, f64) = (5.0, 2.0);

/// Everything.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What the figures hold for.
    pub mode: String,
    /// Before and after.
    pub machine: (String, String),
    /// By number of open builds.
    pub core: Vec<InMemory>,
    /// By number of open builds, with the restart that followed.
    pub store: Vec<(Kind, Stored, Restarted)>,
    /// Of [`FINISHED`] builds.
    pub finished: Vec<(Kind, Sizes)>,
    /// After [`FINISHED`] builds, and after ten times as many.
    pub views: Vec<Viewed>,
}

impl Report {
    /// Before anything is measured.
    pub fn new(machines: u32) -> Self {
        Self {
            mode: format!(
                "{} build, {machines} machines; stores are durable (fsync)",
                if cfg!(debug_assertions) {
                    "debug"
                } else {
                    "release"
                }
            ),
            machine: (machine::load(), String::new()),
            core: Vec::new(),
            store: Vec::new(),
            finished: Vec::new(),
            views: Vec::new(),
        }
    }

    /// After everything.
    pub fn end(&mut self) {
        self.machine.1 = format!("after: {}", machine::load());
    }

    /// The first line.
    pub fn heading(&self) -> String {
        format!(
            "{}\nbefore: {}; aims at 140000: decision p99 {} ms, ready after {} s",
            self.mode, self.machine.0, AIM.0, AIM.1
        )
    }

    /// How figures grow from each size to the next.
    pub fn growth(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for pair in self.core.windows(2) {
            let (small, large) = (&pair[0], &pair[1]);
            let more = (large.traffic.open - small.traffic.open) as f64;
            lines.push(format!(
                "{} → {} open: {:.0} bytes for each more, decisions p50 ×{:.2}, p99 ×{:.2}",
                small.traffic.open,
                large.traffic.open,
                (large.memory_kb as f64 - small.memory_kb as f64) * 1024.0 / more,
                all(&large.traffic).p50 / all(&small.traffic).p50,
                all(&large.traffic).p99 / all(&small.traffic).p99,
            ));
        }
        if let [once, tenfold] = &self.views[..] {
            lines.push(format!(
                "ten times the history: grid ×{:.2}, front page ×{:.2}",
                tenfold.grid.p50 / once.grid.p50,
                tenfold.front.p50 / once.front.p50
            ));
        }
        lines
    }
}

fn all(traffic: &Traffic) -> &Cost {
    &traffic.costs["all"]
}

fn costs(traffic: &Traffic) -> String {
    let mut text = format!(
        "{} open, {} of them leased: {:.0} decisions/s\n    ms p50/p99/max:",
        traffic.open, traffic.working, traffic.decisions_s
    );
    for (kind, cost) in &traffic.costs {
        let Cost {
            count,
            p50,
            p99,
            max,
        } = cost;
        text.push_str(&format!(" {kind} {p50:.3}/{p99:.3}/{max:.3} (of {count});"));
    }
    text
}

/// The core alone.
pub fn core(found: &InMemory) -> String {
    format!(
        "core:  {}\n    {} MB private, {:.0} bytes an open build; filled in {:.1} s",
        costs(&found.traffic),
        found.memory_kb / 1024,
        found.bytes_a_build,
        found.fill_seconds
    )
}

/// With the store.
pub fn store(kind: Kind, found: &Stored) -> String {
    format!(
        "{kind:?}: {}\n    {:.0} facts/s where 256 share a transaction; {:.0} MB for 10⁶ open builds on disk; filled in {:.1} s",
        costs(&found.traffic),
        found.facts_s,
        found.bytes_a_build,
        found.fill_seconds
    )
}

/// A new leader.
pub fn restart(found: &Restarted) -> String {
    format!(
        "    restart with {} open: records read in {:.2} s, ready after {:.2} s (file cached), {} MB private",
        found.open,
        found.load_seconds,
        found.ready_seconds,
        found.memory_kb / 1024
    )
}

/// Builds that are over.
pub fn finished(kind: Kind, found: &Sizes) -> String {
    format!(
        "finished, {kind:?}: {:.0} MB for 10⁶ builds on disk, history and decision log included; {:.0} facts/s, 256 a transaction",
        found.bytes_a_build, found.facts_s
    )
}

/// The pages.
pub fn views(found: &Viewed) -> String {
    let Viewed { grid, front, .. } = found;
    format!(
        "views after {} builds, rendered and written, ms p50/p99: grid {:.2}/{:.2} ({} kB), front page {:.2}/{:.2} ({} kB)",
        found.finished,
        grid.p50,
        grid.p99,
        found.grid_bytes / 1000,
        front.p50,
        front.p99,
        found.front_bytes / 1000
    )
}
