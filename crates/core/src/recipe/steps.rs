//! `steps`: commands in any language.

use farm_model::message::work::{SOURCE_ROOT, Step, StepSpec};
use farm_model::record::{Job, Part};

use super::{Context, Program, job, source};

/// One job does it all.
pub(super) fn opening() -> Vec<Job> {
    job("steps", Part::Whole, &[]).into_iter().collect()
}

pub(super) fn program(context: &Context<'_>, steps: &[StepSpec]) -> Program {
    let place = Step::Source {
        source: source(context),
        into: SOURCE_ROOT.to_owned(),
    };
    let run = steps.iter().cloned().map(Step::Run);
    Program {
        steps: std::iter::once(place).chain(run).collect(),
        env: context.builder.env.clone(),
    }
}
