//! Where the time of a run went, against what its class is promised (design 11.14).

use jiff::{SignedDuration, Timestamp};

use farm_model::message::progress::Outcome;
use farm_model::record::{Attempt, AttemptState, Gone, Job, JobState, Run};
use farm_model::view::{Budget, Span, Spent};

use crate::policy::Policy;
use crate::queue::Class;

/// All spans, by what goes before what at one moment.
const SPANS: [Span; 4] = [Span::Queue, Span::Offer, Span::Work, Span::Lost];

/// What `run` has spent up to its verdict, or up to `now`, where its jobs usually take `usual_work` seconds of work.
#[must_use]
pub fn budget(run: &Run, class: Class, policy: &Policy, usual_work: f64, now: Timestamp) -> Budget {
    let end = run.verdict.as_ref().map_or(now, |verdict| verdict.at);
    let spent = spent(
        &stretches(run, policy, end),
        run.opened,
        end.max(run.opened),
    );
    let objective = policy.objective(class).map(|of| of.as_secs_f64());
    let total: f64 = spent.iter().map(|of| of.seconds).sum();
    let late = objective.filter(|objective| total > *objective);
    Budget {
        class: class.as_str().to_owned(),
        objective_seconds: objective,
        late: late.and_then(|_| latest(&spent, usual_work)),
        spent,
    }
}

/// The span that spent most beyond what it usually does: work takes its time, and all else is to take none.
fn latest(spent: &[Spent], usual_work: f64) -> Option<Span> {
    let beyond = |span: Span| {
        let of_span = spent.iter().filter(|of| of.span == span);
        let all: f64 = of_span.map(|of| of.seconds).sum();
        all - if span == Span::Work { usual_work } else { 0.0 }
    };
    SPANS
        .into_iter()
        .max_by(|a, b| beyond(*a).total_cmp(&beyond(*b)))
}

/// A stretch of time in which a span counts, unless one that goes before it does.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: Timestamp,
    to: Timestamp,
    span: Span,
}

fn stretches(run: &Run, policy: &Policy, end: Timestamp) -> Vec<Stretch> {
    let mut all = Vec::new();
    for job in &run.jobs {
        for (index, attempt) in job.attempts.iter().enumerate() {
            let next = job.attempts.get(index + 1).map_or(end, |next| next.leased);
            all.extend(stretches_of(job, index, attempt, next.min(end), policy));
        }
    }
    all
}

/// Of an attempt, which the next one of its job follows at `next`.
fn stretches_of(
    job: &Job,
    index: usize,
    attempt: &Attempt,
    next: Timestamp,
    policy: &Policy,
) -> Vec<Stretch> {
    let from = attempt.leased;
    let stretch = |from, to, span| Stretch { from, to, span };
    let worked = |accepted: Timestamp, to: Timestamp| {
        let accepted = accepted.clamp(from, to.max(from));
        vec![
            stretch(from, accepted, Span::Offer),
            stretch(accepted, to, Span::Work),
        ]
    };
    match &attempt.state {
        AttemptState::Offered => vec![stretch(from, next, Span::Offer)],
        AttemptState::Running { since, .. } => worked(*since, next),
        // When its hub took it is not kept; its first step began soon after.
        AttemptState::Finished { at, report } if report.outcome != Outcome::Lost => {
            let began = report.steps.first().map_or(from, |step| step.started);
            worked(began, *at)
        }
        AttemptState::Finished { at, .. } => {
            let pause = pause_end(job, index, *at, policy);
            vec![stretch(from, pause.min(next).max(*at), Span::Lost)]
        }
        AttemptState::Gone { at, how, .. } => {
            let pause = match how {
                Gone::Cancelled => *at,
                _ => pause_end(job, index, *at, policy),
            };
            vec![stretch(from, pause.min(next).max(*at), Span::Lost)]
        }
    }
}

/// When a job may have gone on after its attempt at `index` came to nothing at `at`: the last one says so itself.
fn pause_end(job: &Job, index: usize, at: Timestamp, policy: &Policy) -> Timestamp {
    if let (JobState::Waiting { not_before }, true) = (&job.state, index + 1 == job.attempts.len())
    {
        return *not_before;
    }
    let refused = |attempt: &&Attempt| {
        matches!(
            &attempt.state,
            AttemptState::Gone {
                how: Gone::Refused,
                ..
            }
        )
    };
    let so_far = &job.attempts[..=index];
    if so_far.last().as_ref().is_some_and(refused) {
        let row = so_far.iter().rev().take_while(refused).count();
        return policy.after_refusal(at, u32::try_from(row).unwrap_or(u32::MAX));
    }
    let losses = so_far.iter().filter(|attempt| !refused(attempt)).count();
    policy.after_loss(at, u32::try_from(losses).unwrap_or(u32::MAX))
}

/// One after the other, from `from` to `to`, without a gap: neighbours of one span are one.
fn spent(stretches: &[Stretch], from: Timestamp, to: Timestamp) -> Vec<Spent> {
    let ends = stretches.iter().flat_map(|of| [of.from, of.to]);
    let mut moments: Vec<Timestamp> = ends
        .chain([from, to])
        .map(|at| at.clamp(from, to))
        .collect();
    moments.sort_unstable();
    moments.dedup();
    let mut lengths: Vec<(Span, SignedDuration)> = Vec::new();
    for pair in moments.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        let counts = |of: &&Stretch| of.from <= start && end <= of.to;
        let span = stretches.iter().filter(counts).map(|of| of.span).max();
        let span = span.unwrap_or(Span::Queue);
        let length = end.duration_since(start);
        match lengths.last_mut().filter(|(last, _)| *last == span) {
            Some((_, so_far)) => *so_far = so_far.saturating_add(length),
            None => lengths.push((span, length)),
        }
    }
    let lengths = lengths.into_iter();
    lengths
        .map(|(span, length)| Spent {
            span,
            seconds: length.as_secs_f64(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
