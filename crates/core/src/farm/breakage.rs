//! Which commits turned builders red, and which green again (spec `dashboard.md` 7): in whichever order results come.

mod tell;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use farm_model::id::CommitId;
use farm_model::kept::{Broken, Kept, KeptKey, KeptKind, Told};
use farm_model::record::{BuildKey, CommitInfo};
use farm_model::view::{Breakage, BreakagesView, Mended};

use self::tell::Telling;
use super::culprit::{Line, key_of};
use super::{Farm, newest};
use crate::culprit::{Known, breakers};
use crate::effects::{Effects, ViewKey};
use crate::failure::cut;
use crate::policy::earlier;

/// Lines that are looked at in one decision; the rest waits for the next.
const AT_ONCE: usize = 20;
/// Breakages that are remembered, of all branches.
const KEPT: usize = 20_000;
/// Of a subject, and of an author, in bytes.
const LONGEST: usize = 200;

/// What is to be done about breakages; they lie in the book.
#[derive(Debug, Default)]
pub(super) struct Breakages {
    /// Lines that have changed since they were looked at.
    pub(super) due: BTreeSet<Line>,
    /// What waits to be told, and since when: what the records say, found quickly.
    waiting: BTreeMap<Telling, Timestamp>,
}

impl Farm {
    /// What waited to be told when the last leader ended still does.
    pub(super) fn restore_breakages(&mut self) {
        let all = self.broken("");
        let open = all.filter(|broken| tell::is_open(broken));
        for broken in &open.cloned().collect::<Vec<Broken>>() {
            self.expect_telling(broken);
        }
    }

    /// Looks at lines that have changed.
    pub(super) fn look_for_breakages(&mut self, now: Timestamp, effects: &mut Effects) {
        for _ in 0..AT_ONCE {
            let Some(line) = self.breakages.due.pop_first() else {
                return;
            };
            let Some(branch) = self.branch(&line.repo, &line.branch) else {
                continue;
            };
            let commits = branch.commits.clone();
            let known = commits
                .iter()
                .map(|commit| self.known(&key_of(&line, &commit.id)));
            let known: Vec<Known> = known.collect();
            for at in breakers(&known) {
                self.note_breakage(&line, &commits[at], &commits[at + 1], now, effects);
            }
            self.look_for_mended(&line, &commits, &known, now, effects);
        }
    }

    fn note_breakage(
        &mut self,
        line: &Line,
        commit: &CommitInfo,
        green: &CommitInfo,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let key = Broken::key(&line.builder, &line.repo, &line.branch, &commit.id);
        if self.book.get(KeptKind::Breakage, &key).is_some() {
            return;
        }
        let (red, before) = (key_of(line, &commit.id), key_of(line, &green.id));
        let Some(breakage) = self.breakage(&red, commit, &green.id, now) else {
            return;
        };
        // A farm that has just learned to look finds what people have long known.
        let news = self.decided(&red).max(self.decided(&before));
        let told = match news.is_some_and(|at| at >= earlier(now, self.policy.news)) {
            true => Told::Waits,
            false => Told::Never,
        };
        note("broke", &breakage, &commit.id, now, effects);
        self.put_broken(Broken { breakage, told }, effects);
        self.strike_breakages(line, effects);
    }

    fn breakage(
        &self,
        key: &BuildKey,
        commit: &CommitInfo,
        green: &CommitId,
        now: Timestamp,
    ) -> Option<Breakage> {
        let build = key.id();
        let author = format!("{} <{}>", commit.author, commit.email);
        Some(Breakage {
            builder: key.builder.clone(),
            repo: key.repo.clone(),
            branch: key.branch.clone(),
            commit: commit.id.clone(),
            subject: cut(&commit.subject, LONGEST).to_owned(),
            author: cut(&author, LONGEST).to_owned(),
            green: green.clone(),
            run: newest(self.runs.get(&build)?).number,
            failure: self.failure(&build)?,
            build,
            at: now,
            mended: None,
        })
    }

    /// When the newest run of a build came out.
    fn decided(&self, key: &BuildKey) -> Option<Timestamp> {
        let verdict = newest(self.runs.get(&key.id())?).verdict.as_ref()?;
        Some(verdict.at)
    }

    fn look_for_mended(
        &mut self,
        line: &Line,
        commits: &[CommitInfo],
        known: &[Known],
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let prefix = Broken::of_branch(&line.repo, &line.branch);
        let open = self.broken(&prefix).filter(|broken| {
            broken.breakage.builder == line.builder && broken.breakage.mended.is_none()
        });
        let mended = open.filter_map(|broken| {
            let at = mended_by(&broken.breakage, commits, known)?;
            Some((broken.clone(), commits[at].id.clone()))
        });
        for (mut broken, commit) in mended.collect::<Vec<_>>() {
            note("mended", &broken.breakage, &commit, now, effects);
            broken.breakage.mended = Some(Mended { commit, at: now });
            if broken.told == Told::Waits {
                broken.told = Told::Never;
            }
            self.put_broken(broken, effects);
        }
    }

    /// Those whose key begins with `prefix`, by key.
    fn broken<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Broken> {
        let all = self.book.under(KeptKind::Breakage, prefix);
        all.filter_map(|kept| match kept {
            Kept::Breakage(broken) => Some(broken),
            _ => None,
        })
    }

    fn put_broken(&mut self, broken: Broken, effects: &mut Effects) {
        effects.dirty.insert(ViewKey::Breakages {
            repo: broken.breakage.repo.clone(),
            branch: broken.breakage.branch.clone(),
        });
        self.book.put(Kept::Breakage(broken.clone()), effects);
        self.expect_telling(&broken);
    }

    /// Of a branch's breakages the newest are kept, and those whose commit it still has: they would be found again.
    fn strike_breakages(&mut self, line: &Line, effects: &mut Effects) {
        let prefix = Broken::of_branch(&line.repo, &line.branch);
        let mut all: Vec<&Broken> = self.broken(&prefix).collect();
        all.sort_by_key(|broken| std::cmp::Reverse(broken.breakage.at));
        let gone = |broken: &&Broken| {
            let commit = &broken.breakage.commit;
            self.commit(&line.repo, &line.branch, commit).is_none()
        };
        let old = all.into_iter().skip(BreakagesView::MOST).filter(gone);
        let old: Vec<KeptKey> = old
            .map(|broken| Kept::Breakage(broken.clone()).key())
            .collect();
        for key in old {
            self.book.take(&key, effects);
        }
        self.forget_oldest(KeptKind::Breakage, KEPT, effects);
    }
}

/// Where in a line, newest first, a breakage is mended: by the breaking commit itself, run again, or by the first green
/// after it. Where the branch has the commit no more, all counts that came after what it had followed.
fn mended_by(breakage: &Breakage, commits: &[CommitInfo], known: &[Known]) -> Option<usize> {
    let place = |id: &CommitId| commits.iter().position(|commit| commit.id == *id);
    let broke = place(&breakage.commit);
    if let Some(at) = broke.filter(|at| known[*at] == Known::Green) {
        return Some(at);
    }
    let after = broke.or_else(|| place(&breakage.green));
    let later = &known[..after.unwrap_or(known.len())];
    later.iter().rposition(|known| *known == Known::Green)
}

/// A line of history.
fn note(what: &str, breakage: &Breakage, by: &CommitId, now: Timestamp, effects: &mut Effects) {
    let detail = [
        ("builder", breakage.builder.to_string()),
        ("repo", breakage.repo.to_string()),
        ("branch", breakage.branch.clone()),
        ("commit", by.to_string()),
    ];
    effects.note(now, what, &detail);
}
