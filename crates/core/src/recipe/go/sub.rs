//! A repository that is built with the toolchain (spec coordinator 5.8).

use std::collections::BTreeMap;

use farm_model::config::{self, Repository, Role};
use farm_model::id::RepoName;
use farm_model::message::work::{Modules, SourceRef, Step, TestFormat, Tests};

use super::super::source;
use super::names::{is_long, is_race};
use super::{Base, Plan, restore};

/// Where sources lie by their import paths.
const GOPATH: &str = "gopath/src";
/// Prints what packages depend on, and what their tests import.
const DEPENDENCIES: &str = "{{range .Deps}}{{.}}{{\"\\n\"}}{{end}}{{range .TestImports}}{{.}}{{\"\\n\"}}{{end}}\
     {{range .XTestImports}}{{.}}{{\"\\n\"}}{{end}}";

impl Plan<'_> {
    /// The toolchain, the repository in its place, what it imports beside it, and its tests.
    pub(super) fn sub_repository(&self, base: &Base) -> Vec<Step> {
        let mut steps = match base {
            Base::Nothing => self.make(),
            Base::Snapshot(_) | Base::WorkDir => restore(base).into_iter().collect(),
        };
        let repo = &self.context.build.key.repo;
        let path = import_path(repo, self.context.config.repositories.get(repo));
        let root = format!("{GOPATH}/{path}");
        let all = format!("{path}/...");
        steps.push(Step::Source {
            source: source(&self.context),
            into: root.clone(),
        });
        steps.push(Step::Modules(Modules {
            list: self.go(
                "list dependencies",
                &root,
                &["list", "-f", DEPENDENCIES, &all],
                self.limit(),
            ),
            own: path,
            sources: self.others(repo),
            into: GOPATH.to_owned(),
        }));
        steps.push(self.go_test(&root, &all));
        steps
    }

    fn go_test(&self, root: &str, packages: &str) -> Step {
        let mut args = vec!["test"];
        args.extend((!is_long(self.name, self.go)).then_some("-short"));
        args.extend(is_race(self.name, self.go).then_some("-race"));
        args.extend(self.go.test_args.iter().map(String::as_str));
        args.push(packages);
        Step::Tests(Tests {
            command: self.go("test", root, &args, self.limit()),
            groups: vec![Vec::new()],
            format: TestFormat::Go,
            report: None,
            stop_at_first: false,
        })
    }

    /// The project's other repositories, by import path: each at the newest commit of its default branch.
    fn others(&self, own: &RepoName) -> BTreeMap<String, SourceRef> {
        let heads = self.context.branches.values().filter_map(|branch| {
            let repository = self.context.config.repositories.get(&branch.repo)?;
            let wanted = branch.default
                && branch.repo != *own
                && matches!(repository.role, Role::Against(_));
            let source = SourceRef {
                repo: branch.repo.clone(),
                url: repository.url.clone().unwrap_or_default(),
                commit: branch.head()?.id.clone(),
                branch: branch.name.clone(),
            };
            wanted.then(|| (import_path(&branch.repo, Some(repository)), source))
        });
        heads.collect()
    }
}

/// What a repository's import paths begin with.
fn import_path(repo: &RepoName, repository: Option<&Repository>) -> String {
    let said = repository.and_then(|repository| repository.import_path.as_deref());
    config::import_path(repo, said)
}
