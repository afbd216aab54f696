//! Addresses of the pages that lists link to.

use farm_model::id::{AttemptKey, BuilderName, HostType, RepoName};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::place::query;

/// All but what stands for itself everywhere in an address (RFC 3986, 2.3).
const SPECIAL: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A part of a path, or a value of a query.
fn part(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, SPECIAL)
}

pub(super) fn builder(builder: &BuilderName) -> String {
    format!("/builder/{builder}")
}

pub(super) fn queue(host: &HostType) -> String {
    format!("/queue/{host}")
}

/// The log of an attempt.
pub(super) fn read(attempt: &AttemptKey) -> String {
    format!("/read/{attempt}")
}

pub(super) fn set(set: &str) -> String {
    format!("/try/{}", part(set))
}

pub(super) fn tests(repo: &RepoName, branch: &str) -> String {
    format!("/tests{}", query(repo, Some(branch)))
}

pub(super) fn test(repo: &RepoName, branch: Option<&str>, unit: &str, name: &str) -> String {
    let query = query(repo, branch);
    format!("/test{query}&unit={}&name={}", part(unit), part(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_strangers_survive_their_address() {
        let odd = "a b/c&d=e#f?g%h+i<\"'\u{e9}";
        assert_eq!(set("a/b?c"), "/try/a%2Fb%3Fc");
        let repo: RepoName = "golang/go".parse().unwrap();
        let address = test(&repo, Some("main"), odd, odd);
        let (_, query) = address.split_once('?').unwrap();
        let values: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        assert_eq!(values.len(), 4);
        for (_, value) in &values[2..] {
            let back = percent_encoding::percent_decode_str(value).decode_utf8();
            assert_eq!(back.unwrap(), odd);
        }
    }
}
