//! Which branch of which repository a page is about, and addresses of such pages.

use axum::extract::Query;
use farm_model::Timestamp;
use farm_model::id::RepoName;
use farm_model::view::{FarmView, RepositoryView};
use percent_encoding::{AsciiSet, CONTROLS, PercentEncode, utf8_percent_encode};
use serde::Deserialize;

use super::filter::Filter;
use super::trouble::Trouble;

/// What would end or change a value in a query.
const SPECIAL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'+')
    .add(b'<')
    .add(b'>');

/// The query of a page.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    repo: Option<String>,
    branch: Option<String>,
    /// A past moment.
    pub(super) at: Option<String>,
    /// A sheet of older commits.
    sheet: Option<String>,
    /// Of what is there, what is shown.
    #[serde(flatten)]
    pub(super) filter: Filter,
}

/// A query that cannot be read asks for nothing in particular.
pub(super) type WantedQuery = Result<Query<Wanted>, axum::extract::rejection::QueryRejection>;

/// What the query asks for.
pub(super) fn wanted(query: WantedQuery) -> Wanted {
    query.map(|Query(wanted)| wanted).unwrap_or_default()
}

impl Wanted {
    /// The same of two questions with the same answer at the moment `at`, however it was written.
    pub(super) fn tag(&self, at: Timestamp) -> String {
        hex::encode(format!("{:?}", (&self.repo, &self.branch, at)))
    }

    /// The sheet that is asked for, if one is.
    pub(super) fn sheet(&self) -> Result<Option<u64>, Trouble> {
        let Some(text) = self.sheet.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let shown: String = text.chars().take(60).collect();
        let unclear = |_| {
            Trouble::Unclear(format!(
                "{shown:?} is no sheet: sheet= takes the number of a page of thirty commits, from 0."
            ))
        };
        text.parse().map(Some).map_err(unclear)
    }
}

/// A branch that there is.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) repo: &'a RepositoryView,
    pub(super) branch: &'a str,
}

impl Place<'_> {
    /// As the query of pages about it: `?repo=demo&branch=main`.
    pub(super) fn query(&self) -> String {
        query(&self.repo.name, Some(self.branch))
    }
}

/// Where the query points: by default to the default branch of the first repository. None where the farm has no
/// repository or the repository no branch yet.
pub(super) fn find<'a>(farm: &'a FarmView, wanted: &Wanted) -> Result<Option<Place<'a>>, Trouble> {
    let Some(repo) = repository(farm, wanted)? else {
        return Ok(None);
    };
    let branch = match wanted.branch.as_deref().filter(|name| !name.is_empty()) {
        None => repo.branches.first(),
        Some(name) => {
            let found = repo.branches.iter().find(|branch| **branch == name);
            Some(found.ok_or_else(|| {
                Trouble::Missing(format!(
                    "The repository {} has no branch {name:?}.",
                    repo.name
                ))
            })?)
        }
    };
    Ok(branch.map(|branch| Place { repo, branch }))
}

/// The repository that the query names, by default the first.
pub(super) fn repository<'a>(
    farm: &'a FarmView,
    wanted: &Wanted,
) -> Result<Option<&'a RepositoryView>, Trouble> {
    let Some(name) = wanted.repo.as_deref().filter(|name| !name.is_empty()) else {
        return Ok(farm.repositories.first());
    };
    let mut all = farm.repositories.iter();
    let found = all.find(|repo| repo.name.as_str() == name);
    let missing = || Trouble::Missing(format!("This farm has no repository {name:?}."));
    found.map(Some).ok_or_else(missing)
}

/// The page of a branch; of a repository's default branch where there is none; of a past moment where there is one.
pub(super) fn address(repo: &RepoName, branch: Option<&str>, at: Option<Timestamp>) -> String {
    let mut address = format!("/{}", query(repo, branch));
    if let Some(at) = at {
        address += &format!("&at={at}");
    }
    address
}

/// What pages about a branch, or a repository, have after their path.
pub(super) fn query(repo: &RepoName, branch: Option<&str>) -> String {
    match branch {
        Some(branch) => format!("?repo={repo}&branch={}", encoded(branch)),
        None => format!("?repo={repo}"),
    }
}

/// A value in a query.
pub(super) fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, SPECIAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_survives_its_address() {
        let repo: RepoName = "golang/tools".parse().unwrap();
        let odd = "a b&c=d#e%f+g<\"'é";
        let at = Timestamp::UNIX_EPOCH;
        let address = address(&repo, Some(odd), Some(at)).parse().unwrap();
        let Query(wanted): Query<Wanted> = Query::try_from_uri(&address).unwrap();
        assert_eq!(wanted.repo.as_deref(), Some("golang/tools"));
        assert_eq!(wanted.branch.as_deref(), Some(odd));
        assert_eq!(wanted.at, Some(at.to_string()));
    }

    #[test]
    fn a_filter_survives_its_address() {
        let filter = Filter {
            builder: "arm 64&x".to_owned(),
            red: "1".to_owned(),
            ..Filter::default()
        };
        let address = format!("/?sheet=7{}", filter.query()).parse().unwrap();
        let Query(wanted): Query<Wanted> = Query::try_from_uri(&address).unwrap();
        assert_eq!(wanted.filter.query(), "&builder=arm%2064%26x&red=1");
        assert_eq!(wanted.filter.builder, "arm 64&x");
        assert_eq!(wanted.sheet().unwrap(), Some(7));
        let Query(wanted): Query<Wanted> =
            Query::try_from_uri(&"/?sheet=x".parse().unwrap()).unwrap();
        assert!(wanted.sheet().is_err() && wanted.filter.is_empty());
    }
}
