//! `build/…`: everything about one build.

use std::collections::BTreeMap;

use jiff::Timestamp;

use farm_model::id::{BuildId, JobName};
use farm_model::kept::Timed;
use farm_model::record::{Build, Run};
use farm_model::view::BuildView;

use super::stored::Stored;
use crate::budget::budget;
use crate::explain::Explainer;
use crate::farm::{Farm, status_of, timed_as};

/// One build's page.
#[must_use]
pub fn build(farm: &Farm, id: &BuildId, now: Timestamp) -> Option<BuildView> {
    build_by(
        farm,
        id,
        &Stored::default(),
        now,
        &mut Explainer::new(farm, now),
    )
}

/// The same; `stored` has the build where it is not in memory any more.
pub(super) fn build_by(
    farm: &Farm,
    id: &BuildId,
    stored: &Stored,
    now: Timestamp,
    explainer: &mut Explainer<'_>,
) -> Option<BuildView> {
    let (build, runs) = match farm.build(id) {
        Some(build) => (build, farm.runs(id)),
        None => stored
            .build
            .as_ref()
            .map(|(build, runs)| (build, &**runs))?,
    };
    let key = &build.key;
    let run = runs.last()?;
    let held = farm.commit(&key.repo, &key.branch, &key.commit);
    let read = stored.commit.as_ref().map(|(commit, _)| commit);
    let reason = explainer.reason(id);
    let class = farm.class_of(build);
    let usual_work = explainer.usual_seconds(id, run);
    Some(BuildView {
        made: now,
        commit: held.or(read).cloned(),
        status: status_of(run),
        why: reason.as_ref().map(ToString::to_string).unwrap_or_default(),
        reason,
        expected: explainer.expected(id),
        usual: usual(farm, build, run),
        budget: Some(budget(run, class, farm.policy(), usual_work, now)),
        number: farm.number(build),
        runs: runs.to_vec(),
        build: build.clone(),
    })
}

/// How long each job usually takes, of those of which that is known.
fn usual(farm: &Farm, build: &Build, run: &Run) -> BTreeMap<JobName, f64> {
    let jobs = run.jobs.iter().filter_map(|job| {
        let what = Timed::Job(timed_as(job));
        let timing = farm.book().timing(&build.key.builder, &what)?;
        let seconds = std::time::Duration::from_millis(timing.median()?).as_secs_f64();
        Some((job.name.clone(), seconds))
    });
    jobs.collect()
}
