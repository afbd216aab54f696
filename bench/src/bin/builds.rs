//! Trivial builds through the whole farm, as many as it can do.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on, and prints what it found"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bench::figures::Spread;
use bench::machine;
use bench::peer::Peer;
use bench::ran::Ran;
use clap::Parser;
use farm_harness::{Farm, until};
use farm_model::message::progress::Outcome;
use serde::Serialize;

/// Measures sustained trivial builds a second, from signed webhooks to results, on local machines.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo build --release && cargo build --release -p bench
  target/release/builds
  target/release/builds --builders 10 --builds 500 --turns 1
  BUILDBOT_ROOT=/var/tmp/buildbot target/release/builds --turns 2 --peer bench/buildbot.sh")]
struct Args {
    /// The binary to measure
    #[arg(long, default_value = "target/release/farm")]
    farm: PathBuf,
    /// How many builders a commit is built by, each in a farm of its own
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 95])]
    builders: Vec<usize>,
    /// Machines
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=200))]
    machines: u32,
    /// Builds a turn, rounded up to whole commits
    #[arg(long, default_value_t = 1500, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    builds: u32,
    /// Turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    turns: u32,
    /// Buildbot does the same in turns with ours: the script that starts it
    #[arg(long)]
    peer: Option<PathBuf>,
    /// Builds a turn of Buildbot, rounded up to whole changes
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    peer_builds: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// More than a turn takes.
const PATIENCE: Duration = Duration::from_secs(600);
/// More is pushed when no more builds than these wait: four for each of 16 machines.
const WAITING: usize = 64;
/// Commits that a push brings at most. With those of all pushes that may not have been read yet there are no more than a
/// branch keeps.
const PUSH: usize = 36;
/// Commits from the head that are wanted at least: what a grid shows.
const HISTORY: usize = 30;

#[derive(Serialize)]
struct Report {
    mode: String,
    machine: (String, String),
    rows: Vec<Row>,
    /// The slowest of ours against the fastest.
    flatness: f64,
}

#[derive(Serialize)]
struct Row {
    builders: usize,
    builds: usize,
    /// Builds a second.
    ours: Spread,
    /// Proportional memory at rest, in kB, machines included.
    memory_kb: u64,
    /// Milliseconds of CPU that a build takes of each part, without its command.
    cpu_ms: BTreeMap<String, f64>,
    peer: Option<PeerRow>,
}

#[derive(Serialize)]
struct PeerRow {
    builds: usize,
    builds_s: Spread,
    memory_kb: u64,
    /// Ours against it.
    ratio: f64,
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let mut report = Report {
        mode: format!(
            "{} machines, clean = none; queues and state durable (fsync); Buildbot's SQLite on disk as it comes",
            args.machines
        ),
        machine: (machine::load(), String::new()),
        rows: Vec::new(),
        flatness: 1.0,
    };
    for &builders in &args.builders {
        let row = row(&args, builders).await;
        if !args.json {
            println!("{row}");
        }
        report.rows.push(row);
    }
    let rates = report.rows.iter().map(|row| row.ours.median);
    let rates: Vec<f64> = rates.collect();
    let Spread { min, max, .. } = Spread::of(&rates);
    report.flatness = min / max;
    report.machine.1 = machine::load();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap());
    } else {
        println!("{}", report.mode);
        println!("before: {}; after: {}", report.machine.0, report.machine.1);
        println!("slowest against fastest: {:.2}", report.flatness);
    }
}

/// A farm, and a peer of the same shape, in turns.
async fn row(args: &Args, builders: usize) -> Row {
    let commits = (args.builds as usize).div_ceil(builders);
    let mut ours = Ours::start(args, builders, commits * args.turns as usize).await;
    let mut peer = match &args.peer {
        Some(script) => Some(Peer::start(script, builders, args.machines as usize).await),
        None => None,
    };
    tokio::time::sleep(Duration::from_secs(2)).await;
    let memory_kb = ours.memory_kb();
    let peer_memory_kb = peer.as_ref().map_or(0, Peer::memory_kb);
    let peer_changes = (args.peer_builds as usize).div_ceil(builders);
    let cpu_before = ours.cpu();
    let (mut rates, mut peer_rates) = (Vec::new(), Vec::new());
    for _ in 0..args.turns {
        rates.push(ours.turn(commits).await);
        if let Some(peer) = &mut peer {
            peer_rates.push(peer_turn(peer, peer_changes, builders).await);
        }
    }
    let built = f64::from(args.turns) * (commits * builders) as f64;
    let of_each = |(part, used): (String, f64)| {
        let milliseconds = (used - cpu_before[&part]) * 1e3 / built;
        (part, milliseconds)
    };
    let cpu_ms = ours.cpu().into_iter().map(of_each).collect();
    ours.end().await;
    let ours = Spread::of(&rates);
    let peer_row = peer.is_some().then(|| PeerRow {
        builds: peer_changes * builders,
        builds_s: Spread::of(&peer_rates),
        memory_kb: peer_memory_kb,
        ratio: ours.median / Spread::of(&peer_rates).median,
    });
    if let Some(peer) = peer {
        peer.end().await;
    }
    Row {
        builders,
        builds: commits * builders,
        ours,
        memory_kb,
        cpu_ms,
        peer: peer_row,
    }
}

/// Builds a second of so many changes that come at once.
async fn peer_turn(peer: &mut Peer, changes: usize, builders: usize) -> f64 {
    let before = peer.ran.count();
    for _ in 0..changes {
        peer.change().await;
    }
    peer.ran.wait(before + changes * builders, PATIENCE).await;
    // The last are still being written down: they must not slow the next turn of ours.
    tokio::time::sleep(Duration::from_secs(2)).await;
    peer.ran.rate(before)
}

/// A farm with the commits that it will build.
struct Ours {
    farm: Farm,
    ran: Ran,
    builders: usize,
    /// Those to come, next first.
    commits: std::vec::IntoIter<String>,
    _folder: tempfile::TempDir,
}

impl Ours {
    async fn start(args: &Args, builders: usize, commits: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ran = Ran::new(folder.path().join("ran"));
        let program = args.farm.canonicalize().unwrap();
        let mut farm = Farm::start(&program, &config(builders, &ran), "").await;
        for machine in 2..=args.machines {
            farm.add_machine(&format!("m{machine}")).await;
        }
        let commits = make_commits(&farm.repository.path, commits);
        // The first commit is built without being pushed, and with it every machine is there.
        ran.wait(builders, PATIENCE).await;
        let machines = args.machines as usize;
        until("the machines", async || {
            let front: farm_model::view::FarmView = farm.json("/api/farm").await?;
            let here = front.machines.len();
            if here == machines {
                Ok(())
            } else {
                Err(format!("{here}"))
            }
        })
        .await;
        farm.results(builders).await;
        Self {
            farm,
            ran,
            builders,
            commits: commits.into_iter(),
            _folder: folder,
        }
    }

    /// Builds a second of so many commits, pushed whenever little waits.
    async fn turn(&mut self, commits: usize) -> f64 {
        let before = self.ran.count();
        let mut wanted = before;
        let mut left = commits;
        while left > 0 {
            let push = a_push(self.builders).min(left);
            left -= push;
            wanted += push * self.builders;
            let head = self.commits.nth(push - 1).unwrap();
            self.farm
                .repository
                .git(&["update-ref", "refs/heads/main", &head]);
            self.farm.push().await;
            self.ran
                .wait(wanted.saturating_sub(WAITING).max(before), PATIENCE)
                .await;
        }
        self.ran.wait(wanted, PATIENCE).await;
        self.farm.results(wanted).await;
        self.ran.rate(before)
    }

    /// Of all processes.
    fn memory_kb(&self) -> u64 {
        let processes = self.farm.processes().into_iter();
        processes
            .map(|(_, id)| machine::memory(id.cast_unsigned(), "Pss"))
            .sum()
    }

    /// Seconds of CPU that each part has used.
    fn cpu(&self) -> BTreeMap<String, f64> {
        let mut used = BTreeMap::new();
        for (part, id) in self.farm.processes() {
            *used.entry(format!("{part:?}").to_lowercase()).or_default() +=
                machine::cpu_seconds(id.cast_unsigned());
        }
        used
    }

    async fn end(self) {
        let told = self.farm.told.values();
        let outcomes: BTreeSet<_> = told.map(|(run, _)| run.outcome.as_str()).collect();
        assert_eq!(outcomes, [Outcome::Ok.as_str()].into());
        self.farm.end().await;
    }
}

/// Commits in a push.
fn a_push(builders: usize) -> usize {
    WAITING.div_ceil(builders).clamp(1, PUSH)
}

fn config(builders: usize, ran: &Ran) -> String {
    let mut text = "[hosts.bench]\nclean = \"none\"\n".to_owned();
    for builder in 0..builders {
        let _ = writeln!(
            text,
            "[builders.b{builder:02}]\nhost = \"bench\"\nsteps = [{{ name = \"true\", run = \"{}\" }}]",
            ran.command()
        );
    }
    let unread = a_push(builders) + WAITING.div_ceil(builders);
    let history = unread.max(HISTORY);
    let _ = writeln!(
        text,
        "[repositories.demo]\ngithub = \"acme/demo\"\nhistory = {history}"
    );
    text
}

/// Commits on top of `main` that change nothing, oldest first, on a branch that nobody watches.
fn make_commits(repository: &Path, count: usize) -> Vec<String> {
    let mut text = "reset refs/heads/fed\nfrom refs/heads/main\n\n".to_owned();
    for number in 0..count {
        let second = 1_700_000_000 + number;
        let _ = writeln!(
            text,
            "commit refs/heads/fed\ncommitter t <t@localhost> {second} +0000\ndata 2\nc\n"
        );
    }
    let mut import = Command::new("git")
        .current_dir(repository)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    import
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(import.wait().unwrap().success());
    let list = Command::new("git")
        .current_dir(repository)
        .args(["rev-list", "--reverse", "main..fed"])
        .output()
        .unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let commits: Vec<_> = list.lines().map(str::to_owned).collect();
    assert_eq!(commits.len(), count);
    commits
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:>3} builders: {} builds/s ({} a turn), {} MB at rest; ms of CPU a build:",
            self.builders,
            self.ours,
            self.builds,
            self.memory_kb / 1024
        )?;
        for (part, milliseconds) in &self.cpu_ms {
            write!(f, " {part} {milliseconds:.2}")?;
        }
        match &self.peer {
            Some(peer) => write!(
                f,
                "\n     Buildbot: {} builds/s ({} a turn), {} MB at rest; {:.0}×",
                peer.builds_s,
                peer.builds,
                peer.memory_kb / 1024,
                peer.ratio
            ),
            None => Ok(()),
        }
    }
}
