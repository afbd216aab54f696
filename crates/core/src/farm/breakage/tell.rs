//! What a commit broke is gathered for a while and told at once; so is what of that is mended.

use jiff::Timestamp;

use farm_model::id::{CommitId, RepoName};
use farm_model::kept::{Broken, Kept, Told};
use farm_model::message::result::{BuildersBroken, BuildersMended};
use farm_model::view::Breakage;

use super::{Breakages, Farm};
use crate::effects::Effects;
use crate::policy::{Policy, later};

/// Commits of which something is told in one decision; the rest waits for the next.
const AT_ONCE: usize = 20;
/// Of the breakages in one message, in bytes: an event takes 128 KiB.
const LARGEST: usize = 96 << 10;

/// What is told of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Broken,
    Mended,
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Telling {
    what: What,
    repo: RepoName,
    branch: String,
    commit: CommitId,
}

impl Telling {
    fn of(what: What, breakage: &Breakage) -> Self {
        Self {
            what,
            repo: breakage.repo.clone(),
            branch: breakage.branch.clone(),
            commit: breakage.commit.clone(),
        }
    }

    fn prefix(&self) -> String {
        Broken::of_commit(&self.repo, &self.branch, &self.commit)
    }

    /// Since when a breakage waits for this.
    fn since(&self, broken: &Broken) -> Option<Timestamp> {
        match (self.what, broken.told) {
            (What::Broken, Told::Waits) => Some(broken.breakage.at),
            (What::Mended, Told::Broken { .. }) => Some(broken.breakage.mended.as_ref()?.at),
            _ => None,
        }
    }

    /// In which part of this a breakage was told.
    fn part(&self, told: Told) -> Option<u32> {
        match self.what {
            What::Broken => told.broken_in(),
            What::Mended => told.mended_in(),
        }
    }

    fn announce(&self, part: u32, breakages: Vec<Breakage>, now: Timestamp, to: &mut Effects) {
        let Self {
            what,
            repo,
            branch,
            commit,
        } = self.clone();
        let of = format!("{repo}:{branch}:{commit}:{part}");
        match what {
            What::Broken => {
                let message = BuildersBroken {
                    repo,
                    branch,
                    commit,
                    part,
                    breakages,
                };
                to.tell(format!("broken:{of}"), now, &message);
            }
            What::Mended => {
                let message = BuildersMended {
                    repo,
                    branch,
                    commit,
                    part,
                    breakages,
                };
                to.tell(format!("mended:{of}"), now, &message);
            }
        }
    }
}

/// What a breakage becomes once it is told in a part.
fn after(before: Told, part: u32) -> Told {
    match before.broken_in() {
        None => Told::Broken { part },
        Some(broken) => Told::Mended {
            part: broken,
            mended: part,
        },
    }
}

/// Whether something of a breakage is still to be told.
pub(super) fn is_open(broken: &Broken) -> bool {
    let waits = |what| Telling::of(what, &broken.breakage).since(broken).is_some();
    waits(What::Broken) || waits(What::Mended)
}

impl Breakages {
    /// When the next telling is due.
    pub(in crate::farm) fn next_wake(&self, policy: &Policy) -> Option<Timestamp> {
        let first = self.waiting.values().min()?;
        Some(later(*first, policy.gather))
    }
}

impl Farm {
    /// What is told of a breakage's commit may be something else now, or wait since another time.
    pub(super) fn expect_telling(&mut self, broken: &Broken) {
        for what in [What::Broken, What::Mended] {
            let telling = Telling::of(what, &broken.breakage);
            let prefix = telling.prefix();
            let all = self.broken(&prefix);
            let since = all.filter_map(|broken| telling.since(broken)).min();
            match since {
                Some(since) => self.breakages.waiting.insert(telling, since),
                None => self.breakages.waiting.remove(&telling),
            };
        }
    }

    /// Tells what has been gathered for long enough.
    pub(in crate::farm) fn tell_breakages(&mut self, now: Timestamp, effects: &mut Effects) {
        let due = self.breakages.waiting.iter();
        let due = due.filter(|(_, since)| now >= later(**since, self.policy.gather));
        let due: Vec<Telling> = due.map(|(of, _)| of.clone()).take(AT_ONCE).collect();
        for telling in due {
            self.tell(&telling, now, effects);
        }
    }

    fn tell(&mut self, telling: &Telling, now: Timestamp, effects: &mut Effects) {
        let prefix = telling.prefix();
        let parts = self
            .broken(&prefix)
            .filter_map(|broken| telling.part(broken.told));
        let mut part = parts.max().unwrap_or(0);
        let all = self.broken(&prefix);
        let new = all.filter(|broken| telling.since(broken).is_some());
        for together in in_parts(new.cloned().collect()) {
            part += 1;
            let breakages = together.iter().map(|broken| broken.breakage.clone());
            telling.announce(part, breakages.collect(), now, effects);
            for mut broken in together {
                broken.told = after(broken.told, part);
                self.book.put(Kept::Breakage(broken), effects);
            }
        }
        self.breakages.waiting.remove(telling);
    }
}

/// As few parts as messages of [`LARGEST`] bytes allow.
fn in_parts(all: Vec<Broken>) -> Vec<Vec<Broken>> {
    let mut parts: Vec<Vec<Broken>> = Vec::new();
    let mut size = LARGEST;
    for broken in all {
        // Our own records have text keys only, so their serialisation does not fail.
        let bytes = serde_json::to_string(&broken.breakage).map_or(0, |text| text.len());
        size += bytes;
        match parts.last_mut().filter(|_| size <= LARGEST) {
            Some(part) => part.push(broken),
            None => {
                size = bytes;
                parts.push(vec![broken]);
            }
        }
    }
    parts
}
