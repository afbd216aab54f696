//! Which branch of which repository a page is about, and addresses of such pages.

use axum::extract::Query;
use farm_model::Timestamp;
use farm_model::id::RepoName;
use farm_model::view::{FarmView, RepositoryView};
use percent_encoding::{AsciiSet, CONTROLS, PercentEncode, utf8_percent_encode};
use serde::Deserialize;

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
}

/// A branch that there is.
pub(super) struct Place<'a> {
    pub(super) repo: &'a RepositoryView,
    pub(super) branch: &'a str,
}

/// Where the query points: by default to the default branch of the first repository. None where the farm has no
/// repository or the repository no branch yet.
pub(super) fn find(farm: &FarmView, wanted: Wanted) -> Result<Option<Place<'_>>, Trouble> {
    let Some(repo) = repository(farm, wanted.repo)? else {
        return Ok(None);
    };
    let branch = match wanted.branch.filter(|name| !name.is_empty()) {
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

fn repository(farm: &FarmView, name: Option<String>) -> Result<Option<&RepositoryView>, Trouble> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Ok(farm.repositories.first());
    };
    let mut all = farm.repositories.iter();
    let found = all.find(|repo| repo.name.as_str() == name);
    let missing = || Trouble::Missing(format!("This farm has no repository {name:?}."));
    found.map(Some).ok_or_else(missing)
}

/// The page of a branch; of a repository's default branch where there is none; of a past moment where there is one.
pub(super) fn address(repo: &RepoName, branch: Option<&str>, at: Option<Timestamp>) -> String {
    let mut address = format!("/?repo={repo}");
    if let Some(branch) = branch {
        address += &format!("&branch={}", encoded(branch));
    }
    if let Some(at) = at {
        address += &format!("&at={at}");
    }
    address
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
}
