//! A farm that is filled, and then does what farms do while each decision is timed.

use std::collections::BTreeMap;
use std::time::Instant;

use bench::figures::percentile;
use farm_core::Fact;
use farm_model::message::progress::HubHeartbeat;
use serde::{Deserialize, Serialize};

use super::deciders::Decides;
use super::shape;
use super::world::World;

/// Finishes between two heartbeats.
const BEAT: usize = 20;

/// What one kind of fact costs, until what it changes is chosen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cost {
    /// Decisions timed.
    pub count: usize,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p99: f64,
    /// Milliseconds.
    pub max: f64,
}

impl Cost {
    /// Of at least one time in milliseconds.
    pub fn of(times: &[f64]) -> Self {
        Self {
            count: times.len(),
            p50: percentile(times, 0.5),
            p99: percentile(times, 0.99),
            max: percentile(times, 1.0),
        }
    }
}

/// What was found in one farm.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Traffic {
    /// Builds open when the timing began, of which `working` were leased.
    pub open: usize,
    /// Attempts that were current then.
    pub working: usize,
    /// By kind of fact, and `all`.
    pub costs: BTreeMap<String, Cost>,
    /// Decisions a second, one after the other.
    pub decisions_s: f64,
}

/// Tells the farm what there is: configuration, repositories, machines.
pub fn fill(farm: &mut dyn Decides, world: &mut World) {
    let configured = Fact::Configured {
        digest: "d".to_owned(),
        config: Box::new(shape::config()),
    };
    farm.decide(vec![configured], world.now);
    for observed in world.observations() {
        farm.decide(vec![observed], world.now);
    }
    for _ in 0..world.parts() {
        let beat = world.heartbeat();
        let told = farm.decide(vec![beat], world.now);
        world.told(&told);
    }
}

/// So many rounds of one push, as many finished builds as it wants, heartbeats between them, and a look at the time.
pub fn run(farm: &mut dyn Decides, world: &mut World, rounds: usize) -> Traffic {
    let (open, working) = (farm.farm().open().len(), world.working());
    let mut times = BTreeMap::<&str, Vec<f64>>::new();
    let mut time = |farm: &mut dyn Decides, world: &mut World, fact: Fact| {
        let kind = kind(&fact);
        let began = Instant::now();
        let told = farm.decide(vec![fact], world.now);
        let took = began.elapsed().as_secs_f64() * 1e3;
        world.told(&told);
        times.entry(kind).or_default().push(took);
        times.entry("all").or_default().push(took);
    };
    for _ in 0..rounds {
        let push = world.push();
        time(farm, world, push);
        for number in 0..shape::BUILDERS {
            if number % BEAT == 0 {
                let beat = world.heartbeat();
                time(farm, world, beat);
            }
            if let Some(finished) = world.finish() {
                time(farm, world, finished);
            }
        }
        time(farm, world, Fact::Tick);
    }
    let all = &times["all"];
    Traffic {
        open,
        working,
        decisions_s: all.len() as f64 / (all.iter().sum::<f64>() / 1e3),
        costs: times
            .iter()
            .map(|(kind, times)| ((*kind).to_owned(), Cost::of(times)))
            .collect(),
    }
}

/// Finishes so many builds, with as many facts in a round as the coordinator takes at once. Facts a second.
pub fn finish(farm: &mut dyn Decides, world: &mut World, builds: usize) -> f64 {
    /// Of the coordinator's engine.
    const ROUND: usize = 256;
    let (mut left, mut facts, mut seconds) = (builds, 0, 0.0);
    while left > 0 {
        let finished = (0..ROUND.min(left)).map_while(|_| world.finish());
        let mut finished: Vec<_> = finished.collect();
        finished.push(world.heartbeat());
        assert!(finished.len() > 1, "{left} builds have no machine");
        left -= finished.len() - 1;
        facts += finished.len();
        let began = Instant::now();
        let told = farm.decide(finished, world.now);
        seconds += began.elapsed().as_secs_f64();
        world.told(&told);
    }
    facts as f64 / seconds
}

fn kind(fact: &Fact) -> &'static str {
    match fact {
        Fact::Observed(_) => "push",
        Fact::Progress(_) => "finish",
        Fact::Heartbeat(HubHeartbeat { .. }) => "heartbeat",
        _ => "tick",
    }
}
