//! A farm, its storm, and the calm after it.

use std::collections::BTreeMap;

use farm_model::id::AttemptKey;
use farm_model::record::BuildKind;
use farm_store::{Keep, Store};

use crate::again;
use crate::chaos;
use crate::coordinator::Coordinator;
use crate::hub::Hub;
use crate::outside::{GRACE, Outside, Sabotage, Word};
use crate::pool::Pool;
use crate::source::{Source, push};

/// How long after the storm everything has to be at rest, in milliseconds.
const PATIENCE: i64 = 180_000;
/// How long a machine may go on, in the calm, with what nobody waits for.
const STRAY: i64 = 3 * GRACE;

pub struct World {
    pub outside: Outside,
    pub hubs: Vec<Hub>,
    pub coordinators: Vec<Coordinator>,
    pub pool: Pool,
    /// Since when machines work on what is not current.
    strays: BTreeMap<AttemptKey, i64>,
}

/// What came of a world.
pub struct Told {
    pub steps: u64,
    pub runs: usize,
    /// Breakages told, and those of them that were told to be mended.
    pub breakages: (usize, usize),
    /// Machines ordered, tried to be made, and come.
    pub machines: (usize, usize, usize),
    /// What was broken, if anything was.
    pub wrong: Option<String>,
    pub trace: Vec<String>,
}

impl World {
    pub fn new(seed: u64, store: Box<dyn Store>, sabotage: Sabotage, traced: bool) -> Self {
        let mut outside = Outside::new(seed, store, sabotage, traced);
        let hubs = match outside.source.is_pooled() {
            true => vec![Hub::new("h1", &[]), Hub::new("h2", &[])],
            false => vec![
                Hub::new("h1", &[("arm1", "arm"), ("amd1", "amd")]),
                Hub::new("h2", &[("arm2", "arm")]),
            ],
        };
        let standby = outside.rng.between(5_000, 60_000);
        let coordinators = vec![Coordinator::new(0), Coordinator::new(standby)];
        Self {
            outside,
            hubs,
            coordinators,
            pool: Pool::default(),
            strays: BTreeMap::new(),
        }
    }

    /// Tells the whole story.
    pub fn run(mut self) -> Told {
        let mut steps = 0;
        let storm = self.outside.rng.between(10_000, 40_000);
        push(&mut self.outside);
        while self.outside.now < storm && self.is_sound() {
            if self.outside.rng.chance(40) {
                chaos::strike(&mut self);
            }
            self.step();
            steps += 1;
        }
        self.calm();
        let limit = self.outside.now + PATIENCE;
        // What people asked for in the storm may still come, in any order.
        let mut relent_at = Some(self.outside.now + 6_000);
        while self.is_sound() && self.unrest().is_some() {
            if self.outside.now > limit {
                let what = format!("no rest: {}", self.unrest().unwrap_or_default());
                self.outside.ledger.wrong.get_or_insert(what);
            }
            if relent_at.take_if(|at| *at <= self.outside.now).is_some() {
                chaos::relent(&mut self.outside);
            }
            self.step();
            steps += 1;
            self.look_for_strays();
        }
        self.account();
        Told {
            steps,
            runs: self.outside.ledger.runs.len(),
            breakages: self.outside.ledger.breakages.told(),
            machines: self.outside.ledger.orders.told(),
            wrong: self.outside.ledger.wrong,
            trace: self.outside.trace.unwrap_or_default(),
        }
    }

    fn is_sound(&self) -> bool {
        self.outside.ledger.wrong.is_none()
    }

    /// A moment passes, and everybody does one thing, in any order.
    fn step(&mut self) {
        self.outside.now += self.outside.rng.between(1, 40);
        let (first, count) = (self.outside.rng.below(4), 2);
        for turn in 0..count + self.coordinators.len() {
            let who = (first + turn) % (count + self.coordinators.len());
            match who.checked_sub(count) {
                None => self.hubs[who].step(&mut self.outside),
                Some(index) => self.coordinators[index].step(&mut self.outside),
            }
        }
        self.pool.step(&mut self.hubs, &mut self.outside);
        self.judge_silence();
    }

    /// An attempt whose hub lives, drives it and says so is not given up for silence, however long we were away.
    fn judge_silence(&mut self) {
        let now = self.outside.now;
        for attempt in std::mem::take(&mut self.outside.ledger.silent) {
            let lives = |hub: &Hub| hub.drives_and_says_so(&attempt, now - GRACE, now);
            if self.hubs.iter().any(lives) {
                let what = format!("{attempt} was given up while its hub spoke of it");
                self.outside.ledger.wrong.get_or_insert(what);
            }
        }
    }

    /// Nothing goes wrong any more.
    fn calm(&mut self) {
        let outside = &mut self.outside;
        outside.note(|| "the storm is over".to_owned());
        outside.storm = false;
        outside.queues.progress.hangs_until = 0;
        for hub in &mut self.hubs {
            hub.heal(outside);
        }
        let (last, others) = self.coordinators.split_last_mut().unwrap();
        last.heal(outside);
        others.iter_mut().for_each(|other| other.retire(outside));
    }

    /// Why not everything is at rest, if it is not.
    fn unrest(&self) -> Option<String> {
        let queues = &self.outside.queues;
        let said =
            |word: &&Word| matches!(word, Word::Progress(_) | Word::Gone(_) | Word::Order(_));
        if let Some(word) = queues.progress.bodies().find(said) {
            return Some(format!("progress holds {word:?}"));
        }
        if queues.activity.bodies().next().is_some() || queues.commands.bodies().next().is_some() {
            return Some("activity or commands are not drained".to_owned());
        }
        if let Some(order) = queues.work.values().flat_map(|of| of.bodies()).next() {
            return Some(format!("work holds {order:?}"));
        }
        if let Some(hub) = self.hubs.iter().find(|hub| !hub.is_quiet()) {
            return Some(format!("{} is busy", hub.id));
        }
        let last = self.coordinators.last()?;
        let unrest = last.unrest(&self.outside).or_else(|| self.unseen());
        unrest.or_else(|| self.machines_left())
    }

    /// Machines that were made are gone once there is no work for them.
    fn machines_left(&self) -> Option<String> {
        if let Some(ordered) = self.outside.ledger.orders.standing().next() {
            return Some(format!("an order stands: {ordered:?}"));
        }
        (!self.pool.is_empty()).then(|| "a machine is left that nobody ordered".to_owned())
    }

    /// The newest commits of the source are built, whatever became of the webhooks.
    fn unseen(&self) -> Option<String> {
        let farm = self.coordinators.last()?.leader()?.farm();
        let branch = farm.branches().find(|of| Source::is_pushed_to(&of.repo));
        let seen = branch.map_or(&[][..], |branch| &branch.commits);
        (seen != self.outside.source.commits()).then(|| "a push was not seen".to_owned())
    }

    /// No machine works for long on what nobody waits for.
    fn look_for_strays(&mut self) {
        let ledger = &self.outside.ledger;
        let busy = self.hubs.iter().flat_map(Hub::busy);
        let stray: Vec<AttemptKey> = busy.filter(|of| !ledger.is_current(of)).cloned().collect();
        self.strays.retain(|attempt, _| stray.contains(attempt));
        for attempt in stray {
            let since = *self
                .strays
                .entry(attempt.clone())
                .or_insert(self.outside.now);
            if self.outside.now - since > STRAY {
                let what = format!("a machine goes on with {attempt}, which nobody waits for");
                self.outside.ledger.wrong.get_or_insert(what);
            }
        }
    }

    /// At the end: one outcome a run, all of it announced, all that was wanted built, all that was asked done.
    fn account(&mut self) {
        if self.is_sound()
            && let Err(what) = self.accounts()
        {
            self.outside.ledger.wrong = Some(what);
        }
    }

    fn accounts(&mut self) -> Result<(), String> {
        let ledger = &self.outside.ledger;
        for ((build, number), run) in &ledger.runs {
            let name = format!("run {number} of {build}");
            let verdict = run
                .verdict
                .as_ref()
                .ok_or(format!("{name} has no verdict"))?;
            let told = ledger.announced.get(&(build.clone(), *number));
            if told != Some(&verdict.outcome) {
                return Err(format!("{name} was not announced"));
            }
        }
        for id in &self.outside.sent {
            if !ledger.used(&format!("command:{id}")) {
                return Err(format!("{id} was not carried out"));
            }
        }
        ledger.breakages.account()?;
        self.wanted()?;
        self.stored()?;
        again::replay(&mut self.outside)
    }

    fn wanted(&self) -> Result<(), String> {
        let runs = &self.outside.ledger.runs;
        for (commit, builder) in self.outside.source.wanted() {
            let key = Source::key(commit, builder, BuildKind::PostSubmit);
            if !runs.contains_key(&(key.id(), 1)) {
                return Err(format!("nobody built {} on {}", key.commit, key.builder));
            }
        }
        Ok(())
    }

    /// The database holds what it was told.
    fn stored(&mut self) -> Result<(), String> {
        let loaded = self
            .outside
            .store
            .load(Keep::Everything)
            .map_err(|error| error.to_string())?;
        let runs = &self.outside.ledger.runs;
        let same = loaded.runs.len() == runs.len()
            && loaded.runs.iter().all(|run| {
                let kept = runs.get(&(run.build.clone(), run.number));
                kept.is_some_and(|kept| kept.verdict == run.verdict)
            });
        same.then_some(())
            .ok_or("the database lost a run".to_owned())
    }
}
