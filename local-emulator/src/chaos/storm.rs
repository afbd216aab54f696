//! Carries the schedule out.

use std::time::Duration;

use coordinator::Status;
use farm_bus::Bus;
use farm_model::event::{Event, Message};
use farm_model::message::command::{Ask, Command};
use farm_runtime::{Clock, Ids};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Chaos;
use super::schedule::{Blow, Due, Schedule};
use crate::up::lives::Cutter;
use crate::up::machines::{Hit, Roster};

/// A storm that is to end lasts at least so long.
const LEAST: Duration = Duration::from_secs(12);
/// And at most so long, whatever is still open.
const MOST: Duration = Duration::from_secs(600);
/// After the storm something must happen within this time while builds are open.
const STUCK: Duration = Duration::from_secs(180);
/// No more is asked for while so many builds are open.
const OPEN: usize = 16;
/// The source and the author of what is asked for.
const SOURCE: &str = "/chaos";

/// What can be hit.
#[derive(Debug)]
pub(crate) struct Targets {
    pub(crate) machines: Roster,
    pub(crate) coordinator: Cutter,
    pub(crate) hub: Cutter,
    pub(crate) bus: Bus,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
}

/// A schedule and its targets.
pub(crate) struct Storm<'a> {
    pub(crate) chaos: &'a Chaos,
    pub(crate) targets: Targets,
    pub(crate) status: watch::Receiver<Status>,
}

impl Storm<'_> {
    /// Rages for ever, or, where it `ends`, until it has raged enough and what it found is over. Then it watches, and
    /// returns only if the farm comes to a stop with builds open: with what is wrong.
    pub(crate) async fn rage(mut self, ends: bool) -> String {
        let began = Instant::now();
        for due in Schedule::new(self.chaos.seed) {
            tokio::time::sleep(due.after).await;
            let raged = began.elapsed();
            if ends && (raged > MOST || raged > LEAST && self.status.borrow().is_idle()) {
                break;
            }
            // Whoever waits for the end is not given more and more to wait for.
            let more = !ends || raged <= LEAST;
            if more || due.blow != Blow::AskAgain {
                self.strike(&due).await;
            }
        }
        self.chaos.messages.calm_down();
        self.stuck().await
    }

    async fn strike(&self, due: &Due) {
        let tally = &self.chaos.messages.tally;
        let targets = &self.targets;
        let (done, count) = match due.blow {
            Blow::KillMachine => (
                targets.machines.hit(due.pick, Hit::Kill),
                &tally.machines_killed,
            ),
            Blow::FreezeMachine(length) => (
                targets.machines.hit(due.pick, Hit::Freeze(length)),
                &tally.machines_frozen,
            ),
            Blow::CutCoordinator(away) => (targets.coordinator.cut(away), &tally.coordinator_cut),
            Blow::CutHub(away) => (targets.hub.cut(away), &tally.hub_cut),
            Blow::AskAgain => (self.ask_again(due.pick).await, &tally.asked_again),
        };
        if done {
            count.add();
        }
    }

    /// False if there is nothing to ask for, or enough.
    async fn ask_again(&self, pick: u64) -> bool {
        if self.status.borrow().open >= OPEN {
            return false;
        }
        let Some((builder, commit)) = self.chaos.ledger.some_ended(pick) else {
            return false;
        };
        let Targets {
            bus, clock, ids, ..
        } = &self.targets;
        let Ok(id) = ids.hex(16).parse() else {
            return false;
        };
        let command = Command {
            id,
            actor: "farm up --chaos".to_owned(),
            ask: Ask::Clear { builder, commit },
        };
        let event = Event::of(command.id.to_string(), SOURCE, clock.now(), &command);
        match event {
            Ok(event) => bus.publish(Command::TOPIC, &event).await.is_ok(),
            Err(_) => false,
        }
    }

    async fn stuck(&mut self) -> String {
        loop {
            let before = (self.status.borrow().clone(), self.chaos.ledger.deliveries());
            let deadline = Instant::now() + STUCK;
            while (self.status.borrow().clone(), self.chaos.ledger.deliveries()) == before {
                if Instant::now() > deadline && before.0.open > 0 {
                    let open = before.0.open;
                    return format!(
                        "{open} open, and nothing has happened for {STUCK:?} after the storm"
                    );
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}
