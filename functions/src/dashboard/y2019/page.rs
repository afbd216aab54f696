//! What is listed, in the two forms.

use serde::Serialize;

use super::rows::{Found, Listing, Row};
use crate::y2019::json::cut;

/// Of a description, in bytes (spec `dashboard.md` 2.4).
const DESCRIPTION: usize = 500;

/// `BuildStatus`: keys and their order are a promise (spec `dashboard.md` 2.7, 5.5).
#[derive(Serialize)]
pub(super) struct Status<'a> {
    builders: Vec<&'a str>,
    revisions: Option<Vec<Revision<'a>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Revision<'a> {
    repo: &'a str,
    revision: &'a str,
    parent_revisions: [&'a str; 1],
    #[serde(skip_serializing_if = "str::is_empty")]
    go_revision: &'a str,
    date: String,
    branch: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    go_branch: &'a str,
    author: String,
    desc: &'a str,
    results: Vec<String>,
}

/// For `mode=json`; logs are found below `origin`.
pub(super) fn status<'a>(listing: &'a Listing, origin: &str) -> Status<'a> {
    let revision = |row| revision(row, listing, origin);
    let revisions: Vec<Revision<'_>> = listing.rows.iter().map(revision).collect();
    Status {
        builders: listing.builders.iter().map(|name| name.as_str()).collect(),
        revisions: (!revisions.is_empty()).then_some(revisions),
    }
}

fn revision<'a>(row: &'a Row, listing: &Listing, origin: &str) -> Revision<'a> {
    let result = |found: Option<&Found>| match found {
        None => String::new(),
        Some(Found::Ok) => "ok".to_owned(),
        // As in 2019, of a log that has no hash the address ends early.
        Some(Found::Failed(log)) => {
            let hash = log.as_ref().map_or("", |log| log.as_str());
            format!("{origin}/log/{hash}")
        }
    };
    let results = listing.builders.iter().map(|name| row.results.get(name));
    let against = row.against.as_ref();
    let parent = row.commit.parents.first();
    Revision {
        repo: row.repo.as_str(),
        revision: row.commit.id.as_str(),
        parent_revisions: [parent.map_or("", |parent| parent.as_str())],
        go_revision: against.map_or("", |against| against.commit.as_str()),
        date: row.commit.time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        branch: &row.branch,
        go_branch: against.map_or("", |against| against.branch.as_str()),
        author: format!("{} <{}>", row.commit.author, row.commit.email),
        desc: cut(&row.commit.subject, DESCRIPTION),
        results: results.map(result).collect(),
    }
}

/// For `mode=failures`: `commit builder log` a line (spec `dashboard.md` 5.6).
pub(super) fn failures(listing: &Listing, origin: &str) -> String {
    let lines = listing.rows.iter().flat_map(|row| {
        let results = listing.builders.iter();
        results.filter_map(move |name| match row.results.get(name) {
            Some(Found::Failed(Some(log))) => {
                Some(format!("{} {name} {origin}/log/{log}\n", row.commit.id))
            }
            _ => None,
        })
    });
    lines.collect()
}
