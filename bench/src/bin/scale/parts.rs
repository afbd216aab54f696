//! What is measured in a process of its own, so that memory is that of one farm.

use std::path::Path;
use std::time::Instant;

use bench::machine;
use clap::{Args, Subcommand};
use farm_bucket::Bucket;
use farm_core::{ViewKey, page};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::deciders::{Core, Decides, Durable};
use super::shape;
use super::state;
use super::traffic::{self, Cost, Traffic};
use super::world::World;

/// Times that each view is rendered and written.
const RENDERED: usize = 200;
/// So many commits on nine branches are there before the history that views are rendered after.
const COMMITS: usize = 9 * shape::HISTORY;
/// Commits whose builds are open while views are rendered.
const PUSHES: usize = 20;

/// One of the parts.
#[derive(Debug, Clone, Subcommand)]
pub enum Part {
    /// `farm-core` alone
    Core(Size),
    /// The leader with its store
    Store(Size),
    /// A new leader on what `store` left
    Restart(Size),
    /// Builds that are finished: how large the database becomes
    Finished(Size),
    /// Views after some history
    Views(Size),
}

/// How large, and how long.
#[derive(Debug, Clone, Args)]
pub struct Size {
    /// Open builds, or finished ones
    #[arg(long)]
    pub builds: usize,
    /// Machines
    #[arg(long)]
    pub machines: usize,
    /// Rounds of traffic
    #[arg(long)]
    pub rounds: usize,
    /// Where the state is
    #[arg(long, default_value = "sqlite::memory:")]
    pub state: String,
}

/// What `core` found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InMemory {
    /// What it did.
    pub traffic: Traffic,
    /// Private dirty memory with the farm filled, in kB.
    pub memory_kb: u64,
    /// Of that, bytes for each open build, machines and all.
    pub bytes_a_build: f64,
    /// How long filling took.
    pub fill_seconds: f64,
}

/// What `store` found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stored {
    /// One fact a transaction.
    pub traffic: Traffic,
    /// Facts a second where a transaction takes 256, as the coordinator's rounds do when there is much.
    pub facts_s: f64,
    /// The database's bytes for each open build, before any traffic.
    pub bytes_a_build: f64,
    /// How long filling took.
    pub fill_seconds: f64,
}

/// What `restart` found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Restarted {
    /// Builds open.
    pub open: usize,
    /// Reading the records.
    pub load_seconds: f64,
    /// From opening the database until the first decision is made.
    pub ready_seconds: f64,
    /// Private dirty memory then, in kB.
    pub memory_kb: u64,
}

/// What `finished` found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sizes {
    /// Bytes a finished build takes, with its lines of history and the decisions it took part in.
    pub bytes_a_build: f64,
    /// Facts a second.
    pub facts_s: f64,
}

/// What `views` found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Viewed {
    /// Builds that are over.
    pub finished: usize,
    /// Rendering and writing a grid.
    pub grid: Cost,
    /// Its bytes.
    pub grid_bytes: usize,
    /// Rendering and writing the front page.
    pub front: Cost,
    /// Its bytes.
    pub front_bytes: usize,
}

impl Part {
    /// Measures it, and prints JSON.
    pub fn run(&self) {
        match self {
            Self::Core(size) => print(&core(size)),
            Self::Store(size) => print(&store(size)),
            Self::Restart(size) => print(&restart(size)),
            Self::Finished(size) => print(&finished(size)),
            Self::Views(size) => print(&views(size)),
        }
    }

    /// Measures it in another process.
    pub fn elsewhere<T: DeserializeOwned>(&self) -> T {
        let (name, size) = match self {
            Self::Core(size) => ("core", size),
            Self::Store(size) => ("store", size),
            Self::Restart(size) => ("restart", size),
            Self::Finished(size) => ("finished", size),
            Self::Views(size) => ("views", size),
        };
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["part", name]);
        command.args(["--builds", &size.builds.to_string()]);
        command.args(["--machines", &size.machines.to_string()]);
        command.args(["--rounds", &size.rounds.to_string()]);
        command.args(["--state", &size.state]);
        let output = command
            .stderr(std::process::Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "{name} ended: {}", output.status);
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn print(found: &impl Serialize) {
    println!("{}", serde_json::to_string(found).unwrap());
}

fn private_kb() -> u64 {
    machine::memory(std::process::id(), "Private_Dirty")
}

fn core(size: &Size) -> InMemory {
    let mut world = World::new(size.builds, size.machines);
    let before = private_kb();
    let began = Instant::now();
    let mut farm = Core::new(world.now);
    traffic::fill(&mut farm, &mut world);
    let fill_seconds = began.elapsed().as_secs_f64();
    let memory_kb = private_kb().saturating_sub(before);
    let traffic = traffic::run(&mut farm, &mut world, size.rounds);
    InMemory {
        bytes_a_build: memory_kb as f64 * 1024.0 / traffic.open as f64,
        traffic,
        memory_kb,
        fill_seconds,
    }
}

fn store(size: &Size) -> Stored {
    let mut world = World::new(size.builds, size.machines);
    let began = Instant::now();
    let empty = state::bytes(&size.state);
    let mut farm = Durable::new(state::open(&size.state), world.now);
    traffic::fill(&mut farm, &mut world);
    let fill_seconds = began.elapsed().as_secs_f64();
    let bytes = state::bytes(&size.state).saturating_sub(empty);
    let traffic = traffic::run(&mut farm, &mut world, size.rounds);
    let some = traffic.working.min(size.rounds * shape::BUILDERS);
    let facts_s = traffic::finish(&mut farm, &mut world, some);
    Stored {
        bytes_a_build: bytes as f64 / traffic.open as f64,
        traffic,
        facts_s,
        fill_seconds,
    }
}

fn restart(size: &Size) -> Restarted {
    let world = World::new(1, 1);
    let began = Instant::now();
    let mut farm = Durable::new(state::open(&size.state), world.now);
    farm.decide(Vec::new(), world.now);
    let ready_seconds = began.elapsed().as_secs_f64();
    let open = farm.farm().open().len();
    assert!(open > 0);
    Restarted {
        open,
        load_seconds: farm.load_seconds,
        ready_seconds,
        memory_kb: private_kb(),
    }
}

fn finished(size: &Size) -> Sizes {
    let mut world = World::new(size.builds, size.machines);
    let mut farm = Durable::new(state::open(&size.state), world.now);
    traffic::fill(&mut farm, &mut world);
    let builds = farm.farm().open().len();
    let facts_s = traffic::finish(&mut farm, &mut world, builds);
    assert_eq!(farm.farm().open().len(), 0);
    drop(farm);
    Sizes {
        bytes_a_build: state::bytes(&size.state) as f64 / builds as f64,
        facts_s,
    }
}

fn views(size: &Size) -> Viewed {
    let mut world = World::new(COMMITS * shape::BUILDERS, size.machines);
    let mut farm = Core::new(world.now);
    traffic::fill(&mut farm, &mut world);
    let mut finished = farm.farm().open().len();
    while finished < size.builds {
        push(&mut farm, &mut world);
        finished += shape::BUILDERS;
        traffic::finish(&mut farm, &mut world, shape::BUILDERS);
    }
    // What is open and shown is the same, however much is over.
    let open = farm.farm().open().len();
    traffic::finish(&mut farm, &mut world, open);
    for _ in 0..PUSHES {
        push(&mut farm, &mut world);
    }
    let grid = ViewKey::Grid {
        repo: shape::repository_name(0).parse().unwrap(),
        branch: "master".to_owned(),
    };
    let folder = tempfile::tempdir().unwrap();
    let (grid, grid_bytes) = written(&farm, &world, &grid, folder.path());
    let (front, front_bytes) = written(&farm, &world, &ViewKey::Farm, folder.path());
    Viewed {
        finished,
        grid,
        grid_bytes,
        front,
        front_bytes,
    }
}

fn push(farm: &mut Core, world: &mut World) {
    let push = world.push();
    let told = farm.decide(vec![push], world.now);
    world.told(&told);
}

/// A view rendered and written to a bucket, and its bytes.
fn written(farm: &Core, world: &World, key: &ViewKey, folder: &Path) -> (Cost, usize) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bucket = Bucket::open(&format!("file://{}", folder.display())).unwrap();
    let (mut times, mut bytes) = (Vec::new(), 0);
    for _ in 0..RENDERED {
        let began = Instant::now();
        let text = page::render(farm.farm(), key, world.now).unwrap().unwrap();
        bytes = text.len();
        let path = key.path();
        let put = bucket.put_view(&path, text.into(), None);
        runtime.block_on(put).unwrap();
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    (Cost::of(&times), bytes)
}
