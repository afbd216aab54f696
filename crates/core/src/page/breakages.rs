//! `breakages/<repo>/-/<branch>.json`: what broke on a branch.

use jiff::Timestamp;

use farm_model::kept::{Broken, Kept, KeptKind};
use farm_model::record::Branch;
use farm_model::view::{Breakage, BreakagesView};

use crate::farm::Farm;

/// The document of a branch.
pub(super) fn of(farm: &Farm, branch: &Branch, now: Timestamp) -> BreakagesView {
    let prefix = Broken::of_branch(&branch.repo, &branch.name);
    let all = farm.book().under(KeptKind::Breakage, &prefix);
    let mut breakages: Vec<&Breakage> = all
        .filter_map(|kept| match kept {
            Kept::Breakage(broken) => Some(&broken.breakage),
            _ => None,
        })
        .collect();
    breakages.sort_by_key(|breakage| std::cmp::Reverse(breakage.at));
    BreakagesView {
        made: now,
        repo: branch.repo.clone(),
        branch: branch.name.clone(),
        breakages: breakages
            .into_iter()
            .take(BreakagesView::MOST)
            .cloned()
            .collect(),
    }
}
