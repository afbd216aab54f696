//! From what people type to what the farm knows: part of a build's id, `builder@commit`, part of a commit's id.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use anyhow::bail;
use farm_model::id::{AttemptKey, BuildId, BuilderName, CommitId, RepoName};
use farm_model::view::{FarmView, GridView, RepositoryView};

use crate::server::Server;

/// Fewer digits name too many things.
const FEWEST: usize = 4;
/// How many of several candidates an error names.
const NAMED: usize = 5;

/// What was typed for a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// `build/run/job/attempt`.
    Attempt(AttemptKey),
    /// A whole build id.
    Build(BuildId),
    /// The beginning of one.
    Prefix(String),
    /// `builder@commit`.
    Cell(BuilderName, CommitPrefix),
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((builder, commit)) = text.split_once('@') {
            let builder = builder.parse().map_err(|error| format!("{error}"))?;
            return Ok(Self::Cell(builder, commit.parse()?));
        }
        if text.contains('/') {
            return text
                .parse()
                .map(Self::Attempt)
                .map_err(|error| error.to_string());
        }
        let text = text.to_ascii_lowercase();
        if let Ok(build) = text.parse() {
            return Ok(Self::Build(build));
        }
        if is_prefix(&text, 32) {
            Ok(Self::Prefix(text))
        } else {
            let forms =
                "a build's id or the first of its digits, BUILDER@COMMIT, or BUILD/RUN/JOB/ATTEMPT";
            Err(format!("that names no build: write {forms}"))
        }
    }
}

/// A commit's id, or the first of its digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitPrefix(String);

impl FromStr for CommitPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.to_ascii_lowercase();
        if is_prefix(&text, 64) {
            Ok(Self(text))
        } else {
            Err(format!(
                "a commit is written as at least {FEWEST} of its hex digits"
            ))
        }
    }
}

impl CommitPrefix {
    /// The commit, if all of it was typed.
    pub fn whole(&self) -> Option<CommitId> {
        self.0.parse().ok()
    }

    /// Whether `commit` is one that was meant.
    pub fn fits(&self, commit: &CommitId) -> bool {
        commit.as_str().starts_with(&self.0)
    }
}

fn is_prefix(text: &str, longest: usize) -> bool {
    (FEWEST..=longest).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// A build that the farm's pages name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    builder: BuilderName,
    commit: CommitId,
    repo: RepoName,
}

/// The pages in which names are looked up.
#[derive(Debug)]
pub struct Pages {
    /// The front page.
    pub farm: FarmView,
    /// The branches'.
    pub grids: Vec<GridView>,
}

impl Pages {
    /// Those of all branches.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn all(server: &Server) -> anyhow::Result<Self> {
        let farm = server.farm().await?;
        let all = farm.repositories.iter().flat_map(|repository| {
            let branches = repository.branches.iter();
            branches.map(|branch| (repository.name.clone(), branch.clone()))
        });
        let chosen = all.collect();
        Self::read(server, farm, chosen).await
    }

    /// Those of one branch or the default branch, of one repository or all.
    ///
    /// # Errors
    /// There is no such branch, or no usable answer.
    pub async fn chosen(
        server: &Server,
        repo: Option<&RepoName>,
        branch: Option<&str>,
    ) -> anyhow::Result<Self> {
        let farm = server.farm().await?;
        let chosen = choose(&farm.repositories, repo, branch)?;
        Self::read(server, farm, chosen).await
    }

    async fn read(
        server: &Server,
        farm: FarmView,
        chosen: Vec<(RepoName, String)>,
    ) -> anyhow::Result<Self> {
        let mut grids = Vec::new();
        for (repo, branch) in chosen {
            // A branch that went away meanwhile has no page any more.
            grids.extend(server.grid(&repo, &branch).await?);
        }
        Ok(Self { farm, grids })
    }

    /// The one build that was meant.
    ///
    /// # Errors
    /// None fits, or several do.
    pub fn build(&self, wanted: &Wanted) -> anyhow::Result<BuildId> {
        let mut fitting = self.builds();
        let typed = match wanted {
            Wanted::Attempt(key) => return Ok(key.build.clone()),
            Wanted::Build(id) => return Ok(id.clone()),
            Wanted::Prefix(prefix) => {
                fitting.retain(|id, _| id.as_str().starts_with(prefix));
                prefix.clone()
            }
            Wanted::Cell(builder, commit) => {
                fitting.retain(|_, known| known.builder == *builder && commit.fits(&known.commit));
                format!("{builder}@{}", commit.0)
            }
        };
        let candidates: Vec<String> = fitting.iter().map(candidate).collect();
        match fitting.into_keys().next() {
            Some(id) if candidates.len() == 1 => Ok(id),
            Some(_) => bail!("{typed} may be {}", several(&candidates)),
            None => bail!("no build {typed} among the newest commits: `farm builds` shows them"),
        }
    }

    /// The one commit of the builder that was meant.
    ///
    /// # Errors
    /// There is no such builder, no commit fits, or several do.
    pub fn commit(&self, builder: &BuilderName, prefix: &CommitPrefix) -> anyhow::Result<CommitId> {
        let builds = self.builds();
        let own = builds.values().filter(|known| known.builder == *builder);
        let commits = own.map(|known| &known.commit);
        let fitting: BTreeSet<&CommitId> = commits.filter(|commit| prefix.fits(commit)).collect();
        let candidates: Vec<String> = fitting.iter().map(ToString::to_string).collect();
        match fitting.first() {
            Some(commit) if candidates.len() == 1 => Ok((*commit).clone()),
            Some(_) => bail!("{} may be {}", prefix.0, several(&candidates)),
            None => {
                self.knows(builder)?;
                bail!(
                    "{builder} has built no commit {} among the newest: write all of its digits, if it is older",
                    prefix.0
                )
            }
        }
    }

    fn knows(&self, builder: &BuilderName) -> anyhow::Result<()> {
        let names: BTreeSet<&str> = self
            .grids
            .iter()
            .flat_map(|grid| &grid.builders)
            .map(BuilderName::as_str)
            .collect();
        if !names.contains(builder.as_str()) {
            let names: Vec<&str> = names.into_iter().collect();
            bail!(
                "there is no builder {builder}; there are: {}",
                names.join(", ")
            );
        }
        Ok(())
    }

    fn builds(&self) -> BTreeMap<BuildId, Known> {
        let mut builds = BTreeMap::new();
        for grid in &self.grids {
            for row in &grid.rows {
                for (builder, cell) in grid.builders.iter().zip(&row.cells) {
                    let Some(cell) = cell else { continue };
                    let known = Known {
                        builder: builder.clone(),
                        commit: row.commit.id.clone(),
                        repo: grid.repo.clone(),
                    };
                    builds.insert(cell.build.clone(), known);
                }
            }
        }
        // Tries and older commits are in no grid.
        for open in &self.farm.open {
            let known = Known {
                builder: open.builder.clone(),
                commit: open.commit.clone(),
                repo: open.repo.clone(),
            };
            builds.insert(open.build.clone(), known);
        }
        builds
    }
}

fn candidate((id, known): (&BuildId, &Known)) -> String {
    format!(
        "{id} ({} {}@{})",
        known.repo,
        known.builder,
        known.commit.short()
    )
}

fn several(candidates: &[String]) -> String {
    let named = &candidates[..candidates.len().min(NAMED)];
    let more = match candidates.len() - named.len() {
        0 => String::new(),
        more => format!(", or {more} more"),
    };
    format!("{}{more}: say which", named.join(", "))
}

/// Which branches were asked for.
fn choose(
    repositories: &[RepositoryView],
    repo: Option<&RepoName>,
    branch: Option<&str>,
) -> anyhow::Result<Vec<(RepoName, String)>> {
    let asked = |view: &&RepositoryView| repo.is_none_or(|name| *name == view.name);
    let views: Vec<&RepositoryView> = repositories.iter().filter(asked).collect();
    if let (Some(name), true) = (repo, views.is_empty()) {
        let names: Vec<&str> = repositories.iter().map(|view| view.name.as_str()).collect();
        bail!(
            "there is no repository {name}; there are: {}",
            names.join(", ")
        );
    }
    let chosen: Vec<(RepoName, String)> = views
        .iter()
        .filter_map(|view| {
            let mut branches = view.branches.iter();
            let found =
                branches.find(|name| branch.is_none_or(|branch| branch == name.as_str()))?;
            Some((view.name.clone(), found.clone()))
        })
        .collect();
    if let (Some(branch), true) = (branch, chosen.is_empty()) {
        let names = views.iter().flat_map(|view| &view.branches);
        let names: Vec<&str> = names.map(String::as_str).collect();
        bail!(
            "there is no branch {branch}; there are: {}",
            names.join(", ")
        );
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests;
