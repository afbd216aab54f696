//! Who has asked for much waits for those who have not: start-time fair queueing over authors.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use farm_model::id::BuildId;

use crate::policy::{Policy, later};

/// Each author's virtual time: until when what was asked for keeps its share busy. What is asked for next is due from
/// then on, so an author with a hundred jobs stands behind one with a single job, by at most [`Policy::share_cap`].
#[derive(Debug, Default)]
pub struct Shares {
    busy_until: HashMap<String, Timestamp>,
    given: HashMap<BuildId, SignedDuration>,
}

impl Shares {
    /// By how much a run of `jobs` jobs that `author` asked for at `wanted` is pushed back. Fixed at the first question.
    pub fn push_back(
        &mut self,
        policy: &Policy,
        build: &BuildId,
        author: &str,
        jobs: usize,
        wanted: Timestamp,
    ) -> SignedDuration {
        if let Some(given) = self.given.get(build) {
            return *given;
        }
        let busy = self.busy_until.get(author).copied().unwrap_or(wanted);
        let start = busy.max(wanted).min(later(wanted, policy.share_cap));
        let cost = policy
            .share_each
            .saturating_mul(i32::try_from(jobs).unwrap_or(i32::MAX));
        self.busy_until
            .insert(author.to_owned(), later(start, cost));
        let push_back = start.duration_since(wanted);
        self.given.insert(build.clone(), push_back);
        push_back
    }

    /// A run is over.
    pub fn end(&mut self, build: &BuildId) {
        self.given.remove(build);
    }

    /// Authors whose share is free again are forgotten.
    pub fn forget(&mut self, now: Timestamp) {
        self.busy_until.retain(|_, until| *until > now);
    }
}
