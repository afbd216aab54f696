//! Where a job stands among the others.
//!
//! A rank is fixed when a job is first wanted: the moment it was wanted, pushed back by its class, by how far its commit
//! lies behind its head, and by its author's share, all of it at most [`Policy::longest_push_back`] (*P*). A job that is
//! wanted at *w* is so overtaken only by what is wanted before *w* + *P*: ageing without a sweep.
//!
//! **The bound.** Let *N* be the jobs of the same host type wanted before *w* + *P*, *k* the machines that a job may use
//! (or its quota, where that is less), and *L* the longest that one takes. From *w* + *P* on nothing new goes first, and
//! no machine idles while the job waits: it begins at the latest at *w* + *P* + (⌈*N* / *k*⌉ + 1) · *L*, whatever arrives
//! later. `queue::tests` holds it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::policy::{Policy, later};

/// What a build is wanted for, most urgent first. Machines that are lent to people will come before tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Of a change that somebody waits for.
    Try,
    /// The newest commit of a branch.
    Tip,
    /// A sub-repository's, against a commit of the main repository.
    Sub,
    /// Between a green and a red commit: whose fault is it?
    Culprit,
    /// An older commit, for machines that idle.
    History,
}

impl Class {
    /// All of them, most urgent first.
    pub const ALL: [Self; 5] = [
        Self::Try,
        Self::Tip,
        Self::Sub,
        Self::Culprit,
        Self::History,
    ];

    /// `try`, `tip`, `sub`, `culprit`, `history`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Try => "try",
            Self::Tip => "tip",
            Self::Sub => "sub",
            Self::Culprit => "culprit",
            Self::History => "history",
        }
    }
}

/// Where a job stands among the others: smaller goes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    due: Timestamp,
    class: Class,
    behind: u32,
}

impl Rank {
    /// The rank of a job of `class`, wanted at `wanted`, for a commit `behind` its head, whose author's share pushes it
    /// back by `share`.
    #[must_use]
    pub fn new(
        policy: &Policy,
        class: Class,
        wanted: Timestamp,
        behind: u32,
        share: SignedDuration,
    ) -> Self {
        let of_class = match class {
            Class::Try => SignedDuration::ZERO,
            Class::Tip => policy.tip_delay,
            Class::Sub => policy.sub_delay,
            Class::Culprit => policy.culprit_delay,
            Class::History => history(policy, behind),
        };
        let push_back = of_class.saturating_add(share.min(policy.share_cap));
        Self {
            due: later(wanted, push_back.min(policy.longest_push_back)),
            class,
            behind,
        }
    }

    /// Nothing that is wanted after this goes first.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.due
    }

    /// What it is wanted for.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }
}

/// Newest first: the further behind, the later.
fn history(policy: &Policy, behind: u32) -> SignedDuration {
    let behind = i32::try_from(behind).unwrap_or(i32::MAX);
    policy
        .history_delay
        .saturating_add(policy.behind_delay.saturating_mul(behind))
}
