//! What the front page says first: is it green?

use farm_model::Timestamp;
use farm_model::view::{GridView, Status};

use super::cells::Badge;
use super::commit;
use super::filter::{cell, in_order};
use super::grid::outcome;
use super::standing::{Red, Standing};

/// Red builders that are named; the rest is counted.
const NAMED: usize = 12;

/// Of a branch.
pub(super) struct Verdict<'a> {
    pub(super) badge: Badge,
    /// `2 of 95 builders`.
    pub(super) words: String,
    pub(super) red: Vec<Broken<'a>>,
    /// Red builders beyond those.
    pub(super) more: usize,
    /// What became of the newest commit.
    pub(super) newest: String,
}

/// A builder that is red.
pub(super) struct Broken<'a> {
    pub(super) builder: &'a str,
    /// The page of its newest red build.
    pub(super) build: String,
    /// The oldest commit since which it is red, and the page of that.
    pub(super) since: &'a str,
    pub(super) commit: String,
    /// The commit before that was green, so it is this one that broke it, or one that was not built.
    pub(super) known: bool,
}

impl<'a> Verdict<'a> {
    /// Of the branch in `view`, as it was at the moment `at` where there is one.
    pub(super) fn new(view: &'a GridView, at: Option<Timestamp>) -> Self {
        let Standing {
            mut red,
            green,
            silent,
        } = Standing::of(view);
        let order = in_order(view);
        red.sort_by_key(|red| order.iter().position(|column| *column == red.column));
        let all = view.builders.len();
        let (badge, words) = match (red.len(), green) {
            (0, 0) => (
                Badge::from(Status::Queued).saying("no result yet"),
                String::new(),
            ),
            (0, _) if silent.is_empty() => (Badge::from(Status::Ok).saying("green"), all_of(all)),
            (0, green) => (
                Badge::from(Status::Ok).saying("green"),
                format!(
                    "{green} of {all} builders, no result yet of {}",
                    silent.len()
                ),
            ),
            (red, _) => (
                Badge::from(Status::Failed).saying("red"),
                if red == all {
                    all_of(all)
                } else {
                    format!("{red} of {all} builders")
                },
            ),
        };
        let named = red
            .iter()
            .take(NAMED)
            .filter_map(|red| broken(view, red, at));
        Self {
            badge,
            words,
            more: red.len().saturating_sub(NAMED),
            red: named.collect(),
            newest: view.rows.first().map(outcome).unwrap_or_default(),
        }
    }
}

fn all_of(builders: usize) -> String {
    match builders {
        1 => "the one builder".to_owned(),
        _ => format!("all {builders} builders"),
    }
}

fn broken<'a>(view: &'a GridView, red: &Red, at: Option<Timestamp>) -> Option<Broken<'a>> {
    let since = &view.rows.get(red.since)?.commit;
    let newest = cell(view.rows.get(red.newest)?, red.column)?;
    let at = at.map(|at| format!("?at={at}")).unwrap_or_default();
    Some(Broken {
        builder: view.builders.get(red.column)?.as_str(),
        build: format!("/build/{}{at}", newest.build),
        since: since.id.short(),
        commit: commit::address(&view.repo, &since.id),
        known: red.known,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_builder_is_not_all_of_them() {
        assert_eq!(all_of(1), "the one builder");
        assert_eq!(all_of(2), "all 2 builders");
    }
}
