//! What the tree of `farm.toml` means: names that exist, limits that fit, nothing said twice.

mod builder;
mod go;
mod host;
mod policies;
mod pool;
mod repository;
mod steps;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use super::parse::{Findings, Table};
use super::{Clean, FarmConfig, Host, Policies};
use crate::id::{BuilderName, HostType, IdError, RepoName};

/// Names that others may refer to. Also of what has problems of its own: naming it is not a second problem.
struct Known {
    hosts: BTreeSet<HostType>,
    builders: BTreeSet<BuilderName>,
    repositories: BTreeSet<RepoName>,
    /// That others are built against.
    mains: BTreeSet<RepoName>,
    policies: Policies,
    /// Hosts of which the work dir is not emptied.
    unclean: BTreeSet<HostType>,
}

/// The whole file; none if it is not even a farm, otherwise `findings` decides.
pub(super) fn farm(mut root: Table<'_>, findings: &mut Findings<'_>) -> Option<FarmConfig> {
    let name = root
        .text("name", findings)
        .map_or_else(|| "farm".to_owned(), |(_, name)| name);
    let mut known = Known {
        hosts: names(&root, "hosts"),
        builders: names(&root, "builders"),
        repositories: names(&root, "repositories"),
        mains: BTreeSet::new(),
        policies: policies::policies(&mut root, findings),
        unclean: BTreeSet::new(),
    };
    let builds = policies::rule(&mut root, "builds", &known.policies, findings);
    let hosts: BTreeMap<HostType, Host> = section(
        &mut root,
        "hosts",
        "host",
        findings,
        |_, table, findings| host::host(table, &known, findings),
    );
    let unclean = hosts.iter().filter(|(_, host)| host.clean == Clean::None);
    known.unclean = unclean.map(|(name, _)| name.clone()).collect();
    let builders = section(
        &mut root,
        "builders",
        "builder",
        findings,
        |name, table, findings| builder::builder(name, table, &known, findings),
    );
    let mut against = Vec::new();
    let repositories = section(
        &mut root,
        "repositories",
        "repository",
        findings,
        |_, table, findings| repository::repository(table, &known, &mut against, findings),
    );
    known.mains = repository::mains(&repositories);
    repository::check_against(against, &known, findings);
    root.finish(findings);
    Some(FarmConfig {
        name,
        builds,
        policies: known.policies,
        hosts,
        builders,
        repositories,
    })
}

/// The names in a table of named tables.
fn names<K: Ord + std::str::FromStr>(root: &Table<'_>, key: &str) -> BTreeSet<K> {
    let names = root.names(key).into_iter();
    names.filter_map(|name| name.parse().ok()).collect()
}

/// Reads a table of named tables.
fn section<K, V>(
    root: &mut Table<'_>,
    key: &'static str,
    what: &str,
    findings: &mut Findings<'_>,
    mut read: impl FnMut(&str, Table<'_>, &mut Findings<'_>) -> Option<V>,
) -> BTreeMap<K, V>
where
    K: Ord + Clone + std::str::FromStr<Err = IdError>,
{
    let mut section = BTreeMap::new();
    let Some(value) = root.take(key) else {
        return section;
    };
    let Some(table) = Table::of(format!("{key:?}"), value, findings) else {
        return section;
    };
    for (name, at, value) in table.each() {
        let id = name
            .parse::<K>()
            .map_err(|error| findings.add(at, error.to_string()))
            .ok();
        let Some(mut table) = Table::of(format!("{what} {name:?}"), value, findings) else {
            continue;
        };
        table.at = at;
        if let (Some(entry), Some(id)) = (read(&name, table, findings), id) {
            section.insert(id, entry);
        }
    }
    section
}

#[cfg(test)]
mod tests;
