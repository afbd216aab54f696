//! The choice of repositories and branches, and how each stands.

use std::time::Duration;

use farm_model::Timestamp;
use farm_model::id::RepoName;
use farm_model::view::{FarmView, key};
use futures::future::join_all;

use super::Dashboard;
use super::cells::Badge;
use super::place::{Place, query};
use super::standing::Summary;

/// How old a standing may be: a page reads many of them.
pub(super) const FRESH: Duration = Duration::from_secs(5);
/// Branches of which a page tells how they stand, repositories' default branches first.
const TOLD: usize = 24;

/// Choices in the navigation.
#[derive(Default)]
pub(super) struct Tabs<'a> {
    pub(super) repos: Vec<Tab<'a>>,
    pub(super) branches: Vec<Tab<'a>>,
}

/// A choice.
pub(super) struct Tab<'a> {
    pub(super) name: &'a str,
    pub(super) address: String,
    pub(super) here: bool,
    /// How it stands, and in words.
    pub(super) state: Option<(Badge, String)>,
    /// Whose standing that is.
    of: Option<(&'a RepoName, &'a str)>,
}

impl<'a> Tabs<'a> {
    /// To the page `path` of other branches, from `place`; of a past moment where there is one.
    pub(super) fn new(
        path: &str,
        farm: &'a FarmView,
        place: Option<&Place<'a>>,
        at: Option<Timestamp>,
    ) -> Self {
        let address = |repo, branch| {
            let at = at.map(|at| format!("&at={at}")).unwrap_or_default();
            format!("{path}{}{at}", query(repo, branch))
        };
        let repos = farm.repositories.iter().map(|repo| Tab {
            name: repo.name.as_str(),
            address: address(&repo.name, None),
            here: place.is_some_and(|place| place.repo.name == repo.name),
            state: None,
            of: repo
                .branches
                .first()
                .map(|branch| (&repo.name, branch.as_str())),
        });
        let here = place.map_or(&[][..], |place| &place.repo.branches);
        let branches = here
            .iter()
            .zip(place.into_iter().cycle())
            .map(|(branch, place)| Tab {
                name: branch,
                address: address(&place.repo.name, Some(branch.as_str())),
                here: branch == place.branch,
                state: None,
                of: Some((&place.repo.name, branch.as_str())),
            });
        Self {
            repos: repos.collect(),
            branches: branches.collect(),
        }
    }

    /// With the standing of each. What cannot be read is not told.
    pub(super) async fn told(mut self, dashboard: &Dashboard) -> Self {
        let all = self.repos.iter_mut().chain(&mut self.branches);
        join_all(all.take(TOLD).map(|tab| async move {
            let (repo, branch) = tab.of?;
            let summary = dashboard.standings.get(&key::grid(repo, branch)).await;
            tab.state = summary.ok()?.and_then(|summary| state(summary.view));
            Some(())
        }))
        .await;
        self
    }

    /// Two with the same text look the same.
    pub(super) fn tag(&self) -> String {
        let all = self.repos.iter().chain(&self.branches);
        all.map(|tab| tab.state.as_ref().map_or("", |(_, words)| words.as_str()))
            .collect::<Vec<_>>()
            .join(",")
    }
}

fn state(summary: Summary) -> Option<(Badge, String)> {
    match summary {
        Summary::Red(count) => Some((
            farm_model::view::Status::Failed.into(),
            format!("{count} red"),
        )),
        Summary::Green => Some((farm_model::view::Status::Ok.into(), "green".to_owned())),
        Summary::Unknown => None,
    }
}
