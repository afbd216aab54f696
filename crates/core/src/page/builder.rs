//! `builder/…`: what a builder has done lately.

use std::cmp::Reverse;

use jiff::Timestamp;

use farm_model::id::BuilderName;
use farm_model::kept::{Flake, Kept, KeptKind};
use farm_model::message::progress::Outcome;
use farm_model::record::{Build, BuildKind, Run};
use farm_model::view::{BuilderRun, BuilderView, Expected};

use super::line::Shown;
use crate::explain::Explainer;
use crate::farm::Farm;

/// The document of a builder; none of one that is not configured and has built nothing that is shown.
pub(super) fn builder(
    farm: &Farm,
    name: &BuilderName,
    now: Timestamp,
    explainer: &mut Explainer<'_>,
) -> Option<BuilderView> {
    let config = farm.config().builders.get(name);
    let newest = newest(farm, name);
    if config.is_none() && newest.is_empty() {
        return None;
    }
    let green = |(build, run): &(&Build, &Run)| {
        let verdict = run.verdict.as_ref().filter(|of| of.outcome == Outcome::Ok);
        verdict.map(|_| explainer.usual_seconds(&build.id, run))
    };
    let usual = newest.iter().find_map(green);
    Some(BuilderView {
        made: now,
        builder: name.clone(),
        host_type: config.map(|config| config.host.clone()),
        pause: farm.book().pause(name).cloned(),
        usual: usual.map(|seconds| Expected {
            start: None,
            seconds,
        }),
        runs: newest
            .iter()
            .filter_map(|(build, _)| line(farm, build))
            .collect(),
        flakes: flakes(farm, name),
    })
}

/// Its builds of the commits that branches hold with their newest runs, those opened last first.
fn newest<'a>(farm: &'a Farm, name: &BuilderName) -> Vec<(&'a Build, &'a Run)> {
    let commits = farm.branches().flat_map(|branch| {
        let commits = branch.commits.iter();
        commits.map(move |commit| (branch, commit))
    });
    let builds = commits.flat_map(|(branch, commit)| {
        let builds = farm.builds_at(name, &commit.id);
        builds.filter(move |build| {
            let key = &build.key;
            key.repo == branch.repo && key.branch == branch.name
        })
    });
    let runs = builds
        .filter(|build| build.key.kind == BuildKind::PostSubmit)
        .filter_map(|build| Some((build, farm.runs(&build.id).last()?)));
    let mut runs: Vec<_> = runs.collect();
    runs.sort_by_key(|(build, run)| (Reverse(run.opened), &build.id));
    runs.truncate(BuilderView::MOST);
    runs
}

fn line(farm: &Farm, build: &Build) -> Option<BuilderRun> {
    let key = &build.key;
    let commit = farm.commit(&key.repo, &key.branch, &key.commit);
    Some(BuilderRun {
        repo: key.repo.clone(),
        commit: key.commit.clone(),
        subject: commit
            .map(|commit| commit.subject.clone())
            .unwrap_or_default(),
        line: Shown::in_memory(farm, build)?.line(farm),
    })
}

fn flakes(farm: &Farm, name: &BuilderName) -> Vec<Flake> {
    let prefix = format!("{name}/");
    let flakes = farm.book().under(KeptKind::Flake, &prefix);
    let mut flakes: Vec<Flake> = flakes
        .filter_map(|kept| match kept {
            Kept::Flake(flake) => Some(flake.clone()),
            _ => None,
        })
        .collect();
    flakes.sort_by_key(|flake| Reverse(flake.last));
    flakes.truncate(BuilderView::MOST);
    flakes
}
