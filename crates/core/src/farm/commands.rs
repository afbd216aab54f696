//! What people ask for. Each command has its effect once, and is remembered with what came of it.

use jiff::Timestamp;

use farm_model::id::{BuildId, BuilderName, MachineName};
use farm_model::kept::{Asked, Drain, Kept, KeptKey, KeptKind, Pause};
use farm_model::message::command::{Ask, Command};
use farm_model::record::BuildKind;

use super::{Farm, newest};
use crate::effects::{Effects, ViewKey};
use crate::page;

/// Commands that are remembered.
const REMEMBERED: usize = 500;

impl Farm {
    /// What a person asked for.
    pub(super) fn command(&mut self, command: Command, now: Timestamp, effects: &mut Effects) {
        let key = format!("command:{}", command.id);
        if !self.inbox.use_up(&key, now) {
            effects.ignored += 1;
            return;
        }
        effects.inbox.push((key, now));
        let effect = self.obey(&command, now, effects);
        effects.note(
            now,
            "command",
            &[
                ("actor", command.actor.clone()),
                (
                    "ask",
                    serde_json::to_string(&command.ask).unwrap_or_default(),
                ),
                ("effect", effect.clone()),
            ],
        );
        let asked = Asked {
            id: command.id,
            actor: command.actor,
            ask: command.ask,
            at: now,
            effect,
        };
        self.remember(asked, effects);
    }

    /// Does it; what it did, for people.
    fn obey(&mut self, command: &Command, now: Timestamp, effects: &mut Effects) -> String {
        let actor = &command.actor;
        match &command.ask {
            Ask::Clear { builder, commit } => {
                let builds = self.by_commit.at(builder, commit).to_vec();
                let cause = format!("cleared by {actor}");
                let opened = builds
                    .iter()
                    .filter(|id| self.run_again(id, &cause, now, effects))
                    .count();
                format!("opened a new run of {opened} of {} builds", builds.len())
            }
            Ask::Retry { build } => {
                let cause = format!("retried by {actor}");
                match self.run_again(build, &cause, now, effects) {
                    true => "opened a new run".to_owned(),
                    false => "nothing: there is no such build that is over".to_owned(),
                }
            }
            Ask::Cancel { build } => {
                let why = format!("cancelled by {actor}");
                match self.cancel_run(build, &why, now, effects) {
                    true => "cancelled its open run".to_owned(),
                    false => "nothing: there is no such build that is open".to_owned(),
                }
            }
            Ask::Pause { builder, reason } => self.pause(builder, reason, actor, now, effects),
            Ask::Resume { builder } => self.resume(builder, effects),
            Ask::Drain { machine, reason } => self.drain(machine, reason, actor, now, effects),
            Ask::Undrain { machine } => self.undrain(machine, effects),
            Ask::RebuildViews => self.rebuild_views(effects),
        }
    }

    /// Opens the next run of a build that is over; false if it is not, or is unknown.
    fn run_again(
        &mut self,
        id: &BuildId,
        cause: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) -> bool {
        let run = self.runs.get(id).map(|runs| newest(runs));
        let run = run.filter(|run| run.verdict.is_some() && self.may_run_again(id));
        let Some(run) = run else {
            effects.ignored += 1;
            return false;
        };
        let number = run.number + 1;
        self.open_run(id, number, cause, now, effects);
        true
    }

    /// Not what a machine proved itself with, nor what no builder builds any more.
    fn may_run_again(&self, id: &BuildId) -> bool {
        let build = self.builds.get(id);
        build.is_some_and(|build| {
            !matches!(build.key.kind, BuildKind::Canary { .. })
                && self.config.builders.contains_key(&build.key.builder)
        })
    }

    fn pause(
        &mut self,
        builder: &BuilderName,
        reason: &str,
        actor: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) -> String {
        if !self.config.builders.contains_key(builder) {
            return format!("nothing: farm.toml has no builder {builder}");
        }
        let pause = Pause {
            builder: builder.clone(),
            reason: reason.to_owned(),
            actor: actor.to_owned(),
            at: now,
        };
        self.book.put(Kept::Pause(pause), effects);
        effects.dirty.insert(ViewKey::Farm);
        let builder = builder.clone();
        effects.dirty.insert(ViewKey::Builder { builder });
        self.lanes_changed();
        "paused it; what runs goes on".to_owned()
    }

    fn resume(&mut self, builder: &BuilderName, effects: &mut Effects) -> String {
        let key = KeptKey {
            kind: KeptKind::Pause,
            key: builder.to_string(),
        };
        effects.dirty.insert(ViewKey::Farm);
        let builder = builder.clone();
        effects.dirty.insert(ViewKey::Builder { builder });
        let was = self.book.take(&key, effects).is_some();
        self.lanes_changed();
        match was {
            true => "resumed it".to_owned(),
            false => "nothing: it is not paused".to_owned(),
        }
    }

    fn drain(
        &mut self,
        machine: &MachineName,
        reason: &str,
        actor: &str,
        now: Timestamp,
        effects: &mut Effects,
    ) -> String {
        let drain = Drain {
            machine: machine.clone(),
            reason: reason.to_owned(),
            actor: actor.to_owned(),
            at: now,
        };
        self.book.put(Kept::Drain(drain), effects);
        effects.dirty.insert(ViewKey::Farm);
        self.machines_changed(machine);
        "nothing more is leased to it; what it runs goes on".to_owned()
    }

    /// All documents are out of date. Those of commits and builds of long ago are many: sheets stand for them, until the
    /// coordinator comes to them.
    fn rebuild_views(&self, effects: &mut Effects) -> String {
        effects.dirty.extend(page::heads(self));
        let mut count = 0;
        for branch in self.branches.values() {
            for sheet in page::sheets(branch) {
                let (repo, branch) = (branch.repo.clone(), branch.name.clone());
                effects.dirty.extend([
                    ViewKey::Sheet {
                        repo: repo.clone(),
                        branch: branch.clone(),
                        sheet,
                    },
                    ViewKey::Below {
                        repo,
                        branch,
                        sheet,
                    },
                ]);
                count += 1;
            }
        }
        format!("everything is written anew, {count} sheets of commits and their builds among it")
    }

    fn undrain(&mut self, machine: &MachineName, effects: &mut Effects) -> String {
        let key = |kind| KeptKey {
            kind,
            key: machine.to_string(),
        };
        let drained = self.book.take(&key(KeptKind::Drain), effects);
        let aside = self.book.take(&key(KeptKind::Aside), effects);
        effects.dirty.insert(ViewKey::Farm);
        self.machines_changed(machine);
        match drained.or(aside) {
            Some(_) => "it is used again".to_owned(),
            None => "nothing: it was neither drained nor set aside".to_owned(),
        }
    }

    fn remember(&mut self, asked: Asked, effects: &mut Effects) {
        self.book.put(Kept::Asked(asked), effects);
        let mut all: Vec<(Timestamp, KeptKey)> = self
            .book
            .of(KeptKind::Asked)
            .filter_map(|kept| match kept {
                Kept::Asked(asked) => Some((asked.at, kept.key())),
                _ => None,
            })
            .collect();
        let excess = all.len().saturating_sub(REMEMBERED);
        all.sort();
        for (_, key) in all.into_iter().take(excess) {
            self.book.take(&key, effects);
        }
    }
}
