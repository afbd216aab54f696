//! `farm up`: the whole farm in one process on one data folder, with local machines as child processes.

mod folder;
mod given;
mod keeper;
mod launch;
pub(crate) mod lives;
pub(crate) mod machines;
mod making;
mod order;
mod parts;
pub mod ports;
mod report;
mod sample;
mod secrets;
mod start;
mod target;
mod telling;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use coordinator::Status;
use farm_bus::Receiver;
use farm_runtime::Clock;
use tokio::sync::watch::Receiver as Watching;
use tokio_util::sync::CancellationToken;

use crate::chaos::{Chaos, Storm, Targets};
use crate::console::{Console, Tone};
use crate::host::Program;
use crate::site::ConsoleArgs;
use report::Reporter;
use start::Running;

/// Command line and environment.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm up                                   the sample: green, red, green
  farm up --repo .                          build this repository's head, and each new commit
  farm up --repo . --until-idle --json      build, print one line of JSON a build, exit 0, 1 or 2
  farm up --watch                           reload the functions whenever `cargo build` has made them anew
  farm up --data /var/farm --http 0.0.0.0:8080
  FARM_HOOKS=https://example.org/hook farm up --repo .
                                            call that webhook when a commit breaks a builder, and when that is mended
  FARM_SMTP=smtp://mail.example.org FARM_MAIL_FROM=farm@example.org FARM_MAIL_TO=team@example.org farm up --repo .
                                            tell a team by mail; docs/notifications.md has all settings
  farm up --chaos 7 --until-idle            a bad week in a minute: what is lost, killed and repeated changes no result")]
pub struct Args {
    /// Folder that keeps everything; the same folder continues where it stopped
    #[arg(long, env = "FARM_DATA", default_value = ".farm")]
    data: PathBuf,
    /// A git repository to build; it is only read. Without it: a small sample
    #[arg(long)]
    repo: Option<PathBuf>,
    /// The operator's farm.toml, over the one in the repository
    #[arg(long, requires = "repo")]
    config: Option<PathBuf>,
    /// How many commits from each head to build [default: 1; the sample: all]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    history: Option<u32>,
    /// How many local machines of each host type at most [default: one per core, at most 4]
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=256))]
    machines: Option<u32>,
    /// How many of each host type stay when nothing is built for a while
    #[arg(long, value_name = "N", default_value_t = 1)]
    idle_machines: u32,
    /// After how many seconds of that the others go; the next build brings them back
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    idle_after: Duration,
    /// Where pages and webhooks are served [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Where machines dial in [default: 127.0.0.1:8119]
    #[arg(long, value_name = "ADDR")]
    hub: Option<SocketAddr>,
    /// Where Pub/Sub is spoken [default: 127.0.0.1:8085]
    #[arg(long, value_name = "ADDR")]
    pubsub: Option<SocketAddr>,
    /// Where the coordinator's status page and metrics are served [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDR")]
    status: Option<SocketAddr>,
    /// How long what a commit breaks is gathered before it is told together, by mail or webhooks
    #[arg(long, value_name = "SECONDS", env = "FARM_GATHER", default_value = "60", value_parser = seconds)]
    gather: Duration,
    #[command(flatten)]
    keep: coordinator::KeepArgs,
    /// Let a new build of the functions take over as soon as it is there: each request is answered, by the old or the new
    #[arg(long)]
    watch: bool,
    /// The functions' program, if it is not this one
    #[arg(long, value_name = "PROGRAM")]
    functions: Option<PathBuf>,
    #[command(flatten)]
    console: ConsoleArgs,
    /// Exit when nothing is open: 0 all ok or nothing to do, 1 something failed, 2 lost to infrastructure
    #[arg(long)]
    until_idle: bool,
    /// One line of JSON a finished build on standard output; with --until-idle oldest commit first
    #[arg(long)]
    json: bool,
    /// Keep queues in memory instead of on disk: faster, and lost when the farm stops
    #[arg(long)]
    memory: bool,
    /// Lose, repeat, delay and reorder messages, kill and freeze machines, cut coordinator and hub off, as SEED says, and
    /// keep the books; builds that end are run again meanwhile. Exit 1 if a run is lost, doubled or told two results
    #[arg(long, value_name = "SEED")]
    chaos: Option<u64>,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

impl Args {
    fn program(&self) -> anyhow::Result<Program> {
        Ok(match &self.functions {
            Some(path) => Program::Functions(path.clone()),
            None => Program::Farm(std::env::current_exe().context("cannot find the farm binary")?),
        })
    }
}

/// How long nothing may be open before the farm counts as idle: results still on their way arrive meanwhile.
const SETTLE: Duration = Duration::from_millis(100);
/// The same after chaos: a message that was lost last may come so much later.
const SETTLE_AFTER_CHAOS: Duration = Duration::from_secs(3);

/// The exit code after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// Runs the farm until `shutdown`, or until it is idle if that was asked for.
///
/// # Errors
/// The farm cannot start, or a part of it failed.
pub async fn run(args: Args, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let console = Console::new();
    let (until_idle, json) = (args.until_idle, args.json);
    let (sorted, started) = (json && until_idle, Clock::system().now());
    let chaos = args.chaos.map(|seed| Chaos::new(seed, started));
    let mut running = Running::start(args, &console, chaos.as_ref()).await?;
    let mut reporter = Reporter::new(running.http, json, sorted, console.clone(), started);
    reporter.ledger = chaos.as_ref().map(Chaos::ledger);
    let storm = storm(
        chaos.as_ref(),
        running.targets.take(),
        running.status.clone(),
        until_idle,
    );
    let mut stuck = None;
    let end = tokio::select! {
        end = follow(&mut running.results, running.status.clone(), &mut reporter, until_idle, chaos.as_ref()) => end,
        failed = running.parts.failed() => Err(failed),
        wrong = storm => { stuck = Some(wrong); Ok(()) }
        () = shutdown.cancelled() => Ok(()),
    };
    if shutdown.is_cancelled() {
        console.line("stopping: running builds get a moment to end; Ctrl-C again stops at once");
    }
    let troubles = running.status.borrow().troubles.clone();
    let pages = running.pages();
    let drained = running.stop().await;
    console.clear();
    if json && until_idle {
        // Only now every page is sure to be written.
        let order = pages.commit_order().await;
        reporter.tell_sorted(|run| order.rank(run));
    }
    end?;
    if let Some(chaos) = &chaos {
        let over = until_idle && !shutdown.is_cancelled();
        let found = stuck.into_iter().chain(reporter.violations).collect();
        let summary = chaos
            .close(&pages.bucket, over, Clock::system().now(), found)
            .await?;
        summary.tell(&console, json);
        return Ok(ExitCode::from(summary.exit_code()));
    }
    if shutdown.is_cancelled() {
        console.line(if drained {
            "stopped"
        } else {
            "stopped; what still ran is run again at the next start"
        });
        // Whoever waited for an answer has none.
        let code = if until_idle { INTERRUPTED } else { 0 };
        return Ok(ExitCode::from(code));
    }
    for trouble in &troubles {
        console.line(&console.paint(Tone::Odd, &format!("trouble: {trouble}")));
    }
    Ok(ExitCode::from(reporter.exit_code(!troubles.is_empty())))
}

/// Chaos, where it was asked for; returns only with what is wrong.
async fn storm(
    chaos: Option<&Chaos>,
    targets: Option<Targets>,
    status: Watching<Status>,
    ends: bool,
) -> String {
    match (chaos, targets) {
        (Some(chaos), Some(targets)) => {
            let storm = Storm {
                chaos,
                targets,
                status,
            };
            storm.rage(ends).await
        }
        _ => std::future::pending().await,
    }
}

/// Tells results and progress; ends when the farm is idle, if that was asked for.
async fn follow(
    results: &mut Receiver,
    mut status: Watching<Status>,
    reporter: &mut Reporter,
    until_idle: bool,
    chaos: Option<&Chaos>,
) -> anyhow::Result<()> {
    let settle = chaos.map_or(SETTLE, |_| SETTLE_AFTER_CHAOS);
    let mut page = None;
    loop {
        let now = status.borrow_and_update().clone();
        if let Some(at) = now.page.filter(|_| page != now.page) {
            let line = format!("status at http://{at}/status");
            reporter
                .console
                .line(&reporter.console.paint(Tone::Quiet, &line));
            page = now.page;
        }
        let mut text = sentence(&now);
        if let Some(chaos) = chaos {
            text = format!("{text}; {}", chaos.sentence());
        }
        reporter.console.status(text);
        let idle = now.is_idle() && reporter.count() >= now.decided;
        let calm = chaos.is_none_or(Chaos::is_calm);
        tokio::select! {
            told = reporter.next(results) => if told.is_none() { anyhow::bail!("the queue of results is closed") },
            // A coordinator that has ended says why itself.
            changed = status.changed() => if changed.is_err() { std::future::pending::<()>().await },
            () = tokio::time::sleep(settle), if until_idle && idle => if calm { return Ok(()) },
        }
    }
}

fn count(machines: usize) -> String {
    let plural = if machines == 1 { "" } else { "s" };
    format!("{machines} machine{plural}")
}

fn sentence(status: &Status) -> String {
    if !status.observed {
        return "reading the repository".to_owned();
    }
    let queued = status.open.saturating_sub(status.running);
    let machines = status.machines;
    let mut text = match (status.running, queued) {
        (0, 0) => format!("idle; {}; waiting for a commit", count(machines)),
        (running, 0) => format!("{running} running"),
        (running, queued) => format!("{running} running, {queued} queued"),
    };
    if machines == 0 {
        text.push_str("; no machine has dialed in yet");
    }
    if let Some(trouble) = status.troubles.first() {
        let first = trouble.lines().next().unwrap_or_default();
        text.push_str(&format!("; trouble: {first}"));
    }
    text
}
