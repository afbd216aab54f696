//! The farm's numbers, in one place.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::queue::Class;
use farm_model::order::NotMade;

/// How long things may take and how often they are tried.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Silence of a hub, or absence of an attempt from its heartbeats, that counts as loss.
    pub grace: SignedDuration,
    /// How long a hub has to accept what it was offered.
    pub offer: SignedDuration,
    /// First pause after a loss; doubles with each.
    pub back_off: SignedDuration,
    /// Longest pause after a loss.
    pub back_off_cap: SignedDuration,
    /// A pause between two looks at the time that means that this process slept, and so did not listen.
    pub slept: SignedDuration,
    /// How long a job waits for another machine than the one that lost it, after its first loss; four times as long with
    /// each further one.
    pub elsewhere: SignedDuration,
    /// At the longest.
    pub elsewhere_cap: SignedDuration,
    /// Pause after a refusal, which counts against nobody.
    pub refused_pause: SignedDuration,
    /// How long a machine is kept as a job left it, for the run's next job.
    pub hold: SignedDuration,
    /// How long a run may take from its first attempt on.
    pub run_limit: SignedDuration,
    /// How long a run may wait for its first attempt.
    pub wait_limit: SignedDuration,
    /// How long a build that is over and not shown stays in memory.
    pub remembered: SignedDuration,
    /// How much later than its limit an attempt is given up though its hub still speaks of it.
    pub overtime: SignedDuration,
    /// How much later than a try a build of a branch's newest commit is due.
    pub tip_delay: SignedDuration,
    /// The same for one of a sub-repository.
    pub sub_delay: SignedDuration,
    /// The same for one between a green and a red commit.
    pub culprit_delay: SignedDuration,
    /// The same for one of an older commit.
    pub history_delay: SignedDuration,
    /// And more for each commit that it lies behind.
    pub behind_delay: SignedDuration,
    /// In so long from wanted to decided a try is to be over.
    pub try_objective: SignedDuration,
    /// The same for a build of a branch's newest commit.
    pub tip_objective: SignedDuration,
    /// The same for one of a sub-repository.
    pub sub_objective: SignedDuration,
    /// The same for one between a green and a red commit.
    pub culprit_objective: SignedDuration,
    /// By how much an author's share is pushed back by each job of a try.
    pub share_each: SignedDuration,
    /// By how much at most.
    pub share_cap: SignedDuration,
    /// Whatever is pushed back, is so by this at most: see [`crate::queue::Rank`].
    pub longest_push_back: SignedDuration,
    /// How long the losses of a machine speak against it.
    pub aside_window: SignedDuration,
    /// Losses in that time, and at least half of what it ran, that set it aside.
    pub aside_losses: usize,
    /// For how long the first time; twice as long with each further one.
    pub aside_first: SignedDuration,
    /// At the longest.
    pub aside_cap: SignedDuration,
    /// Machines that lose something within so long of each other share a trouble that is not theirs.
    pub burst: SignedDuration,
    /// So many different machines that went away under a job make it the job's fault.
    pub poison: usize,
    /// Searches for a culprit at once, for each builder.
    pub searches_each: usize,
    /// Searches for a culprit at once, in all.
    pub searches: usize,
    /// From this rate on, in failures of a thousand runs, a test that flakes does not start a search by failing once.
    pub flaky_per_mille: u32,
    /// How long what a commit broke, or what of that is mended, is gathered before it is told together.
    pub gather: SignedDuration,
    /// What is found to have broken when its results are as old as this is no news any more, and not told.
    pub news: SignedDuration,
    /// How long a known job that was lost waits to be tried on the machine again; twice as long with each further loss.
    pub canary_back_off: SignedDuration,
    /// At the longest.
    pub canary_back_off_cap: SignedDuration,
    /// How long a machine stays trusted where its host type does not say.
    pub canary_valid: SignedDuration,
    /// How long a job takes of which nothing is known.
    pub usual_length: SignedDuration,
    /// How long a machine is away before its owner is told.
    pub missing_after: SignedDuration,
    /// How long one must have listened before a machine that is not heard of counts as away, and before owners are told.
    pub settle: SignedDuration,
    /// How long a machine that could not be made waits to be tried again; twice as long with each further time.
    pub pool_back_off: SignedDuration,
    /// At the longest.
    pub pool_back_off_cap: SignedDuration,
    /// The same for one that can never be made so, as its pool says.
    pub pool_refused: SignedDuration,
    /// How long a machine that was made has to register; and then, to have its labels.
    pub pool_boot: SignedDuration,
    /// How long one that was ordered may be away before it is given up.
    pub pool_away: SignedDuration,
    /// How long one that is away is expected back before another is ordered for what waits.
    pub pool_coming: SignedDuration,
    /// How long one must have listened before machines are ordered: those that are there have to be heard of first.
    pub pool_settle: SignedDuration,
    /// How long after its last moment a machine of which nobody says that it is gone is taken to be.
    pub pool_forget: SignedDuration,
    /// How often the orders are shown though nothing has changed, so that they can tell their age.
    pub pool_show: SignedDuration,
    /// How long a de-duplication key is remembered.
    pub inbox_kept: SignedDuration,
    /// How long a feed event is kept once there are more than `feed_floor`.
    pub feed_kept: SignedDuration,
    /// Feed events kept whatever their age.
    pub feed_floor: usize,
    /// How long a snapshot is remembered, but for the newest that each builder made of a repository; none: for ever.
    pub snapshots_kept: Option<SignedDuration>,
    /// How long the database keeps transitions; the bucket keeps them for longer ([`crate::keep`]).
    pub history_kept: SignedDuration,
    /// How long the log of decisions is kept.
    pub decisions_kept: SignedDuration,
    /// Bytes of that log after which there is a checkpoint to replay it from.
    pub checkpoint_after: usize,
    /// The least time between two of them: one costs what the whole farm costs to write.
    pub checkpoint_every: SignedDuration,
    /// Checkpoints kept: what the log holds from before the oldest is forgotten.
    pub checkpoints_kept: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            grace: SignedDuration::from_secs(20),
            offer: SignedDuration::from_secs(60),
            back_off: SignedDuration::from_millis(500),
            back_off_cap: SignedDuration::from_secs(60),
            slept: SignedDuration::from_secs(3),
            elsewhere: SignedDuration::from_secs(5),
            elsewhere_cap: SignedDuration::from_mins(5),
            refused_pause: SignedDuration::from_millis(200),
            hold: SignedDuration::from_mins(2),
            run_limit: SignedDuration::from_hours(48),
            wait_limit: SignedDuration::from_hours(14 * 24),
            remembered: SignedDuration::from_hours(1),
            overtime: SignedDuration::from_mins(10),
            tip_delay: SignedDuration::from_mins(30),
            sub_delay: SignedDuration::from_hours(1),
            culprit_delay: SignedDuration::from_hours(2),
            history_delay: SignedDuration::from_hours(4),
            behind_delay: SignedDuration::from_mins(10),
            try_objective: SignedDuration::from_mins(15),
            tip_objective: SignedDuration::from_mins(45),
            sub_objective: SignedDuration::from_mins(90),
            culprit_objective: SignedDuration::from_hours(3),
            share_each: SignedDuration::from_secs(10),
            share_cap: SignedDuration::from_mins(25),
            longest_push_back: SignedDuration::from_hours(12),
            aside_window: SignedDuration::from_hours(1),
            aside_losses: 2,
            aside_first: SignedDuration::from_mins(5),
            aside_cap: SignedDuration::from_hours(12),
            burst: SignedDuration::from_mins(2),
            poison: 3,
            searches_each: 2,
            searches: 20,
            flaky_per_mille: 20,
            gather: SignedDuration::from_mins(1),
            news: SignedDuration::from_hours(24),
            canary_back_off: SignedDuration::from_mins(1),
            canary_back_off_cap: SignedDuration::from_hours(1),
            canary_valid: SignedDuration::from_hours(12),
            usual_length: SignedDuration::from_mins(5),
            missing_after: SignedDuration::from_hours(1),
            settle: SignedDuration::from_mins(5),
            pool_back_off: SignedDuration::from_secs(15),
            pool_back_off_cap: SignedDuration::from_mins(15),
            pool_refused: SignedDuration::from_hours(1),
            pool_boot: SignedDuration::from_mins(10),
            pool_away: SignedDuration::from_mins(10),
            pool_coming: SignedDuration::from_mins(1),
            pool_settle: SignedDuration::from_secs(5),
            pool_forget: SignedDuration::from_hours(1),
            pool_show: SignedDuration::from_mins(1),
            inbox_kept: SignedDuration::from_hours(7 * 24),
            feed_kept: SignedDuration::from_hours(1),
            feed_floor: 50,
            snapshots_kept: Some(SignedDuration::from_hours(30 * 24)),
            history_kept: SignedDuration::from_hours(7 * 24),
            decisions_kept: SignedDuration::from_hours(7 * 24),
            checkpoint_after: 64 << 20,
            checkpoint_every: SignedDuration::from_hours(1),
            checkpoints_kept: 16,
        }
    }
}

impl Policy {
    /// In so long from wanted to decided a build of `class` is to be over; for history nothing is promised.
    #[must_use]
    pub fn objective(&self, class: Class) -> Option<SignedDuration> {
        match class {
            Class::Try => Some(self.try_objective),
            Class::Tip => Some(self.tip_objective),
            Class::Sub => Some(self.sub_objective),
            Class::Culprit => Some(self.culprit_objective),
            Class::History => None,
        }
    }

    /// When a job may be tried again after its `losses`-th loss (from 1).
    #[must_use]
    pub fn after_loss(&self, now: Timestamp, losses: u32) -> Timestamp {
        let factor = 1_i32 << losses.saturating_sub(1).min(16);
        let pause = self.back_off.saturating_mul(factor).min(self.back_off_cap);
        later(now, pause)
    }

    /// How long a job with so many losses waits for a machine that has not lost it.
    #[must_use]
    pub fn elsewhere_for(&self, losses: usize) -> SignedDuration {
        grown(self.elsewhere, 4, losses, self.elsewhere_cap)
    }

    /// For how long a machine is set aside the `times`-th time (from 1).
    #[must_use]
    pub fn aside_for(&self, times: u32) -> SignedDuration {
        grown(self.aside_first, 2, times as usize, self.aside_cap)
    }

    /// How long until a known job that was lost for the `times`-th time (from 1) is tried again.
    #[must_use]
    pub fn canary_again_in(&self, times: usize) -> SignedDuration {
        grown(self.canary_back_off, 2, times, self.canary_back_off_cap)
    }

    /// How long until a machine that could not be made for the `times`-th time (from 1) is tried again.
    #[must_use]
    pub fn order_again_in(&self, cause: NotMade, times: u32) -> SignedDuration {
        match cause {
            NotMade::StockOut | NotMade::Quota | NotMade::Passing => grown(
                self.pool_back_off,
                2,
                times as usize,
                self.pool_back_off_cap,
            ),
            NotMade::Refused => self.pool_refused,
        }
    }

    /// When a job may be offered again after its `row`-th refusal in a row: at once, and slower after ten.
    #[must_use]
    pub fn after_refusal(&self, now: Timestamp, row: u32) -> Timestamp {
        let factor = 1_i32 << row.saturating_sub(10).min(16);
        later(
            now,
            self.refused_pause
                .saturating_mul(factor)
                .min(self.back_off_cap),
        )
    }
}

/// `first`, times `factor` with each further time, at most `cap`.
fn grown(first: SignedDuration, factor: i32, times: usize, cap: SignedDuration) -> SignedDuration {
    let mut pause = first;
    for _ in 1..times.min(64) {
        pause = pause.saturating_mul(factor).min(cap);
    }
    pause.min(cap)
}

/// `now` plus `pause`, at most the end of time.
#[must_use]
pub fn later(now: Timestamp, pause: SignedDuration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

/// `now` less `age`, at least the start of time.
#[must_use]
pub fn earlier(now: Timestamp, age: SignedDuration) -> Timestamp {
    now.checked_sub(age).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap() {
        let policy = Policy::default();
        let at = |losses| {
            policy
                .after_loss(Timestamp::UNIX_EPOCH, losses)
                .as_millisecond()
        };
        assert_eq!([at(1), at(2), at(3), at(30)], [500, 1000, 2000, 60_000]);
    }
}
