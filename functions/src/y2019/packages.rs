//! Repositories by the names of 2019: import paths, the main one's empty.

use farm_model::config::Role;
use farm_model::view::{FarmView, RepositoryView};

/// The repository of an import path, or of our own name for it; the main one where `path` is empty.
pub(crate) fn find<'a>(farm: &'a FarmView, path: &str) -> Option<&'a RepositoryView> {
    if path.is_empty() {
        return farm.main();
    }
    let mut all = farm.repositories.iter();
    let named = all.find(|repo| repo.name.as_str() == path);
    let at = |repo: &&RepositoryView| repo.role != Role::Main && repo.import_path() == path;
    named.or_else(|| farm.repositories.iter().find(at))
}

/// Its import path, as clients of 2019 name it.
pub(crate) fn path(farm: &FarmView, repo: &RepositoryView) -> String {
    let is_main = farm.main().is_some_and(|main| main.name == repo.name);
    if is_main {
        String::new()
    } else {
        repo.import_path()
    }
}

/// What kind of package it is; none for the main repository.
pub(crate) fn kind(farm: &FarmView, repo: &RepositoryView) -> Option<Kind> {
    let main = farm.main()?;
    match &repo.role {
        _ if repo.name == main.name => None,
        Role::Against(to) if *to == main.name => Some(Kind::Subrepo),
        _ => Some(Kind::External),
    }
}

/// What a package is to the main repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Built against it.
    Subrepo,
    /// Nothing.
    External,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Subrepo => "subrepo",
            Self::External => "external",
        }
    }
}
