//! Numbers of commits: a commit's place on its branch, counted from the oldest that the farm has seen. They are dense, and
//! stay as they are for as long as nobody rewrites the branch.

use farm_model::record::{Branch, CommitInfo, Numbered};
use farm_model::view::sheet_of;

use crate::effects::{Effects, ViewKey};

/// `after` with its numbers, where `before` is the same branch as it was read last: what is on top of the newest commit that
/// both have counts on from there. A branch that shares nothing with what it was goes on from its old end.
pub(super) fn numbered(before: Option<&Branch>, mut after: Branch) -> Branch {
    let start = before.map_or(0, |before| match fork(before, &after) {
        Some((was, is)) => (before.total + is as u64).saturating_sub(was as u64),
        None => before.total + after.commits.len() as u64,
    });
    after.total = start;
    // A branch that was rewound behind the oldest commit that was ever seen begins there.
    numbered_at_least(after)
}

/// A record of before commits had numbers: those that it holds are the first.
pub(super) fn numbered_at_least(mut branch: Branch) -> Branch {
    branch.total = branch.total.max(branch.commits.len() as u64);
    branch
}

/// How far the newest commit that both have lies behind the heads of `before` and of `after`.
fn fork(before: &Branch, after: &Branch) -> Option<(usize, usize)> {
    after.commits.iter().enumerate().find_map(|(is, commit)| {
        let was = before.commits.iter().position(|of| of.id == commit.id)?;
        Some((was, is))
    })
}

/// Everything that a branch holds, as it is kept.
#[must_use]
pub fn all_numbers(branch: &Branch) -> Numbered {
    newest(branch, branch.commits.len())
}

/// The newest `count` commits, as they are kept.
fn newest(branch: &Branch, count: usize) -> Numbered {
    let commits: Vec<CommitInfo> = branch.commits[..count].iter().rev().cloned().collect();
    Numbered {
        repo: branch.repo.clone(),
        branch: branch.name.clone(),
        first: branch.total.saturating_sub(count as u64),
        commits,
        total: branch.total,
    }
}

/// What of a branch's numbers has changed.
fn changed(before: Option<&Branch>, after: &Branch) -> Numbered {
    let shared = before.and_then(|before| {
        let (was, is) = fork(before, after)?;
        let same = before.number_at(was) == after.number_at(is);
        // Behind a gap, where more came at once than are read, what is further back may have had other numbers.
        let deeper = after.commits.len() - is > before.commits.len() - was;
        (same && !deeper).then_some(is)
    });
    match shared {
        Some(new) => newest(after, new),
        None => all_numbers(after),
    }
}

/// A branch has moved: its numbers are kept, and the documents are out of date that show what has changed.
pub(super) fn note_numbers(before: Option<&Branch>, after: &Branch, effects: &mut Effects) {
    let numbers = changed(before, after);
    let end = before.map_or(0, |before| before.total).max(after.total);
    for sheet in sheet_of(numbers.first)..=sheet_of(end.saturating_sub(1)) {
        effects.dirty.insert(ViewKey::Sheet {
            repo: after.repo.clone(),
            branch: after.name.clone(),
            sheet,
        });
    }
    let gone = before.into_iter().flat_map(|before| {
        let stays = |commit: &&CommitInfo| after.number_of(&commit.id).is_some();
        let left = before.commits.iter().take_while(move |of| !stays(of));
        left.cloned()
    });
    for commit in gone.chain(numbers.commits.iter().cloned()) {
        effects.dirty.insert(ViewKey::Commit {
            repo: after.repo.clone(),
            commit: commit.id,
        });
    }
    effects.numbers.push(numbers);
}

#[cfg(test)]
mod tests;
