//! The environment of a step.

use std::collections::BTreeMap;

use farm_model::message::work::{RunJob, StepSpec};

/// What says where a step runs, then the builder's variables, then the step's own; the later wins. As `KEY=VALUE`.
pub fn of_step(job: &RunJob, step: &StepSpec) -> Vec<String> {
    let source = &job.source;
    let mut env: BTreeMap<&str, String> = BTreeMap::from([
        ("CI", "true".to_owned()),
        ("FARM_BUILDER", job.builder.to_string()),
        ("FARM_REPO", source.repo.to_string()),
        ("FARM_COMMIT", source.commit.to_string()),
        ("FARM_BRANCH", source.branch.clone()),
        ("FARM_BUILD", job.attempt.build.to_string()),
        ("FARM_RUN", job.attempt.run.to_string()),
        ("FARM_ATTEMPT", job.attempt.attempt.to_string()),
    ]);
    let own = job.env.iter().chain(&step.env);
    env.extend(own.map(|(name, value)| (name.as_str(), value.clone())));
    env.iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}
