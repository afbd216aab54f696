//! Machines that lose too much are set aside for a while, with the evidence.
//!
//! A machine is judged by what others do meanwhile: where several lose something at about the same time, the trouble is a
//! hub's or the network's, and never is more than half of the fleet set aside.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use farm_model::id::{AttemptKey, BuildId, HubId, MachineId, MachineName};
use farm_model::kept::{Aside, Count, Kept, KeptKey, KeptKind};

use super::Farm;
use super::burst::Burst;
use crate::effects::{Effects, ViewKey};
use crate::policy::{Policy, earlier, later};
use crate::queue::JobRef;

/// Attempts of a machine that are remembered.
const REMEMBERED: usize = 100;
/// Losses of all machines that are remembered.
const ALL_REMEMBERED: usize = 10_000;
/// Attempts that are named as evidence.
const EVIDENCE: usize = 10;

/// An attempt that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ended {
    at: Timestamp,
    attempt: AttemptKey,
    lost: bool,
}

/// One that was lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Loss {
    pub(super) at: Timestamp,
    pub(super) machine: MachineName,
    pub(super) hub: HubId,
    pub(super) build: BuildId,
}

/// What machines have lost lately.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Losses {
    ended: BTreeMap<MachineName, VecDeque<Ended>>,
    /// Oldest first.
    all: VecDeque<Loss>,
    /// The latest of them, counted.
    #[serde(skip)]
    burst: Burst,
    /// Those that have lost something since they were last judged.
    fresh: BTreeSet<(MachineName, HubId)>,
    /// When machines that were set aside are tried again.
    releases: BTreeSet<(Timestamp, MachineName)>,
    /// The last attempt that each machine lost.
    pub(super) last: BTreeMap<MachineId, (Timestamp, AttemptKey)>,
}

impl Losses {
    fn note(&mut self, machine: &MachineName, hub: &HubId, ended: Ended) {
        if ended.lost {
            self.fresh.insert((machine.clone(), hub.clone()));
            let loss = Loss {
                at: ended.at,
                machine: machine.clone(),
                hub: hub.clone(),
                build: ended.attempt.build.clone(),
            };
            self.burst.note(&loss);
            self.all.push_back(loss);
            if self.all.len() > ALL_REMEMBERED {
                self.all.pop_front();
            }
        }
        let of_machine = self.ended.entry(machine.clone()).or_default();
        of_machine.push_back(ended);
        if of_machine.len() > REMEMBERED {
            of_machine.pop_front();
        }
    }

    /// Forgets what is older than `limit`; returns whose losses that were.
    fn forget(&mut self, limit: Timestamp) -> BTreeSet<MachineName> {
        let mut whose = BTreeSet::new();
        while let Some(loss) = self.all.front()
            && loss.at < limit
        {
            whose.extend(self.all.pop_front().map(|loss| loss.machine));
        }
        self.ended.retain(|_, ended| {
            while ended.front().is_some_and(|ended| ended.at < limit) {
                ended.pop_front();
            }
            !ended.is_empty()
        });
        self.last.retain(|_, (at, _)| *at >= limit);
        whose
    }

    fn lost_by(&self, machine: &MachineName) -> impl Iterator<Item = &Ended> {
        let ended = self.ended.get(machine).into_iter().flatten();
        ended.filter(|ended| ended.lost)
    }

    /// Whether its losses alone speak against the machine: enough of them, and half of what it ran.
    fn speak_against(&self, policy: &Policy, machine: &MachineName) -> bool {
        let lost = self.lost_by(machine).count();
        let ended = self.ended.get(machine).map_or(0, VecDeque::len);
        lost >= policy.aside_losses && lost * 2 >= ended
    }
}

impl Farm {
    /// An attempt on a machine is over.
    pub(super) fn note_ended(
        &mut self,
        machine: &MachineId,
        hub: &HubId,
        attempt: AttemptKey,
        lost: bool,
        at: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(name) = machine.name() else {
            return;
        };
        if lost {
            self.losses
                .last
                .insert(machine.clone(), (at, attempt.clone()));
        } else {
            self.forgive(&name, effects);
        }
        self.losses.note(&name, hub, Ended { at, attempt, lost });
        let losses = self.losses.lost_by(&name).count();
        self.fleet.set_losses(&name, losses);
    }

    /// Whether others lose something as well, other builds than `but`: at least one, and a quarter of those on the same
    /// hub, or of all.
    pub(super) fn is_shared(
        &mut self,
        (machine, hub): (&MachineName, &HubId),
        but: Option<&BuildId>,
        now: Timestamp,
    ) -> bool {
        let burst = &mut self.losses.burst;
        burst.slide(earlier(now, self.policy.burst));
        let many = |losing: usize, connected: usize| losing > 0 && losing * 4 >= connected;
        let of_hub = burst.others(machine, Some(hub), but);
        many(of_hub, self.fleet.count_of(hub))
            || many(burst.others(machine, None, but), self.fleet.names())
    }

    /// What came out well makes up for one time that it was set aside.
    fn forgive(&mut self, machine: &MachineName, effects: &mut Effects) {
        let times = self.times_aside(machine);
        if times > 0 {
            self.count_aside(machine, times - 1, effects);
        }
    }

    fn times_aside(&self, machine: &MachineName) -> u32 {
        match self.book.get(KeptKind::Count, &times_key(machine)) {
            Some(Kept::Count(count)) => u32::try_from(count.count).unwrap_or(u32::MAX),
            _ => 0,
        }
    }

    fn count_aside(&mut self, machine: &MachineName, times: u32, effects: &mut Effects) {
        let count = Kept::Count(Count {
            of: times_key(machine),
            count: u64::from(times),
        });
        if times == 0 {
            self.book.take(&count.key(), effects);
        } else {
            self.book.put(count, effects);
        }
    }

    /// Goes on from what was known of losses.
    pub(super) fn know_losses(&mut self, losses: Losses) {
        self.losses = losses;
        for loss in &self.losses.all {
            self.losses.burst.note(loss);
        }
        for name in self.losses.ended.keys() {
            let losses = self.losses.lost_by(name).count();
            self.fleet.set_losses(name, losses);
        }
    }

    /// Forgets old losses.
    pub(super) fn forget_losses(&mut self, now: Timestamp) {
        self.losses.burst.slide(earlier(now, self.policy.burst));
        let limit = earlier(now, self.policy.aside_window);
        for name in self.losses.forget(limit) {
            let losses = self.losses.lost_by(&name).count();
            self.fleet.set_losses(&name, losses);
        }
    }

    /// Sets machines aside that have lost too much.
    pub(super) fn judge_machines(&mut self, now: Timestamp, effects: &mut Effects) {
        for (name, hub) in std::mem::take(&mut self.losses.fresh) {
            let guilty = self.losses.speak_against(&self.policy, &name)
                && !self.is_shared((&name, &hub), None, now);
            if !guilty || self.book.aside(&name).is_some() || !self.may_set_aside() {
                continue;
            }
            let lost: Vec<AttemptKey> = self
                .losses
                .lost_by(&name)
                .map(|ended| ended.attempt.clone())
                .collect();
            let ended = self.losses.ended.get(&name).map_or(0, VecDeque::len);
            let reason = format!(
                "it lost {} of the last {ended} jobs that it had",
                lost.len()
            );
            self.set_aside(&name, reason, lost, now, effects);
        }
    }

    /// Never more than half of the fleet.
    pub(super) fn may_set_aside(&self) -> bool {
        (self.losses.releases.len() + 1) * 2 <= self.fleet.names()
    }

    /// Sets a machine aside, each time for longer.
    pub(super) fn set_aside(
        &mut self,
        machine: &MachineName,
        reason: String,
        mut evidence: Vec<AttemptKey>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let times = self.times_aside(machine).saturating_add(1);
        self.count_aside(machine, times, effects);
        let until = later(now, self.policy.aside_for(times));
        evidence.drain(..evidence.len().saturating_sub(EVIDENCE));
        let detail = [("machine", machine.to_string()), ("reason", reason.clone())];
        effects.note(now, "machine-aside", &detail);
        let aside = Aside {
            machine: machine.clone(),
            reason,
            evidence,
            at: now,
            until: Some(until),
            times,
        };
        self.book.put(Kept::Aside(aside), effects);
        // It begins anew when it is tried again.
        self.losses.ended.remove(machine);
        self.machines_changed(machine);
        effects.dirty.insert(ViewKey::Farm);
    }

    /// Nothing is kept of when and how often a machine was set aside.
    pub(super) fn forget_aside(&mut self, machine: &MachineName, effects: &mut Effects) {
        self.book.take(&aside_key(machine), effects);
        self.count_aside(machine, 0, effects);
    }

    /// Machines that were set aside long enough are tried again.
    pub(super) fn release_machines(&mut self, now: Timestamp, effects: &mut Effects) {
        while let Some((until, _)) = self.losses.releases.first()
            && *until <= now
        {
            let Some((_, machine)) = self.losses.releases.pop_first() else {
                return;
            };
            if self.book.take(&aside_key(&machine), effects).is_none() {
                continue;
            }
            effects.note(
                now,
                "machine-tried-again",
                &[("machine", machine.to_string())],
            );
            self.machines_changed(&machine);
            effects.dirty.insert(ViewKey::Farm);
        }
    }

    /// What is kept of machines that are not used, after a start or a change.
    pub(super) fn note_releases(&mut self) {
        let aside = self.book.of(KeptKind::Aside).filter_map(|kept| match kept {
            Kept::Aside(aside) => Some((aside.until?, aside.machine.clone())),
            _ => None,
        });
        self.losses.releases = aside.collect();
    }

    /// When the next machine is tried again.
    pub(super) fn next_release(&self) -> Option<Timestamp> {
        self.losses.releases.first().map(|(until, _)| *until)
    }

    /// Machines that have lost a job, and until when it waits for another.
    pub(super) fn spurned(&self, job: &JobRef) -> (Vec<MachineId>, Timestamp) {
        let mut machines = Vec::new();
        let mut last = Timestamp::MIN;
        let mut losses = 0;
        for attempt in self.attempts_of(job) {
            if let Some(at) = super::attempts::lost_at(attempt) {
                losses += 1;
                last = last.max(at);
                if !machines.contains(&attempt.machine) {
                    machines.push(attempt.machine.clone());
                }
            }
        }
        (machines, later(last, self.policy.elsewhere_for(losses)))
    }
}

fn times_key(machine: &MachineName) -> String {
    format!("aside/{machine}")
}

fn aside_key(machine: &MachineName) -> KeptKey {
    KeptKey {
        kind: KeptKind::Aside,
        key: machine.to_string(),
    }
}
