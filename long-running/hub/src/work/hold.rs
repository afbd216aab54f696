//! Keeping a machine as an attempt left it, for a job that goes on from there.

use std::time::Duration;

use farm_model::message::progress::Outcome;
use tokio::time::sleep;

use super::Work;
use crate::attempt::{Attempt, Left, after};
use crate::machines::Keeping;

/// The longest: whoever asked for it may be gone for good.
const LONGEST: Duration = Duration::from_secs(3600);

/// For how long the machine is to be kept, once its attempt came to `outcome`. What is lost leaves nothing to go on from,
/// nor does what was not cleaned.
pub fn wanted(attempt: &Attempt, outcome: Outcome, left: Left) -> Option<Duration> {
    let seconds = attempt.job.hold_seconds;
    let well = outcome != Outcome::Lost && left != Left::Unclean;
    let wanted = seconds > 0 && well && !attempt.stop.is_asked() && !attempt.machine.is_closed();
    wanted.then(|| Duration::from_secs(seconds).min(LONGEST))
}

impl Work {
    /// Keeps the machine until that is over, for `limit` at most; then, if no job has gone on with it, leaves it as after
    /// any attempt.
    pub(super) async fn keep(&self, attempt: &Attempt, keeping: Keeping, limit: Duration) {
        let (machine, key) = (&attempt.machine, &attempt.job.attempt);
        tracing::info!(attempt = %key, machine = %machine.id, ?limit, "its machine is kept");
        tokio::select! {
            () = keeping.over() => {}
            () = sleep(limit) => {}
            () = machine.closed() => return,
        }
        let Some(lease) = self.registry.take_over(machine, key, &keeping).await else {
            return;
        };
        tracing::info!(attempt = %key, machine = %machine.id, "its machine is no longer kept");
        let parting = after(&lease, attempt.job.clean, Left::Well, &self.checks).await;
        drop(lease);
        if let Some(parting) = parting {
            parting.see_off(&self.registry).await;
        }
    }
}
