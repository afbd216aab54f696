//! Our own farm, and how it is kept at work.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bench::machine;
use bench::ran::Ran;
use farm_harness::{Farm, until};
use farm_model::message::progress::Outcome;

use super::{Args, PATIENCE};

/// More is pushed when no more builds than these wait: four for each of 16 machines.
const WAITING: usize = 64;
/// Commits that a push brings at most. With those of all pushes that may not have been read yet there are no more than a
/// branch keeps.
const PUSH: usize = 36;
/// Commits from the head that are wanted at least: what a grid shows.
const HISTORY: usize = 30;

/// A farm with the commits that it will build.
pub struct Ours {
    farm: Farm,
    ran: Ran,
    builders: usize,
    /// Those to come, next first.
    commits: std::vec::IntoIter<String>,
    _folder: tempfile::TempDir,
}

impl Ours {
    /// Started, with all machines there and the first commit built.
    pub async fn start(args: &Args, builders: usize, commits: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ran = Ran::new(folder.path().join("ran"));
        let program = machine::program(&args.farm);
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
    pub async fn turn(&mut self, commits: usize) -> f64 {
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
    pub fn memory_kb(&self) -> u64 {
        let processes = self.farm.processes().into_iter();
        processes
            .map(|(_, id)| machine::memory(id.cast_unsigned(), "Pss"))
            .sum()
    }

    /// Seconds of CPU that each part has used.
    pub fn cpu(&self) -> BTreeMap<String, f64> {
        let mut used = BTreeMap::new();
        for (part, id) in self.farm.processes() {
            *used.entry(format!("{part:?}").to_lowercase()).or_default() +=
                machine::cpu_seconds(id.cast_unsigned());
        }
        used
    }

    /// Ends it; every build came out well.
    pub async fn end(self) {
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
