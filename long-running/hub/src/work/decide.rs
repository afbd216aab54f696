//! Whether an attempt that is offered is taken.

use std::sync::Arc;

use farm_model::event::Event;
use farm_model::message::progress::AttemptEvent;
use farm_model::message::work::RunJob;
use farm_model::trace::TraceParent;
use farm_runtime::trace;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Span;
use tracing::field::Empty;

use super::Work;
use super::memory::Known;
use crate::machines::{Lease, NotHad};
use crate::progress::Voice;
use crate::stop::Stop;

/// What to do about an offer.
pub enum Answer {
    /// Nothing but to say this: it was refused, or is known.
    Say(Event),
    /// Nothing yet: it has been offered before, and is being looked at until this is cancelled.
    Later(CancellationToken),
    /// Drive it.
    Drive(Box<Start>),
}

/// An attempt that has been taken.
pub struct Start {
    /// What is to be done.
    pub job: RunJob,
    /// The machine.
    pub lease: Lease,
    /// Asked to end early.
    pub stop: Arc<Stop>,
    /// How it is said.
    pub voice: Voice,
    /// The first thing to be said.
    pub accepted: Event,
    /// To be dropped once it is sure what is said.
    pub undecided: DropGuard,
    /// Its part of the trace.
    pub span: Span,
}

impl Work {
    /// Decides at once, in the order of arrival: what is taken here is taken, before anything of it is told.
    ///
    /// # Errors
    /// An answer does not serialise.
    pub(super) fn decide(&self, job: RunJob, trace: Option<TraceParent>) -> anyhow::Result<Answer> {
        let mut memory = self.memory.lock();
        let identity = &self.tools.identity;
        let span = trace::under(span(&job), trace.as_ref());
        let voice = Voice::new(identity.clone(), job.machine.clone(), job.attempt.clone())
            .in_trace(trace::from(&span, trace));
        let refusal = match memory.recall(&job.attempt) {
            Known::Said(event) => return Ok(Answer::Say(event)),
            Known::Undecided(until) => return Ok(Answer::Later(until)),
            Known::Cancelled(reason) => Err(NotHad::because(format!("cancelled: {reason}"))),
            Known::New => self.claim(&job),
        };
        match refusal {
            Ok(lease) => {
                let (stop, accepted) =
                    (Arc::<Stop>::default(), voice.event(AttemptEvent::Accepted)?);
                let attempt = job.attempt.clone();
                let decided = memory.begin(attempt, Arc::clone(&stop), accepted.clone());
                self.status.send_modify(|status| status.accepted += 1);
                let start = Start {
                    job,
                    lease,
                    stop,
                    voice,
                    accepted,
                    undecided: decided.drop_guard(),
                    span,
                };
                Ok(Answer::Drive(Box::new(start)))
            }
            Err(NotHad { reason, missing }) => {
                tracing::info!(attempt = %job.attempt, %reason, "refused");
                let refused = voice.event(AttemptEvent::Refused { reason, missing })?;
                memory.end(&job.attempt, refused.clone());
                self.status.send_modify(|status| status.refused += 1);
                Ok(Answer::Say(refused))
            }
        }
    }

    fn claim(&self, job: &RunJob) -> Result<Lease, NotHad> {
        let identity = &self.tools.identity;
        if job.hub != identity.hub {
            let text = format!("this is hub {}, not {}", identity.hub, job.hub);
            return Err(NotHad::because(text));
        }
        if identity.now() > job.start_by {
            let by = job.start_by;
            let text = format!("it came after {by}, when it had to be started");
            return Err(NotHad::because(text));
        }
        let continues = job.continues.as_ref();
        self.registry.claim(&job.machine, &job.attempt, continues)
    }
}

fn span(job: &RunJob) -> Span {
    tracing::info_span!(target: trace::TARGET, "attempt", otel.kind = "consumer", attempt = %job.attempt,
        builder = %job.builder, machine = %job.machine, outcome = Empty)
}
