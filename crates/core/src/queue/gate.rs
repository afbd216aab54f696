//! What holds lanes up: quotas that are full, and builders that are paused.

use std::collections::{BTreeMap, BTreeSet};

use farm_model::id::{BuilderName, HostType, RepoName};

use super::heads::LaneId;

/// What a lane leads through.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gate {
    /// The pause of a builder.
    Pause(BuilderName),
    /// `max-at-once` of a builder.
    Builder(BuilderName),
    /// `max-at-once` of a host type.
    Host(HostType),
    /// `max-at-once` of a repository.
    Repository(RepoName),
}

/// Why a gate is shut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shut {
    /// Its builder is paused.
    Paused(BuilderName),
    /// So many run, and no more may.
    Full {
        /// Of what.
        gate: Gate,
        /// The quota.
        limit: u32,
    },
}

/// A gate that was shut or opened, and the lanes that lead through it.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) shut: bool,
    pub(super) lanes: Vec<LaneId>,
}

#[derive(Debug, Default)]
struct State {
    running: u32,
    limit: Option<u32>,
    paused: bool,
    lanes: BTreeSet<LaneId>,
}

impl State {
    fn full(&self) -> bool {
        self.limit.is_some_and(|limit| self.running >= limit)
    }

    fn shut(&self) -> bool {
        self.paused || self.full()
    }
}

/// All gates.
#[derive(Debug, Default)]
pub(super) struct Gates(BTreeMap<Gate, State>);

impl Gates {
    /// A lane leads through the gate from now on; true if that is shut.
    pub(super) fn join(&mut self, gate: &Gate, lane: LaneId) -> bool {
        let state = self.state(gate);
        state.lanes.insert(lane);
        state.shut()
    }

    /// One more runs.
    pub(super) fn enter(&mut self, gate: &Gate) -> Option<Moved> {
        self.change(gate, |state| state.running += 1)
    }

    /// One less runs.
    pub(super) fn leave(&mut self, gate: &Gate) -> Option<Moved> {
        self.change(gate, |state| {
            state.running = state.running.saturating_sub(1)
        })
    }

    pub(super) fn limit(&mut self, gate: &Gate, limit: Option<u32>) -> Option<Moved> {
        self.change(gate, |state| state.limit = limit)
    }

    pub(super) fn pause(&mut self, gate: &Gate, paused: bool) -> Option<Moved> {
        self.change(gate, |state| state.paused = paused)
    }

    pub(super) fn paused(&self) -> impl Iterator<Item = &Gate> {
        let paused = self.0.iter().filter(|(_, state)| state.paused);
        paused.map(|(gate, _)| gate)
    }

    pub(super) fn limited(&self) -> Vec<Gate> {
        let limited = self.0.iter().filter(|(_, state)| state.limit.is_some());
        limited.map(|(gate, _)| gate.clone()).collect()
    }

    /// How many more may run; none where there is no limit.
    pub(super) fn room(&self, gate: &Gate) -> Option<u32> {
        let state = self.0.get(gate)?;
        Some(state.limit?.saturating_sub(state.running))
    }

    pub(super) fn why(&self, gate: &Gate) -> Option<Shut> {
        let state = self.0.get(gate)?;
        match (gate, state.limit) {
            (Gate::Pause(builder), _) if state.paused => Some(Shut::Paused(builder.clone())),
            (_, Some(limit)) if state.full() => Some(Shut::Full {
                gate: gate.clone(),
                limit,
            }),
            _ => None,
        }
    }

    fn change(&mut self, gate: &Gate, change: impl FnOnce(&mut State)) -> Option<Moved> {
        let state = self.state(gate);
        let before = state.shut();
        change(state);
        let shut = state.shut();
        (shut != before).then(|| Moved {
            shut,
            lanes: state.lanes.iter().copied().collect(),
        })
    }

    fn state(&mut self, gate: &Gate) -> &mut State {
        if !self.0.contains_key(gate) {
            self.0.insert(gate.clone(), State::default());
        }
        self.0.entry(gate.clone()).or_default()
    }
}
