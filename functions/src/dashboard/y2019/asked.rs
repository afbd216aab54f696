//! What is asked.

use farm_model::id::CommitId;

use super::super::trouble::Trouble;

/// Commits of a page.
pub(super) const PAGE: u64 = 30;
/// Commits that may lie before a page.
const MOST: u64 = 10_000;
/// Commits that are named at once.
const NAMED: usize = 100;

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Json,
    Failures,
}

/// Which commits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// A name or an import path; empty: the main repository.
    pub(super) repo: String,
    /// Empty: what the mode says.
    pub(super) branch: String,
    pub(super) page: u64,
    /// Exactly these, where there are any.
    pub(super) commits: Vec<CommitId>,
}

impl Asked {
    /// None where no mode of 2019 is asked for. Of a parameter that is there twice the first counts.
    pub(super) fn read(pairs: Vec<(String, String)>) -> Option<(Mode, Result<Self, Trouble>)> {
        let first = |name: &str| {
            let found = pairs.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let mode = match first("mode") {
            "json" => Mode::Json,
            "failures" => Mode::Failures,
            _ => return None,
        };
        let hashes = pairs.iter().filter(|(key, _)| key == "hash");
        let hashes = hashes.map(|(_, hash)| hash.as_str());
        let read = || {
            Ok(Self {
                repo: first("repo").to_owned(),
                branch: first("branch").to_owned(),
                page: page(first("page"))?,
                commits: commits(hashes)?,
            })
        };
        Some((mode, read()))
    }

    /// Commits before the first that is shown.
    pub(super) fn skip(&self) -> u64 {
        self.page * PAGE
    }
}

fn page(text: &str) -> Result<u64, Trouble> {
    let unclear = || Trouble::Unclear(format!("page= counts from 0 to {}", MOST / PAGE));
    let page = match text {
        "" => 0,
        text => text.parse().map_err(|_| unclear())?,
    };
    (page <= MOST / PAGE).then_some(page).ok_or_else(unclear)
}

fn commits<'a>(hashes: impl Iterator<Item = &'a str>) -> Result<Vec<CommitId>, Trouble> {
    let hashes = hashes.filter(|hash| !hash.is_empty()).take(NAMED + 1);
    let commits: Result<Vec<CommitId>, _> = hashes.map(str::parse).collect();
    let commits = commits.map_err(|error| Trouble::Missing(error.to_string()))?;
    match commits.len() {
        ..=NAMED => Ok(commits),
        _ => Err(Trouble::Unclear(format!("at most {NAMED} commits at once"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Option<(Mode, Result<Asked, Trouble>)> {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Asked::read(query.iter().map(pair).collect())
    }

    #[test]
    fn any_other_mode_is_the_page_for_people() {
        assert!(read(&[]).is_none());
        assert!(read(&[("mode", "html")]).is_none());
        let (mode, asked) = read(&[("mode", "json"), ("page", "2"), ("nocache", "1")]).unwrap();
        assert_eq!((mode, asked.unwrap().skip()), (Mode::Json, 60));
    }

    #[test]
    fn a_page_or_commit_that_is_none_is_told_so() {
        for bad in ["-1", "x", "334", "99999999999999999999"] {
            let (_, asked) = read(&[("mode", "json"), ("page", bad)]).unwrap();
            assert!(matches!(asked, Err(Trouble::Unclear(_))), "{bad}");
        }
        let a = "a".repeat(40);
        let (_, asked) = read(&[("mode", "failures"), ("hash", &a), ("hash", &a)]).unwrap();
        assert_eq!(asked.unwrap().commits.len(), 2);
        let (_, asked) = read(&[("mode", "failures"), ("hash", "abc")]).unwrap();
        assert!(matches!(asked, Err(Trouble::Missing(_))));
    }
}
