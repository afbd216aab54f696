//! How runs stand, and how history last said that open ones do: so that each change is said once.

use std::collections::HashMap;

use jiff::Timestamp;

use farm_model::id::BuildId;
use farm_model::message::progress::Outcome;
use farm_model::record::{Attempt, JobState, Run};
use farm_model::view::Status;

use super::{Farm, newest};
use crate::effects::Effects;

/// Builds that do not just wait since their run was opened.
pub(super) type Stands = HashMap<BuildId, (Status, Timestamp)>;

/// Where a run stands, and since when; for a page and for history alike.
pub(crate) fn stand(run: &Run) -> (Status, Timestamp) {
    let since = current_attempt(run).map_or(run.opened, |attempt| attempt.leased);
    (status_of(run), since)
}

/// The state of a run.
#[must_use]
pub fn status_of(run: &Run) -> Status {
    match &run.verdict {
        Some(verdict) => match verdict.outcome {
            Outcome::Ok => Status::Ok,
            Outcome::Failed => Status::Failed,
            Outcome::Lost => Status::Lost,
        },
        None if run.jobs.iter().any(|job| job.state == JobState::Leased) => Status::Running,
        None => Status::Queued,
    }
}

/// The current attempt of a leased job.
#[must_use]
pub fn current_attempt(run: &Run) -> Option<&Attempt> {
    run.jobs
        .iter()
        .find(|job| job.state == JobState::Leased)
        .and_then(|job| job.attempts.last())
}

impl Farm {
    /// A new leader knows what the lines of the one before said.
    pub(super) fn know_stands(&mut self) {
        let leased: Vec<BuildId> = self.leases.values().map(|job| job.build.clone()).collect();
        for id in leased {
            let stand = stand(newest(&self.runs[&id]));
            self.stands.insert(id, stand);
        }
    }

    /// Says in history how the newest run of a build stands, if that has changed; whether it has. The end of a run says
    /// itself.
    pub(super) fn say_stand(&mut self, id: &BuildId, effects: &mut Effects) -> bool {
        let run = newest(&self.runs[id]);
        if run.verdict.is_some() {
            self.stands.remove(id);
            return false;
        }
        let (now, waits) = (stand(run), (Status::Queued, run.opened));
        let before = if now == waits {
            self.stands.remove(id)
        } else {
            self.stands.insert(id.clone(), now)
        };
        let changed = before.unwrap_or(waits) != now;
        if changed {
            effects.stands(run, now.0, now.1);
        }
        changed
    }
}
