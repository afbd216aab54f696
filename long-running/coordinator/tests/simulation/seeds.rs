//! Many worlds, on every processor, and the story of the first that failed.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use farm_store::{Durability, SqliteStore, Store};

use crate::broken::Unfenced;
use crate::outside::Sabotage;
use crate::world::{Told, World};

/// What became of all of them.
pub struct Report {
    sabotage: Sabotage,
    worlds: u64,
    steps: u64,
    runs: usize,
    /// Breakages told, and those of them that were told to be mended.
    breakages: (usize, usize),
    /// Machines ordered, tried to be made, and come.
    machines: (usize, usize, usize),
    took: Duration,
    /// Seeds that failed, and how.
    pub failures: Vec<(u64, String)>,
}

/// Lets worlds run: as many as `SIM_SEEDS` says, or only that of `SIM_SEED`, or `usual`; sabotaged ones until one fails.
pub fn seeds(sabotage: Sabotage, usual: u64) -> Report {
    let (from, count) = match (asked("SIM_SEED"), asked("SIM_SEEDS")) {
        (Some(seed), _) => (seed, 1),
        (None, Some(count)) => (0, count),
        (None, None) => (0, usual),
    };
    let report = Report {
        sabotage,
        worlds: 0,
        steps: 0,
        runs: 0,
        breakages: (0, 0),
        machines: (0, 0, 0),
        took: Duration::ZERO,
        failures: Vec::new(),
    };
    let (began, next, report) = (Instant::now(), AtomicU64::new(from), Mutex::new(report));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let found = sabotage != Sabotage::None && report.lock().unwrap().is_failed();
                    if seed >= from + count || found {
                        return;
                    }
                    let told = tell(seed, sabotage, false);
                    report.lock().unwrap().add(seed, told);
                }
            });
        }
    });
    let mut report = report.into_inner().unwrap();
    report.took = began.elapsed();
    report.failures.sort();
    report
}

/// The story of `count` worlds on PostgreSQL; none where there is no server to be had.
pub fn on_postgres(count: u64) -> Option<Vec<(u64, String)>> {
    let server = farm_store::testing::postgres::server("the simulation")?;
    let failed = |seed: u64| {
        let store = farm_store::open(&server.database()).unwrap();
        let told = World::new(seed, store, Sabotage::None, false).run();
        told.wrong.map(|what| (seed, what))
    };
    Some((0..count).filter_map(failed).collect())
}

/// One world.
fn tell(seed: u64, sabotage: Sabotage, traced: bool) -> Told {
    let store = SqliteStore::open("unused".as_ref(), Durability::Memory).unwrap();
    let store: Box<dyn Store> = match sabotage {
        Sabotage::NoFence => Box::new(Unfenced::new(store)),
        _ => Box::new(store),
    };
    // A panic of the leader is a finding like any other.
    let world = std::panic::AssertUnwindSafe(|| World::new(seed, store, sabotage, traced).run());
    std::panic::catch_unwind(world).unwrap_or_else(|_| Told {
        steps: 0,
        runs: 0,
        breakages: (0, 0),
        machines: (0, 0, 0),
        wrong: Some("somebody panicked".to_owned()),
        trace: Vec::new(),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the test says which seeds"
)]
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

impl Report {
    fn is_failed(&self) -> bool {
        !self.failures.is_empty()
    }

    fn add(&mut self, seed: u64, told: Told) {
        self.worlds += 1;
        self.steps += told.steps;
        self.runs += told.runs;
        self.breakages.0 += told.breakages.0;
        self.breakages.1 += told.breakages.1;
        self.machines.0 += told.machines.0;
        self.machines.1 += told.machines.1;
        self.machines.2 += told.machines.2;
        self.failures.extend(told.wrong.map(|what| (seed, what)));
    }

    /// Where there are many worlds, something breaks in them and is mended: else nothing is shown of how it is told.
    pub fn expect_breakages(&self) {
        let (broken, mended) = self.breakages;
        let many = self.worlds >= 100;
        assert!(
            !many || (broken > 0 && mended > 0),
            "nothing breaks: {self}"
        );
    }

    /// Where there are many worlds, machines are made in some of them, and some cannot be made at once.
    pub fn expect_machines(&self) {
        let (ordered, tried, came) = self.machines;
        let many = self.worlds >= 100;
        assert!(
            !many || (tried > ordered && came > 0),
            "no machines are made: {self}"
        );
    }

    /// Fails with the story of the first seed that did.
    pub fn expect_sound(&self) {
        let Some((seed, what)) = self.failures.first() else {
            return;
        };
        let story = tell(*seed, self.sabotage, true).trace.join("\n");
        let count = self.failures.len();
        let all = self
            .failures
            .iter()
            .map(|(seed, what)| format!("seed {seed}: {what}"));
        let all = all.collect::<Vec<_>>().join("\n");
        panic!(
            "{story}\n{all}\n{count} of {} seeds failed, the first: seed {seed}: {what}\nagain: \
             SIM_SEED={seed} cargo test -p coordinator --test simulation storms",
            self.worlds
        );
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}: {} worlds, {} runs, {} breakages told and {} of them mended, {} machines ordered, tried {} times, {} came, {} steps in {:.1} s; {} failed",
            self.sabotage,
            self.worlds,
            self.runs,
            self.breakages.0,
            self.breakages.1,
            self.machines.0,
            self.machines.1,
            self.machines.2,
            self.steps,
            self.took.as_secs_f64(),
            self.failures.len()
        )?;
        if let Some((seed, what)) = self.failures.first() {
            write!(f, ", seed {seed}: {what}")?;
        }
        Ok(())
    }
}
