//! What was found, for people and as JSON.

use std::fmt;

use bench::figures::{Spread, percentile};
use bench::machine;
use farm_wire::client::Client;
use serde::Serialize;

use super::work::Figures;

/// A buildlet that is measured.
pub struct Target {
    pub name: &'static str,
    pub client: Client,
    pub pid: Option<u32>,
    pub version: i64,
    pub memory: Vec<Memory>,
    pub figures: Figures,
}

impl Target {
    pub fn new(name: &'static str, client: Client, pid: Option<u32>) -> Self {
        Self {
            name,
            client,
            pid,
            version: 0,
            memory: Vec::new(),
            figures: Figures::default(),
        }
    }
}

/// Private dirty memory of the process at one time; none if its number is not known.
#[derive(Clone, Serialize)]
pub struct Memory {
    pub when: &'static str,
    pub private_dirty_kb: Option<u64>,
}

impl Memory {
    pub fn of(when: &'static str, pid: Option<u32>) -> Self {
        let private_dirty_kb = pid.map(|pid| machine::memory(pid, "Private_Dirty"));
        Self {
            when,
            private_dirty_kb,
        }
    }
}

/// Everything.
#[derive(Serialize)]
pub struct Report {
    pub mode: String,
    pub machine: (String, String),
    pub tree: String,
    pub rounds: u32,
    pub start_ms: Spread,
    pub binary_bytes: u64,
    pub targets: Vec<Measured>,
}

/// Of one buildlet.
#[derive(Serialize)]
pub struct Measured {
    name: &'static str,
    version: i64,
    writetgz_mb_s: Spread,
    writetgz_packed_mb_s: Spread,
    tgz_mb_s: Spread,
    small_files_s: Spread,
    exec_us_p50: f64,
    exec_us_p99: f64,
    exec_us_min: f64,
    exec_us_max: f64,
    memory: Vec<Memory>,
}

impl Measured {
    pub fn of(target: &Target) -> Self {
        let figures = &target.figures;
        let exec = |share| percentile(&figures.exec, share);
        Self {
            name: target.name,
            version: target.version,
            writetgz_mb_s: Spread::of(&figures.upload),
            writetgz_packed_mb_s: Spread::of(&figures.upload_packed),
            tgz_mb_s: Spread::of(&figures.download),
            small_files_s: Spread::of(&figures.small_files),
            exec_us_p50: exec(0.5),
            exec_us_p99: exec(0.99),
            exec_us_min: exec(0.0),
            exec_us_max: exec(1.0),
            memory: target.memory.clone(),
        }
    }

    /// How many times better than another, by what is printed in front.
    fn ratios(&self, other: &Self) -> Vec<(&'static str, f64)> {
        let mut ratios = vec![
            (
                "/writetgz",
                self.writetgz_mb_s.median / other.writetgz_mb_s.median,
            ),
            ("/tgz", self.tgz_mb_s.median / other.tgz_mb_s.median),
            (
                "small files",
                self.small_files_s.median / other.small_files_s.median,
            ),
            ("/exec p50", other.exec_us_p50 / self.exec_us_p50),
            ("/exec p99", other.exec_us_p99 / self.exec_us_p99),
        ];
        for (ours, theirs) in self.memory.iter().zip(&other.memory) {
            if let (Some(ours_kb), Some(theirs_kb)) =
                (ours.private_dirty_kb, theirs.private_dirty_kb)
            {
                ratios.push((ours.when, theirs_kb as f64 / ours_kb as f64));
            }
        }
        ratios
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}; {} rounds, median (min to max)",
            self.mode, self.rounds
        )?;
        writeln!(f, "before: {}; after: {}", self.machine.0, self.machine.1)?;
        writeln!(f, "tree: {}", self.tree)?;
        let megabytes = self.binary_bytes as f64 / 1e6;
        writeln!(
            f,
            "start to first answer {} ms; binary {megabytes:.1} MB",
            self.start_ms
        )?;
        for target in &self.targets {
            writeln!(f, "{}, version {}:", target.name, target.version)?;
            let packed = target.writetgz_packed_mb_s;
            writeln!(
                f,
                "  /writetgz {} MB/s of files, {packed} MB/s packed",
                target.writetgz_mb_s
            )?;
            writeln!(f, "  /tgz {} MB/s of files", target.tgz_mb_s)?;
            writeln!(f, "  small files {} /s", target.small_files_s)?;
            writeln!(
                f,
                "  /exec of true: p50 {:.0} µs, p99 {:.0} µs ({:.0} to {:.0})",
                target.exec_us_p50, target.exec_us_p99, target.exec_us_min, target.exec_us_max
            )?;
            for memory in &target.memory {
                if let Some(kb) = memory.private_dirty_kb {
                    writeln!(f, "  private dirty memory {}: {kb} kB", memory.when)?;
                }
            }
        }
        if let [ours, peer] = &self.targets[..] {
            writeln!(f, "times better than the peer:")?;
            for (what, ratio) in ours.ratios(peer) {
                writeln!(f, "  {what}: {ratio:.2}")?;
            }
        }
        Ok(())
    }
}
