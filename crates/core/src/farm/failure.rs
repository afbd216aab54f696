//! Why a run failed, as pages and messages say it.

use farm_model::id::{AttemptKey, BuildId, LogHash};
use farm_model::message::progress::Outcome;
use farm_model::record::{AttemptState, Run};
use farm_model::view::Failure;

use super::builds::deciding_attempt;
use super::{Farm, newest};

impl Farm {
    /// Why the newest run of a build did not come out well; none if it did, or is not over.
    pub(super) fn failure(&self, id: &BuildId) -> Option<Failure> {
        let build = self.builds.get(id)?;
        let run = newest(self.runs.get(id)?);
        let verdict = run.verdict.as_ref();
        let verdict = verdict.filter(|verdict| verdict.outcome != Outcome::Ok)?;
        let attempt = deciding_attempt(run, verdict.outcome);
        Some(Failure {
            reason: cut(&verdict.reason, Failure::REASON).to_owned(),
            log: attempt.as_ref().and_then(|key| log_of(run, key)),
            attempt,
            by_chance: self.is_by_chance(&build.key, run),
        })
    }
}

fn log_of(run: &Run, key: &AttemptKey) -> Option<LogHash> {
    let job = run.jobs.iter().find(|job| job.name == key.job)?;
    let attempt = job.attempts.iter().find(|of| of.number == key.attempt)?;
    match &attempt.state {
        AttemptState::Finished { report, .. } => report.log.hash.clone(),
        _ => None,
    }
}

/// At most so many bytes of a text.
pub(super) fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
