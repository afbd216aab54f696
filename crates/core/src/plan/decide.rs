//! Which builder builds what (spec builders 2.1 to 2.3).

use farm_model::config::{Builder, Facts, FarmConfig, GoVersion, Recipe, Role, Rule};
use farm_model::id::{BuilderName, RepoName};

use crate::recipe;

/// What may be built: a branch of a repository, against a branch of the main repository.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The repository.
    pub repo: &'a str,
    /// Its branch.
    pub branch: &'a str,
    /// The main repository's branch; of that itself, `branch`.
    pub go_branch: &'a str,
}

impl<'a> Target<'a> {
    /// A branch of a repository that is built by itself.
    #[must_use]
    pub fn alone(repo: &'a RepoName, branch: &'a str) -> Self {
        Self {
            repo: repo.as_str(),
            branch,
            go_branch: branch,
        }
    }

    /// What rules are asked about it.
    pub(crate) fn facts(&self, builder: &'a BuilderName, is_try: bool) -> Facts<'a> {
        Facts {
            repo: self.repo,
            branch: self.branch,
            go: self.go_branch,
            builder: builder.as_str(),
            is_try,
            test: "",
        }
    }
}

/// Whether it is built as soon as it is on its branch.
#[must_use]
pub fn post_submit(config: &FarmConfig, name: &BuilderName, target: &Target<'_>) -> bool {
    config.builders.get(name).is_some_and(|builder| {
        !builder.try_only && builds_repo_at_all(config, name, builder, target, false)
    })
}

/// Whether it is built before it is submitted.
#[must_use]
pub fn tries(config: &FarmConfig, name: &BuilderName, target: &Target<'_>) -> bool {
    config.builders.get(name).is_some_and(|builder| {
        builder.tries.as_ref().is_some_and(|rule| {
            rule.holds(&target.facts(name, true), &config.policies)
                && builds_repo_at_all(config, name, builder, target, true)
        })
    })
}

/// All builders of a change's try set, by name.
#[must_use]
pub fn try_builders<'c>(config: &'c FarmConfig, target: &Target<'_>) -> Vec<&'c BuilderName> {
    let names = config.builders.keys();
    names.filter(|name| tries(config, name, target)).collect()
}

/// Whether a builder builds this in any way: the farm's own rule, the oldest release that the builder knows, what its
/// scripts can do, and its own rule must all agree.
#[must_use]
pub fn builds_repo_at_all(
    config: &FarmConfig,
    name: &BuilderName,
    builder: &Builder,
    target: &Target<'_>,
    is_try: bool,
) -> bool {
    let facts = target.facts(name, is_try);
    let agrees = |rule: &Option<Rule>| {
        rule.as_ref()
            .is_none_or(|rule| rule.holds(&facts, &config.policies))
    };
    agrees(&config.builds)
        && is_new_enough(builder, target)
        && can_build(config, name, builder, target.repo)
        && agrees(&builder.builds)
}

fn is_new_enough(builder: &Builder, target: &Target<'_>) -> bool {
    let Recipe::Go(go) = &builder.recipe else {
        return true;
    };
    let too_old = |branch| {
        let release = GoVersion::of_branch(branch);
        release
            .zip(go.min_go)
            .is_some_and(|(release, least)| release < least)
    };
    !too_old(target.branch) && !too_old(target.go_branch)
}

/// Scripts that make and test in one go can only do that to the toolchain.
fn can_build(config: &FarmConfig, name: &BuilderName, builder: &Builder, repo: &str) -> bool {
    let Recipe::Go(go) = &builder.recipe else {
        return true;
    };
    let role = repo
        .parse::<RepoName>()
        .ok()
        .and_then(|repo| config.repositories.get(&repo))
        .map(|repository| &repository.role);
    matches!(role, Some(Role::Main | Role::Alone)) || recipe::go::is_split(name, go)
}
